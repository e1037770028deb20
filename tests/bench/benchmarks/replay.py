"""A replay memory, compared with a plain numpy ring and torchrl's buffers, which keep both frames per transition."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
from tensordict import TensorDict
from torchrl import logger as torchrl_logger
from torchrl.data import LazyMemmapStorage, LazyTensorStorage, TensorDictReplayBuffer, TensorStorage

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.replay.sampling.sumtree import SumTree
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.sizes import Sampling
from rtgraph.nodes.replay.transitions import Frame, Transition
from tests.bench.rounds import in_turn, microseconds_per_call, seconds
from tests.bench.rows import Aim, Row, Say

SCREEN = PlantSpec(
    rate_hz=60, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=18)
)
TRANSITIONS = 10_000
INSERTED = 3_000
FEW = 500
"""Number of transitions for a slow peer."""
BATCH = 32
SPARE_FRAMES = 32
"""Few, because the memory is a hundredth of the paper's: spare frames should have the same share as there."""
CAPACITY_BYTES = TRANSITIONS * 7_150
SAMPLING: tuple[Sampling, ...] = ("uniform", "prioritised")
CALLS_S = 0.2
LEAVES = 1_000_000
CUMSUM = "numpy cumsum and searchsorted"


def run(rounds: int, say: Say) -> list[Row]:
    """Measure inserting, sampling and size, then the sum tree at the paper's size."""
    torchrl_logger.setLevel("WARNING")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # numpy copies with one thread too
    try:
        return _measured(rounds, say)
    finally:
        torch.set_num_threads(threads)


def _measured(rounds: int, say: Say) -> list[Row]:
    rows, transitions = [], list(_chain())
    for sampling in SAMPLING:
        # The ring has no priorities: it shows what drawing by them costs. (torchrl's prioritised buffer needs a C++
        # extension that some versions of torch lack.)
        buffer = ReplayBuffer(CAPACITY_BYTES, SCREEN, sampling=sampling, spare_frames=SPARE_FRAMES)
        rows += _own(buffer, sampling, rounds)
        with tempfile.TemporaryDirectory() as folder:
            storages = (LazyTensorStorage(TRANSITIONS), LazyMemmapStorage(TRANSITIONS, scratch_dir=folder))
            peers = [partial(_Torchrl, storage) for storage in storages] if sampling == "uniform" else []
            for make in (_Ring, *peers):
                peer = make(transitions)
                say(f"{sampling}, {peer.name}")
                rows += _compared(rounds, sampling, buffer, peer)
        buffer.close()
    say("sum tree")
    return [*rows, _tree(rounds)]


class _Peer(Protocol):
    """Another memory. Its transitions are prepared beforehand in the form that it takes."""

    name: str
    size_bytes: float
    """Size of a transition."""

    def fill(self) -> None:
        """Fill it in the fastest way."""

    def insert(self) -> int:
        """Insert more transitions one by one, as they arrive from a plant; return how many."""

    def sample(self, batch: int) -> object:
        """Draw a batch."""


def _own(buffer: ReplayBuffer, sampling: Sampling, rounds: int) -> list[Row]:
    """Fill our buffer, and measure figures that no peer has."""
    rng = np.random.default_rng(0)
    while not buffer.stats.evicted:
        for transition in _chain():
            buffer.add(transition)
    if sampling == "uniform":
        return []
    indices, errors = buffer.draw(BATCH, rng).indices, rng.random(BATCH)
    update = [
        microseconds_per_call(lambda: buffer.update_priorities(indices, errors), CALLS_S)
        for _ in range(rounds)
    ]
    return [Row(f"{sampling}: set {BATCH} priorities", "µs", statistics.median(update))]


def _compared(rounds: int, sampling: Sampling, buffer: ReplayBuffer, peer: _Peer) -> list[Row]:
    rng = np.random.default_rng(0)

    def insert() -> int:
        for transition in chain:
            buffer.add(transition)
        return len(chain)

    chain = list(_chain())
    peer.fill()
    inserted = in_turn(rounds, lambda _: _rate(insert), lambda _: _rate(peer.insert))
    sampled = in_turn(
        rounds,
        lambda _: microseconds_per_call(lambda: buffer.sample(BATCH, rng), CALLS_S),
        lambda _: microseconds_per_call(lambda: peer.sample(BATCH), CALLS_S),
    )
    holdings = buffer.stats
    return [
        Row.compared(
            f"{sampling}: insert", "transitions/s", inserted[0], peer.name, inserted[1], more_is_better=True
        ),
        Row.compared(f"{sampling}: sample {BATCH}", "µs", sampled[0], peer.name, sampled[1]),
        Row.compared(
            f"{sampling}: a transition of 84×84",
            "bytes",
            [holdings.size_bytes / holdings.transitions],
            peer.name,
            [peer.size_bytes],
            note=f"{holdings.transitions:,} held",
            aim=Aim("at most 7200 bytes", "ours") if isinstance(peer, _Ring) else None,
        ),
    ]


class _Ring:
    """A simple buffer as written in an afternoon: uniform, two frames per transition, no checks, nothing on disk."""

    name = "numpy ring, both frames"

    def __init__(self, transitions: Sequence[Transition]) -> None:
        shape = SCREEN.observation.shape
        self._transitions = transitions
        self._observations = np.zeros((TRANSITIONS, *shape), np.uint8)
        self._next = np.zeros((TRANSITIONS, *shape), np.uint8)
        self._actions = np.zeros(TRANSITIONS, np.int64)
        self._rewards = np.zeros(TRANSITIONS, np.float32)
        self._discounts = np.zeros(TRANSITIONS, np.float32)
        self._columns = (self._observations, self._actions, self._rewards, self._next, self._discounts)
        self.size_bytes = sum(column.nbytes for column in self._columns) / TRANSITIONS
        self._rng = np.random.default_rng(0)
        self._added = 0

    def fill(self) -> None:
        while self._added < TRANSITIONS:
            self.insert()

    def insert(self) -> int:
        for transition in self._transitions:
            slot = self._added % TRANSITIONS
            self._observations[slot] = transition.observation.value
            self._next[slot] = transition.next_observation.value
            self._actions[slot] = transition.action
            self._rewards[slot] = transition.discounted_reward
            self._discounts[slot] = transition.discount
            self._added += 1
        return len(self._transitions)

    def sample(self, batch: int) -> tuple[np.ndarray, ...]:
        slots = self._rng.integers(min(self._added, TRANSITIONS), size=batch)
        return tuple(column[slots] for column in self._columns)


class _Torchrl:
    """torchrl's buffer, in memory or mapped to files."""

    def __init__(self, storage: TensorStorage, transitions: Sequence[Transition]) -> None:
        self.name = f"torchrl, {type(storage).__name__}"
        self._buffer = TensorDictReplayBuffer(storage=storage, batch_size=BATCH)
        self._transitions = [_tensors(transition) for transition in transitions[:FEW]]
        self.size_bytes = float(self._transitions[0].bytes())

    def fill(self) -> None:
        many = torch.stack(self._transitions)
        for _ in range(TRANSITIONS // FEW):
            self._buffer.extend(many)

    def insert(self) -> int:
        for transition in self._transitions:
            self._buffer.add(transition)
        return len(self._transitions)

    def sample(self, batch: int) -> TensorDict:
        return self._buffer.sample(batch)


def _tensors(transition: Transition) -> TensorDict:
    return TensorDict(
        {
            "observation": torch.from_numpy(transition.observation.value),
            "next_observation": torch.from_numpy(transition.next_observation.value),
            "action": torch.tensor(transition.action),
            "reward": torch.tensor(transition.discounted_reward),
            "discount": torch.tensor(transition.discount),
        }
    )


def _chain() -> Iterator[Transition]:
    """Yield consecutive transitions, as from a plant."""
    screens = np.random.default_rng(0).integers(0, 255, (64, 84, 84)).astype(np.uint8)
    now = Frame("plant", 0, 0, 0, 0, screens[0])
    for number in range(1, INSERTED + 1):
        following = Frame("plant", 0, 0, number, number, screens[number % 64])
        yield Transition(now, number % 18, 0.5, following, 0.99, 1)
        now = following


def _rate(insert: Callable[[], int]) -> float:
    """Return the number of insertions per second."""
    counts: list[int] = []
    took_s = seconds(lambda: counts.append(insert()))
    return counts[0] / took_s


def _tree(rounds: int) -> Row:
    rng = np.random.default_rng(0)
    values = rng.random(LEAVES)
    tree = SumTree(LEAVES)
    tree.set(np.arange(LEAVES), values)

    def ours() -> None:
        leaves = tree.draw(BATCH, rng)
        tree.set(leaves, rng.random(BATCH))

    def plain() -> None:
        running = np.cumsum(values)
        leaves = np.searchsorted(running, rng.random(BATCH) * running[-1])
        values[leaves] = rng.random(BATCH)

    mine, theirs = in_turn(
        rounds,
        lambda _: microseconds_per_call(ours, CALLS_S),
        lambda _: microseconds_per_call(plain, CALLS_S),
    )
    return Row.compared(f"sum tree of {LEAVES:,}: draw and set {BATCH}", "µs", mine, CUMSUM, theirs)

"""What a replay memory costs, beside plain numpy rings that keep both frames of every transition."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import numpy as np

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.replay import Frame, ReplayBuffer, SumTree, Transition
from rtgraph.nodes.replay.buffer import Sampling
from tests.bench.rounds import in_turn, microseconds_per_call, seconds
from tests.bench.rows import Aim, Row, Say

SCREEN = PlantSpec(
    rate_hz=60, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=18)
)
TRANSITIONS = 10_000
INSERTED = 3_000
BATCH = 32
SPARE_FRAMES = 32
"""Few, as the memory is a hundredth of the paper's: they are to weigh as little here as they do there."""
CAPACITY_BYTES = TRANSITIONS * 7_150
SAMPLING: tuple[Sampling, ...] = ("uniform", "prioritised")
CALLS_S = 0.2
LEAVES = 1_000_000
RING = "numpy ring, both frames"
CUMSUM = "numpy cumsum and searchsorted"


def run(rounds: int, say: Say) -> list[Row]:
    """Measure inserting, sampling and size, then the sum tree at the paper's size."""
    ring, rows = _Ring(TRANSITIONS), []
    for sampling in SAMPLING:
        say(sampling)
        rows += _compared(rounds, sampling, ring)
    say("sum tree")
    return [*rows, _tree(rounds)]


def _compared(rounds: int, sampling: Sampling, ring: _Ring) -> list[Row]:
    buffer = ReplayBuffer(CAPACITY_BYTES, SCREEN, sampling=sampling, spare_frames=SPARE_FRAMES)
    rng = np.random.default_rng(0)
    inserted = in_turn(rounds, lambda _: _rate(buffer.add), lambda _: _rate(ring.add))
    sampled = in_turn(
        rounds,
        lambda _: microseconds_per_call(lambda: buffer.sample(BATCH, rng), CALLS_S),
        lambda _: microseconds_per_call(lambda: ring.sample(BATCH, rng), CALLS_S),
    )
    holdings = buffer.holdings
    rows = [
        Row.compared(
            f"{sampling}: insert", "transitions/s", inserted[0], RING, inserted[1], more_is_better=True
        ),
        Row.compared(f"{sampling}: sample {BATCH}", "µs", sampled[0], RING, sampled[1]),
        Row.compared(
            f"{sampling}: a transition of 84×84",
            "bytes",
            [holdings.size_bytes / holdings.transitions],
            RING,
            [ring.size_bytes / TRANSITIONS],
            note=f"{holdings.transitions:,} held",
            aim=Aim("at most 7200 bytes", "ours"),
        ),
    ]
    if sampling == "prioritised":
        indices, errors = buffer.draw(BATCH, rng).indices, rng.random(BATCH)
        update = [
            microseconds_per_call(lambda: buffer.update_priorities(indices, errors), CALLS_S)
            for _ in range(rounds)
        ]
        rows.append(Row(f"{sampling}: set {BATCH} priorities", "µs", statistics.median(update)))
    buffer.close()
    return rows


class _Ring:
    """What is written in an afternoon: uniform, two frames a transition, nothing checked, nothing kept on disk."""

    def __init__(self, capacity: int) -> None:
        shape = SCREEN.observation.shape
        self._observations = np.zeros((capacity, *shape), np.uint8)
        self._next = np.zeros((capacity, *shape), np.uint8)
        self._actions = np.zeros(capacity, np.int64)
        self._rewards = np.zeros(capacity, np.float32)
        self._discounts = np.zeros(capacity, np.float32)
        self._capacity, self._added = capacity, 0

    @property
    def size_bytes(self) -> int:
        arrays = (self._observations, self._next, self._actions, self._rewards, self._discounts)
        return sum(array.nbytes for array in arrays)

    def add(self, transition: Transition) -> None:
        slot = self._added % self._capacity
        self._observations[slot] = transition.observation.value
        self._next[slot] = transition.next_observation.value
        self._actions[slot] = transition.action
        self._rewards[slot] = transition.discounted_reward
        self._discounts[slot] = transition.discount
        self._added += 1

    def sample(self, batch: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        slots = rng.integers(min(self._added, self._capacity), size=batch)
        columns = (self._observations, self._actions, self._rewards, self._next, self._discounts)
        return tuple(column[slots] for column in columns)


def _chain() -> Iterator[Transition]:
    """Yield transitions that follow on one another, as a plant's do."""
    screens = np.random.default_rng(0).integers(0, 255, (64, 84, 84)).astype(np.uint8)
    now = Frame("plant", 0, 0, 0, 0, screens[0])
    for number in range(1, INSERTED + 1):
        following = Frame("plant", 0, 0, number, number, screens[number % 64])
        yield Transition(now, number % 18, 0.5, following, 0.99, 1)
        now = following


def _rate(add: Callable[[Transition], object]) -> float:
    chain = list(_chain())

    def insert() -> None:
        for transition in chain:
            add(transition)

    # Over and over until it is full and long past its first touch of the memory.
    took_s = [seconds(insert) for _ in range(6)]
    return INSERTED / took_s[-1]


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

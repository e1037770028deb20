"""The replay buffer: transitions within a byte budget, sampled at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import CheckpointError, ReplayError
from rtgraph.nodes.replay.replay_stats import ReplayStats
from rtgraph.nodes.replay.sampling.prioritised import PriorityRows
from rtgraph.nodes.replay.storage.batch import Batch, Draw
from rtgraph.nodes.replay.storage.frame_slots import FrameSlots
from rtgraph.nodes.replay.storage.frames import FrameStore
from rtgraph.nodes.replay.storage.recovery import recover
from rtgraph.nodes.replay.storage.sizes import Order, Sampling, Sizes
from rtgraph.nodes.replay.storage.table import TransitionTable
from rtgraph.nodes.replay.transition import Transition


class ReplayBuffer:
    """Stores transitions and their frames (observations). Transitions that share a frame refer to one copy by its handle (a number).

    ``recent`` keeps the newest transitions. ``reservoir`` keeps a uniform sample of all transitions ever seen (Vitter's Algorithm
    R). It needs two frames per transition, because successive transitions are rarely kept together.

    A frame is released when no transition refers to it. Its slot is reused only after ``spare_frames`` more frames, so that other
    processes have time to read the frame.

    Args:
        capacity_bytes: maximum total size in bytes.
        plant: the spec of observations and actions.
        order: what a full buffer keeps.
        sampling: how transitions are sampled: uniformly, or by priority.
        priority_exponent: alpha of prioritised sampling.
        spare_frames: number of frames stored before a released slot is reused.
        folder: the folder of a memory-mapped buffer on disk, continued if it exists; None for a buffer in memory. A buffer
            on disk survives a kill of its process at any instant; ``sync`` makes it survive a power failure.
        meaning: properties that all transitions share, such as the discount; a folder with other values is rejected.

    Raises:
        RegionError: there is too little room, or the folder holds a buffer with other settings or is in use.
        ReplayError: an option is out of range.
    """

    def __init__(
        self,
        capacity_bytes: int,
        plant: PlantSpec,
        *,
        order: Order = "recent",
        sampling: Sampling = "uniform",
        priority_exponent: float = 0.5,
        spare_frames: int = 256,
        folder: Path | None = None,
        meaning: Mapping[str, object] | None = None,
    ) -> None:
        _check_options(order, sampling, spare_frames)
        self._options: dict[str, Any] = {
            "capacity_bytes": capacity_bytes,
            "plant": plant,
            "order": order,
            "sampling": sampling,
            "priority_exponent": priority_exponent,
            "spare_frames": spare_frames,
        }
        self._on_disk = folder is not None
        self._order = order
        self._spare = spare_frames
        sizes = Sizes.of(capacity_bytes, plant, order, sampling, spare_frames)
        self.capacity = sizes.rows
        self.frames = FrameStore(plant.observation, sizes.frames, folder / "frames" if folder else None)
        try:
            path = folder / "transitions" if folder else None
            self._table = TransitionTable(plant.action, sizes.rows, order, path, meaning)
        except BaseException:
            self.frames.close()
            raise
        self.size_bytes = sizes.size_bytes
        self._slots = FrameSlots(self.frames, spare_frames)
        self._evicted = self._skipped = self._discarded = 0
        self._first = self._count = 0
        if self.frames.continued or self._table.continued:
            self._continue()
        self._priorities = (
            PriorityRows(self._table.index, self._table.priority, priority_exponent)
            if sampling == "prioritised"
            else None
        )

    @property
    def continued(self) -> bool:
        """Whether the buffer was on disk before, and is continued."""
        return self._table.continued

    @property
    def ticks(self) -> int:
        """Number of ticks (steps) that the replay node has counted, over all plants. The buffer only stores this number for the node.

        If the buffer is on disk, a restart of the node does not lose this number.
        """
        return self._table.ticks

    @ticks.setter
    def ticks(self, count: int) -> None:
        self._table.ticks = count

    def mark_demonstrated(self) -> None:
        """Mark all transitions that were added so far as demonstrated, i.e. as decisions of a demonstrator."""
        self._table.demonstrated = self._table.seen

    @property
    def demonstrated(self) -> int:
        """Number of demonstrated transitions in the buffer. They are dropped like all others when it is full."""
        marked = self._demonstrated(self._table.index[self._table.index > 0].astype(np.int64) - 1)
        return 0 if marked is None else int(marked.sum())

    def __len__(self) -> int:
        """Return the number of transitions."""
        return self._count

    def add(self, transition: Transition, rng: np.random.Generator | None = None) -> bool:
        """Add a transition. Return whether it was kept.

        With ``reservoir``, ``rng`` decides whether the transition is kept, and which stored transition it replaces.

        Raises:
            NotFinite: a number in the transition is not finite, or its reward is too large for a float32.
                Nothing has changed.
            ReplayError: a frame has another shape or dtype than the environment's, the action is not one of the environment's, the
                discount is outside 0 to 1, or ``reservoir`` has no ``rng``. Nothing has changed.
        """
        self._table.check(transition.action, transition.discounted_reward, transition.discount)
        for frame in (transition.observation, transition.next_observation):
            self.frames.check(frame)
        seen = self._table.seen
        slot = self._place(seen, rng)
        if slot is None:
            self._skipped += 1
            self._table.seen = seen + 1
            return False
        if self._table.index[slot]:
            self._evict(slot)
        handles = (
            self._slots.hold(transition.observation, self._evict_first),
            self._slots.hold(transition.next_observation, self._evict_first),
        )
        self._table.write(
            slot,
            seen if self._order == "recent" else seen * self.capacity + slot,
            handles,
            transition.action,
            (transition.discounted_reward, transition.discount, transition.ticks),
            1.0 if self._priorities is None else self._priorities.highest,
        )
        self._table.seen = seen + 1
        self._count += 1
        if self._priorities is not None:
            self._priorities.note(slot)
        return True

    def sample(self, batch: int, rng: np.random.Generator, *, correction: float = 1.0) -> Batch:
        """Sample ``batch`` transitions with replacement, and return copies of their frames (observations) with them."""
        return self.draw(batch, rng, correction=correction).batch(self.frames)

    def draw(self, batch: int, rng: np.random.Generator, *, correction: float = 1.0) -> Draw:
        """Sample transitions with replacement, and return them with the handles (numbers) of their frames, without the frames.

        Args:
            batch: number of transitions.
            rng: the random generator.
            correction: β, the exponent of the importance weights; 1 corrects fully.

        Raises:
            ReplayError: the buffer is empty, or ``batch`` is below 1.
        """
        if not self._count or batch < 1:
            raise ReplayError(
                f"cannot draw {batch} transitions from a replay memory that holds {self._count} transitions",
                hint="draw at least 1 transition" if self._count else "add transitions first",
            )
        if self._priorities is None:
            rows = (self._first + rng.integers(self._count, size=batch)) % self.capacity
            weights = np.ones(batch, np.float32)
        else:
            rows, weights = self._priorities.draw(batch, correction, rng)
        drawn = self._table.rows[rows]
        indices = drawn["index"].astype(np.int64) - 1
        return Draw(
            observations=drawn["observation"].copy(),
            actions=drawn["action"].copy(),
            returns=drawn["reward"].copy(),
            next_observations=drawn["next_observation"].copy(),
            discounts=drawn["discount"].copy(),
            weights=weights,
            indices=indices,
            demonstrated=self._demonstrated(indices),
        )

    def update_priorities(
        self, indices: npt.NDArray[np.int64], errors: npt.NDArray[np.floating] | Sequence[float]
    ) -> int:
        """Set the priorities of transitions from their temporal-difference errors.

        Return how many of the transitions still exist. Both arguments have the shape (n,). Transitions that the buffer dropped
        after they were sampled are ignored. With uniform sampling, nothing is stored.

        Raises:
            ReplayError: an error is not finite, or the arrays differ in shape. Nothing has changed.
        """
        indices, errors = np.asarray(indices, np.int64), np.asarray(errors)
        if indices.shape != errors.shape:
            raise ReplayError(
                f"the temporal-difference errors have the shape {errors.shape}, but the indices of transitions have {indices.shape}"
            )
        infinite = int(np.count_nonzero(~np.isfinite(errors)))
        if infinite:
            raise ReplayError(
                f"{infinite} of {errors.size} temporal-difference errors are not finite numbers",
                hint="the learner has probably diverged: lower its learning rate",
            )
        rows = indices % self.capacity
        there = self._table.index[rows] == (indices + 1).astype(np.uint64)
        if self._priorities is not None and there.any():
            self._priorities.update(rows[there], errors[there])
        return int(there.sum())

    @property
    def stats(self) -> ReplayStats:
        """The contents of the buffer."""
        frames = self._slots.held
        room = self.frames.slots - self._spare
        return ReplayStats(
            transitions=self._count,
            capacity=self.capacity,
            fits=min(self.capacity, room * self._count // frames) if frames else self.capacity,
            frames=frames,
            seen=self._table.seen,
            evicted=self._evicted,
            skipped=self._skipped,
            discarded=self._discarded,
            size_bytes=self.size_bytes,
        )

    @property
    def full(self) -> bool:
        """Whether the buffer has dropped transitions for lack of room since it was opened."""
        return self._evicted > 0

    def sync(self) -> None:
        """Flush the buffer to disk, so that its contents survive a power failure. Slow if the buffer is large.

        If the power fails, writes since the last flush may be incomplete, and nothing shows it. If only the process is killed, all
        writes are complete.
        """
        self.frames.sync()
        self._table.sync()

    def close(self) -> None:
        """Close the memory or the files. Closing twice is allowed."""
        self.frames.close()
        self._table.close()

    def world_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint of the virtual world.

        Raises:
            CheckpointError: the buffer is on disk.
        """
        if self._on_disk:
            raise CheckpointError(
                "a replay memory in a folder cannot be saved in a checkpoint: its files change after the checkpoint, "
                "so a resumed run would find newer transitions",
                hint="give the replay memory no folder: the checkpoint then holds its transitions",
            )
        priorities = self._priorities
        return {
            "options": self._options,
            "frames": self.frames.world_state(),
            "table": self._table.world_state(),
            "slots": self._slots.world_state(),
            "counts": [self._evicted, self._skipped, self._discarded, self._first, self._count],
            "priorities": None if priorities is None else priorities.world_state(),
        }

    def load_world_state(self, state: Any) -> None:
        """Restore the state from a checkpoint of the virtual world."""
        ReplayBuffer.__init__(self, **state["options"])
        self.frames.load_world_state(state["frames"])
        self._table.load_world_state(state["table"])
        self._slots.load_world_state(state["slots"])
        self._evicted, self._skipped, self._discarded, self._first, self._count = state["counts"]
        if self._priorities is not None:
            self._priorities.load_world_state(state["priorities"])

    def _demonstrated(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_] | None:
        """Return which transitions are demonstrated, by their indices, (n,) bool; None if no transition ever was."""
        demonstrated = self._table.demonstrated
        if not demonstrated:
            return None
        return (indices if self._order == "recent" else indices // self.capacity) < demonstrated

    def _place(self, seen: int, rng: np.random.Generator | None) -> int | None:
        """Return the row for the next transition; None if this transition is not kept."""
        if self._order == "recent":
            return seen % self.capacity
        if rng is None:
            raise ReplayError(
                "a replay memory with order=reservoir needs a random generator", hint="pass rng to add()"
            )
        if self._count < self.capacity:
            return self._count
        chosen = int(rng.integers(seen + 1))
        return chosen if chosen < self.capacity else None

    def _evict_first(self) -> None:
        # Only the recent order needs it: a reservoir has two frames for each of its rows.
        self._evict(self._first % self.capacity)

    def _evict(self, row: int) -> None:
        for handle in self._table.clear(row):
            self._slots.release(handle)
        self._count -= 1
        self._evicted += 1
        if self._order == "recent":
            self._first += 1
        if self._priorities is not None:
            self._priorities.note(row)

    def _continue(self) -> None:
        """Continue the buffer of an earlier process, which may have been killed at any instant."""
        table = self._table
        kept, self._discarded = recover(table, self.frames, self.capacity, self._order)
        self._count = kept.size
        if self._order == "recent":
            self._first = table.seen - kept.size
        self._slots.resume(*(table.rows[column][kept] for column in ("observation", "next_observation")))


def _check_options(order: str, sampling: str, spare_frames: int) -> None:
    if order not in get_args(Order):
        raise ReplayError(
            f"a replay memory has no order {order!r}", hint=f"the orders are {', '.join(get_args(Order))}"
        )
    if sampling not in get_args(Sampling):
        raise ReplayError(
            f"a replay memory has no sampling {sampling!r}",
            hint=f"the ways of sampling are {', '.join(get_args(Sampling))}",
        )
    if spare_frames < 0:
        raise ReplayError(
            f"spare_frames must be at least 0, not {spare_frames}", hint="leave it out for the default"
        )

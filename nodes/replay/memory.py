"""A replay memory: plants (environments) add transitions, and learners sample them. The replay node is built around ``ReplayMemory``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtgraph.msgs import Applied, Observation
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.from_bag import FillResult, fill
from rtgraph.nodes.replay.history import View
from rtgraph.nodes.replay.sampling.limiter import Limiter
from rtgraph.nodes.replay.storage.batch import Draw
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.transitions import Assembled, Assembler, Transition


@dataclass(frozen=True, slots=True)
class Assembly:
    """The settings of an ``Assembler``, which makes transitions from messages."""

    gamma: float = 0.99
    n_step: int = 1
    learn_default: bool = False
    clip_rewards: float | None = None
    view: View | None = None

    def assembler(self) -> Assembler:
        """Return a new assembler, for the messages of one plant (environment or robot)."""
        return Assembler(
            self.gamma,
            learn_default=self.learn_default,
            n_step=self.n_step,
            clip_rewards=self.clip_rewards,
            view=self.view,
        )


class ReplayMemory:
    """Makes transitions from the messages of plants, stores them in a buffer, and limits how many batches are sampled.

    Ticks are counted from the time at which the memory holds ``minimum`` transitions. In the first n of these ticks,
    ⌊n × updates_per_tick⌋ batches become *due*: they may be sampled. Up to ``slack`` due batches wait while no learner samples;
    further ones are skipped.

    Args:
        buffer: holds the transitions.
        rng: the random generator of sampling, and with ``order=reservoir`` of the selection of transitions to keep.
        assembly: how transitions are made.
        minimum: number of transitions before the first batch.
        updates_per_tick: number of batches per tick of a plant, however large a batch is; None for no limit.
        slack: maximum number of due batches that wait.

    Raises:
        ReplayError: an argument is out of range.
    """

    def __init__(
        self,
        buffer: ReplayBuffer,
        rng: np.random.Generator,
        assembly: Assembly,
        *,
        minimum: int = 1,
        updates_per_tick: float | None = None,
        slack: int = 100,
    ) -> None:
        if not 1 <= minimum <= buffer.capacity:
            raise ReplayError(
                f"minimum is {minimum:,} transitions, but must be from 1 to {buffer.capacity:,}, the number that fits into the memory",
                hint="change minimum, or give the memory more bytes",
            )
        assembly.assembler()  # so that an argument out of range raises now
        self.buffer = buffer
        self.refused = 0
        """Number of transitions that the buffer rejected."""
        self.problem = ""
        """Why the buffer rejected the first rejected transition; empty if none was rejected."""
        self.sampled = 0
        """Number of transitions sampled."""
        self._rng = rng
        self._assembly = assembly
        self._minimum = minimum
        self._limiter = Limiter(updates_per_tick, slack=slack)
        self._begun = False
        self._assemblers: dict[str, Assembler] = {}
        self._newest: dict[str, tuple[int, int]] = {}

    @property
    def ticks(self) -> int:
        """Number of ticks of all plants, including ticks of earlier runs if the memory is on disk."""
        return self.buffer.ticks

    @property
    def assembled(self) -> dict[str, Assembled]:
        """The counts of transitions and decisions: a dict by the name of the plant (environment or robot)."""
        return {name: assembler.counts for name, assembler in self._assemblers.items()}

    @property
    def forgone(self) -> int:
        """Number of batches that were skipped, because no learner sampled when they were due."""
        return self._limiter.counts.forgone

    @property
    def drawn(self) -> int:
        """Number of batches sampled for learners, without the batches sampled in place of lost ones."""
        return self._limiter.counts.sampled

    @property
    def held_back(self) -> int:
        """Number of failed attempts to sample a batch: no batch was due. A waiting request is tried again at each tick.

        Attempts before the memory holds ``minimum`` transitions do not count.
        """
        return self._limiter.counts.sample_waits

    @property
    def cannot_begin(self) -> str:
        """Why no batch can ever be sampled if episodes stay as short as now; empty if batches can be sampled.

        Also empty as long as the memory is not full.

        A memory that keeps the newest transitions has one slot for a frame (observation) per transition. In short episodes many
        transitions need a second slot. Then fewer transitions fit, perhaps fewer than ``minimum``.
        """
        if self._begun or not self.buffer.full:
            return ""
        return (
            f"{self.buffer.stats.fits:,} transitions of such short episodes fit, fewer than "
            f"minimum={self._minimum}: raise replay_mib, or lower minimum"
        )

    @property
    def nothing_drawn(self) -> str:
        """Why no batch was sampled; empty if a batch was sampled."""
        if self.sampled:
            return ""
        if not self._begun:
            return self.cannot_begin or (
                f"{len(self.buffer):,} transitions are held, fewer than minimum={self._minimum}"
            )
        return "none was due: updates_per_tick sets the rate"

    def observed(self, observation: Observation) -> None:
        """Add an observation of a plant."""
        self._add(self._assembler(observation.header.source).observed(observation))

    def applied(self, applied: Applied) -> None:
        """Add the action applied at a tick, and count the tick. Each counted tick may make a batch due."""
        header = applied.header
        self._add(self._assembler(header.source).applied(applied))
        place = header.incarnation, applied.tick
        if place <= self._newest.get(header.source, (-1, -1)):
            return  # a duplicate
        self._newest[header.source] = place
        self.buffer.ticks += 1
        if self._begun:
            self._limiter.inserted()
            self._limiter.skip_excess()
        else:
            self._begin_if_enough()

    def fill(self, bag: Bag, age_ticks: int | None = None) -> FillResult:
        """Add the transitions of a recording. The ticks of the recording do not count towards ``updates_per_tick``.

        Args:
            bag: the recording.
            age_ticks: age in ticks of the observation that an action is based on; None for the age in the recording.

        Raises:
            ReplayError: the recording contains no plant, or frames of another shape or dtype.
            DecodeError: a message is damaged, or of another version.
        """
        assembly = self._assembly
        return fill(
            self.buffer,
            bag,
            gamma=assembly.gamma,
            rng=self._rng,
            learn_default=assembly.learn_default,
            n_step=assembly.n_step,
            clip_rewards=assembly.clip_rewards,
            age_ticks=age_ticks,
            view=assembly.view,
        )

    def finish(self) -> None:
        """Store the remaining transitions at the end of the messages. They may span fewer than ``n_step`` decisions."""
        for assembler in self._assemblers.values():
            self._add(assembler.finish())
        self._limiter.stop()

    def draw(self, size: int, correction: float) -> Draw | None:
        """Sample a batch if one is due, else return None. The batch refers to frames (observations), which stay in the memory.

        Args:
            size: number of transitions.
            correction: β, the exponent of the importance weights in prioritised sampling.
        """
        self._begin_if_enough()
        if not self._begun or not self._limiter.may_sample():
            return None
        self._limiter.sampled(1)
        return self.draw_again(size, correction)

    def draw_again(self, size: int, correction: float) -> Draw:
        """Sample a new batch in place of a lost batch. The new batch does not count towards ``updates_per_tick``.

        Raises:
            ReplayError: the memory is empty.
        """
        self.sampled += size
        return self.buffer.draw(size, self._rng, correction=correction)

    def _begin_if_enough(self) -> None:
        """Begin to count due batches if the memory holds ``minimum`` transitions."""
        if not self._begun and len(self.buffer) >= self._minimum:
            self._begun = True
            self._limiter.present(1)

    def _assembler(self, source: str) -> Assembler:
        found = self._assemblers.get(source)
        if found is None:
            found = self._assemblers[source] = self._assembly.assembler()
        return found

    def _add(self, transitions: list[Transition]) -> None:
        for transition in transitions:
            try:
                self.buffer.add(transition, self._rng)
            except ReplayError as error:
                self.refused += 1
                self.problem = self.problem or error.problem

"""A replay memory that is fed with what plants publish and asked for batches: what the replay node is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtgraph.msgs import Applied, Observation
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.batch import Draw
from rtgraph.nodes.replay.from_bag import Filled, fill
from rtgraph.nodes.replay.sampling.limiter import Limiter
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.transitions import Assembled, Assembler, Transition


@dataclass(frozen=True, slots=True)
class Assembly:
    """How transitions are made; see ``Assembler``."""

    gamma: float = 0.99
    n_step: int = 1
    learn_default: bool = False

    def assembler(self) -> Assembler:
        """Return an assembler, for one plant."""
        return Assembler(self.gamma, learn_default=self.learn_default, n_step=self.n_step)


class Memory:
    """An assembler for each plant, the buffer they fill, and the cadence at which batches are drawn from it.

    From the tick on at which ``minimum`` transitions are held, ⌊ticks × updates_per_tick⌋ batches may be drawn. What
    falls due while nobody draws is kept up to ``slack`` batches and forgone beyond.

    Args:
        buffer: what holds the transitions.
        rng: chance, for what is drawn and what a reservoir keeps.
        assembly: how transitions are made.
        minimum: transitions held before the first batch.
        updates_per_tick: batches for each tick of a plant, of whatever size; None for as many as are asked for.
        slack: see above.

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
                f"the first batch is to come at {minimum:,} transitions, and {buffer.capacity:,} are held at most",
                hint="lower minimum, or give the memory more bytes",
            )
        assembly.assembler()  # so that an argument out of range is told now
        self.buffer = buffer
        self.refused = 0
        """Transitions that the buffer did not admit."""
        self.problem = ""
        """Why it did not admit the first of them."""
        self.sampled = 0
        """Transitions drawn."""
        self._rng = rng
        self._assembly = assembly
        self._minimum = minimum
        self._limiter = Limiter(updates_per_tick, slack=slack, batch=1)
        self._begun = False
        self._assemblers: dict[str, Assembler] = {}
        self._newest: dict[str, tuple[int, int]] = {}

    @property
    def ticks(self) -> int:
        """Ticks of plants seen; by earlier lives of a memory on disk, too."""
        return self.buffer.ticks

    @property
    def assembled(self) -> dict[str, Assembled]:
        """By plant, what its messages came to."""
        return {name: assembler.counts for name, assembler in self._assemblers.items()}

    @property
    def forgone(self) -> int:
        """Batches that fell due while nobody drew them, and that are not made up for."""
        return self._limiter.counts.forgone

    @property
    def held_back(self) -> int:
        """How often a batch was asked for and none was due."""
        return self._limiter.counts.sample_waits

    @property
    def cannot_begin(self) -> str:
        """Why no batch will be drawn if plants go on as they do; nothing where one was, or may be.

        A memory has a slot for one frame a transition. Where each needs a second one, since episodes are short, fewer
        transitions fit.
        """
        if self._begun or not self.buffer.full:
            return ""
        return (
            f"{self.buffer.holdings.fits:,} transitions of such short episodes fit, "
            f"and the first update comes at minimum={self._minimum}: raise replay_mib, or lower minimum"
        )

    @property
    def nothing_drawn(self) -> str:
        """Why no batch was drawn; nothing where one was."""
        if self.sampled:
            return ""
        if not self._begun:
            return self.cannot_begin or (
                f"{len(self.buffer):,} transitions are held, and the first update comes at minimum={self._minimum}"
            )
        return "none was due, which updates_per_tick decides"

    def observed(self, observation: Observation) -> None:
        """Take in an observation."""
        self._add(self._assembler(observation.header.source).observed(observation))

    def applied(self, applied: Applied) -> None:
        """Take in what was applied at a tick, which counts it."""
        header = applied.header
        self._add(self._assembler(header.source).applied(applied))
        place = header.incarnation, applied.tick
        if place <= self._newest.get(header.source, (-1, -1)):
            return  # the same once more
        self._newest[header.source] = place
        self.buffer.ticks += 1
        if self._begun:
            self._limiter.inserted()
            self._limiter.forgo()
        else:
            self._begin_if_enough()

    def fill(self, bag: Bag) -> Filled:
        """Take in a recording. Nothing falls due for it.

        Raises:
            ReplayError: there is no plant in it, or its frames do not fit.
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
        )

    def finish(self) -> None:
        """Take it that nothing follows: what is complete is kept, if shorter than ``n_step``."""
        for assembler in self._assemblers.values():
            self._add(assembler.finish())
        self._limiter.stop()

    def draw(self, size: int, correction: float) -> Draw | None:
        """Draw a batch if one is due; None if none is. Its frames stay where they are.

        Args:
            size: how many transitions.
            correction: β, see ``ReplayBuffer.draw``.
        """
        self._begin_if_enough()
        if not self._begun or not self._limiter.may_sample():
            return None
        self._limiter.sampled(1)
        return self.draw_again(size, correction)

    def draw_again(self, size: int, correction: float) -> Draw:
        """Draw a batch in place of one that was lost: it is not counted as another.

        Raises:
            ReplayError: there is nothing to draw from.
        """
        self.sampled += size
        return self.buffer.draw(size, self._rng, correction=correction)

    def _begin_if_enough(self) -> None:
        """Begin to count what is due, once there is enough to draw from."""
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

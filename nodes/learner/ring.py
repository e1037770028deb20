"""The gradient learners of one learner, as it hears of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rtgraph.msgs import Gradient
from rtgraph.nodes.learner.round_robin import Parallel, RoundRobin

LEASES = 4
"""How many times the longest of the last gaps before a gradient may pass before a learner counts as silent."""
GAPS = 32
"""How many gaps are remembered: a standstill is forgotten."""


@dataclass(frozen=True, slots=True)
class Due:
    """Gradients to apply now, as one if there are several, and the version that this makes."""

    version: int
    offers: tuple[Gradient, ...]
    delays: tuple[int, ...]


class Ring:
    """Who computes gradients, who of them lives, and whose gradient is applied next.

    Args:
        learners: how many there are, in the cyclic order of their places.
        order: ``round_robin`` or ``parallel``.
        version: of the weights now.
        silence_ns: how long one may be silent at least before it is left out.
        now_ns: the time; at first all count as alive.
    """

    def __init__(
        self,
        learners: int,
        order: Literal["round_robin", "parallel"],
        version: int,
        silence_ns: int,
        now_ns: int,
    ) -> None:
        names = [str(place) for place in range(learners)]
        self._ring: RoundRobin[Gradient] | Parallel[Gradient] = (
            RoundRobin(names, version) if order == "round_robin" else Parallel(names, version)
        )
        self.returned: list[int] = []
        self._silence_ns = silence_ns
        self._heard_ns = [now_ns] * learners
        self._incarnation = [0] * learners
        self._gaps_ns: deque[int] = deque(maxlen=GAPS)
        self._applied = [0] * learners
        self._left = 0

    def heard(self, place: int, incarnation: int, now_ns: int) -> bool:
        """Note that a learner lives; take it in again if it was out. False where it is none, or an earlier life.

        Whoever is taken in again is among ``returned`` until that is emptied.
        """
        if not 0 <= place < len(self._heard_ns) or incarnation < self._incarnation[place]:
            return False
        name = str(place)
        if incarnation > self._incarnation[place]:
            self._incarnation[place] = incarnation
            self._ring.leave(name)  # what its earlier life had offered is answered to nobody
        if name not in self._ring.alive:
            self._ring.join(name)
            self.returned.append(place)
        self._heard_ns[place] = now_ns
        return True

    def take(self, gradient: Gradient, now_ns: int) -> Sequence[Gradient]:
        """Take a gradient; return those that are not going to be used, so that others can be asked for."""
        if not 0 <= gradient.place < len(self._heard_ns):
            return ()
        gap_ns = now_ns - self._heard_ns[gradient.place]
        if not self.heard(gradient.place, gradient.incarnation, now_ns):
            return ()
        self._gaps_ns.append(gap_ns)
        if gradient.based_on > self._ring.version:
            return (gradient,)  # on a version of a life of the weights that is over
        name = str(gradient.place)
        # A learner waits for its newest only: one that it had offered before the weights' owner was restarted.
        self._ring.withdraw(name)
        return () if self._ring.offer(name, gradient, gradient.based_on) else (gradient,)

    def due(self) -> Due | None:
        """Return what is to be applied now; None while it has not come."""
        update = self._ring.due()
        if update is None:
            return None
        for offer in update.offers:
            self._applied[int(offer.learner)] += 1
        return Due(update.version, tuple(offer.gradient for offer in update.offers), update.delays)

    def leave_silent(self, now_ns: int) -> list[int]:
        """Leave out whoever was silent for too long; return their places."""
        most_ns = max(self._silence_ns, LEASES * max(self._gaps_ns, default=0))
        waiting = self._ring.waiting
        silent = [
            int(name)
            for name in self._ring.alive
            # One that waits for its turn has nothing to say but that it lives.
            if name not in waiting and now_ns - self._heard_ns[int(name)] > most_ns
        ]
        for place in silent:
            self._ring.leave(str(place))
            self._left += 1
        return silent

    def figures(self) -> dict[str, Any]:
        """Return how many gradients of each were applied, in order of their places, and how often one was left out."""
        return {
            "applied": list(self._applied),
            "left_out": self._left,
            "discarded": self._ring.discarded,
            "refused": self._ring.refused,
        }

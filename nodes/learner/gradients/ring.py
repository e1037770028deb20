"""The gradient learners of one learner, and the order in which their gradients are applied.

In this module a gradient learner is called a learner. The *place* of a learner is its index, from 0. A learner that is silent for
too long is left out. With its next message it takes part again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rtgraph.msgs import Gradient, LearnerState
from rtgraph.nodes.learner.gradients.round_robin import Parallel, RoundRobin

LEASES = 4
"""A learner is silent if it sends nothing for ``LEASES`` times as long as the longest recent gap, and for at least ``silence_ns``.

A gap is the time between a message and the message that the same learner sent before it, by their stamps. Two kinds of gaps
count: gaps that end with a gradient, and gaps longer than two ``STATE_PERIOD_NS`` of learners that were not left out. In gaps of
the second kind a gradient was probably computed, and its message is received after a later one.
"""
GAPS = 32
"""Minimum number of recent gaps that are stored, over all learners. With many learners, two per learner are stored."""
STATE_PERIOD_NS = 500_000_000
"""Interval at which a gradient learner that does not compute sends ``LearnerState``, in ns."""


@dataclass(frozen=True, slots=True)
class DueUpdate:
    """Gradients to apply now (their mean, if there are several), and the version (number of updates) that the weights then have."""

    version: int
    offers: tuple[Gradient, ...]
    delays: tuple[int, ...]


class GradientRing:
    """Records which gradient learners are alive, and which gradients to apply next.

    Args:
        learners: number of gradient learners. Their cyclic order is the order of their indices.
        order: ``round_robin`` (one gradient at a time) or ``parallel`` (the mean of all).
        version: the current version (number of updates) of the weights.
        silence_ns: minimum time without a message, in ns, after which a learner is left out.
        now_ns: the current time, in ns. Until ``silence_ns`` later, all learners count as alive.
        gap_ns: the expected time between two gradients of one learner, in ns; 0 if unknown.
    """

    def __init__(
        self,
        learners: int,
        order: Literal["round_robin", "parallel"],
        version: int,
        silence_ns: int,
        now_ns: int,
        gap_ns: int = 0,
    ) -> None:
        names = [str(place) for place in range(learners)]
        self._ring: RoundRobin[Gradient] | Parallel[Gradient] = (
            RoundRobin(names, version) if order == "round_robin" else Parallel(names, version)
        )
        self.returned: list[int] = []
        self._silence_ns = silence_ns
        self._heard_ns = [now_ns] * learners
        self._incarnation = [0] * learners
        self._sent_ns = [now_ns] * learners
        self._gaps_ns: deque[int] = deque([gap_ns], maxlen=max(GAPS, 2 * learners))
        self._applied = [0] * learners
        self._left = 0

    def mark_alive(self, message: LearnerState | Gradient, now_ns: int) -> bool:
        """Record a message of a gradient learner, which is therefore alive. A learner that was left out takes part again.

        Return False for an unknown index, or for a message that the learner sent before its restart. ``returned`` lists the
        learners that take part again, until the caller empties it.
        """
        place, incarnation, sent_ns = message.place, message.incarnation, message.header.stamp_ns
        if not 0 <= place < len(self._heard_ns) or incarnation < self._incarnation[place]:
            return False
        name = str(place)
        if incarnation > self._incarnation[place]:
            self._incarnation[place] = incarnation
            self._ring.leave(name)  # gradients of its earlier incarnation get no answer
            self._sent_ns[place] = sent_ns  # a restart is no gap
        left_out = name not in self._ring.alive
        if left_out:
            self._ring.join(name)
            self.returned.append(place)
        self._heard_ns[place] = now_ns
        gap_ns = sent_ns - self._sent_ns[place]
        computed = isinstance(message, Gradient)
        # A gap of a learner that was left out may be an outage of any length, unless it ends with a gradient.
        if gap_ns > (0 if computed else 2 * STATE_PERIOD_NS) and (computed or not left_out):
            self._gaps_ns.append(gap_ns)
        self._sent_ns[place] = max(self._sent_ns[place], sent_ns)
        return True

    def take(self, gradient: Gradient, now_ns: int) -> Sequence[Gradient]:
        """Add a gradient. Return it in a sequence if it is refused but needs an answer; else return an empty sequence."""
        if not self.mark_alive(gradient, now_ns):
            return ()
        if gradient.based_on > self._ring.version:
            return (gradient,)  # computed with a version of an earlier incarnation of the weights
        name = str(gradient.place)
        # A learner waits for an answer to its newest gradient only.
        self._ring.withdraw(name)
        return () if self._ring.offer(name, gradient, gradient.based_on) else (gradient,)

    def due(self) -> DueUpdate | None:
        """Return the gradients of the next update, and count them as applied. The update applies the mean of these gradients.

        Return None if one of these gradients has not arrived.
        """
        update = self._ring.due()
        if update is None:
            return None
        for offer in update.offers:
            self._applied[int(offer.learner)] += 1
        return DueUpdate(update.version, tuple(offer.gradient for offer in update.offers), update.delays)

    def drop_silent(self, now_ns: int) -> list[int]:
        """Leave out gradient learners that have been silent for too long. Return their indices."""
        most_ns = max(self._silence_ns, LEASES * max(self._gaps_ns))
        waiting = self._ring.waiting
        silent = [
            int(name)
            for name in self._ring.alive
            # A learner that waits for its turn only reports that it is alive.
            if name not in waiting and now_ns - self._heard_ns[int(name)] > most_ns
        ]
        for place in silent:
            self._ring.leave(str(place))
            self._left += 1
        return silent

    def figures(self) -> dict[str, Any]:
        """Return ``applied``, a list with the number of applied gradients of each learner, and three counts over all learners.

        The counts are ``discarded`` and ``refused`` gradients, and ``left_out``: how often a learner was left out.
        """
        return {
            "applied": list(self._applied),
            "left_out": self._left,
            "discarded": self._ring.discarded,
            "refused": self._ring.refused,
        }

"""Sums over the updates and decisions in a period of time, and the means and rates that follow from the sums."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence
from typing import Self

from rtgraph.msgs import Decision, Learned
from rtgraph.msgs.pending import known_in


@dataclasses.dataclass(slots=True)
class Tally:
    """Counts and sums over the updates and decisions in a period of time. Tallies of several periods can be added."""

    duration_ns: int = 0
    ticks: int = 0
    updates: int = 0
    samples: int = 0
    loss: float = 0.0
    q_mean: float = 0.0
    gradient_norm: float = 0.0
    delay: int = 0
    decisions: int = 0
    explored: int = 0
    dated: int = 0
    """Number of decisions for which the newest version of the weights was known."""
    staleness: int = 0
    aware: int = 0
    """Number of decisions of policies that read pending actions (decided but not yet applied)."""
    known: int = 0
    """Number of pending actions that were known, summed over the decisions counted in ``aware``."""

    def learned(self, update: Learned) -> None:
        """Add an update of a learner to the counts and sums."""
        self.updates += 1
        self.samples += update.samples
        self.loss += update.loss
        self.q_mean += update.q_mean
        self.gradient_norm += update.gradient_norm
        self.delay += update.delay

    def decided(self, decision: Decision, newest: int | None) -> None:
        """Add a decision to the counts and sums.

        Args:
            decision: the decision.
            newest: the newest version of the weights when the decision was made; None if unknown.
        """
        self.decisions += 1
        self.explored += decision.explored
        if newest is not None:
            self.dated += 1
            # Weights taken from an older checkpoint have a lower number.
            self.staleness += max(0, newest - decision.policy_version)
        if decision.pending is not None:
            self.aware += 1
            self.known += known_in(decision.pending)

    def add(self, other: Tally) -> None:
        """Add the counts and sums of another period to this tally."""
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @classmethod
    def of(cls, tallies: Sequence[Tally]) -> Self:
        """Return a tally with the sums of several tallies."""
        total = cls()
        for tally in tallies:
            total.add(tally)
        return total

    def figures(self) -> dict[str, int | float | None]:
        """Return means and rates, by name of a column of ``updates.csv``; an unknown value is None."""
        seconds = self.duration_ns / 1e9
        return {
            "updates": self.updates,
            "loss": _over(self.loss, self.updates),
            "q_mean": _over(self.q_mean, self.updates),
            "gradient_norm": _over(self.gradient_norm, self.updates),
            "delay": _over(self.delay, self.updates),
            "staleness": _over(self.staleness, self.dated),
            "explored": _over(self.explored, self.decisions),
            "known": _over(self.known, self.aware),
            "samples_per_s": _over(self.samples, seconds),
            "updates_per_s": _over(self.updates, seconds),
            "updates_per_tick": _over(self.updates, self.ticks),
            "ticks_per_s": _over(self.ticks, seconds),
        }


_NAMES = tuple(field.name for field in dataclasses.fields(Tally))


class VersionTally:
    """The times at which learners made versions of the weights. Finds the newest version at the time of a decision."""

    def __init__(self) -> None:
        self._stamps_ns: list[int] = []
        self._versions: list[int] = []

    @property
    def newest(self) -> int | None:
        """The newest version; None if no version is recorded."""
        return self._versions[-1] if self._versions else None

    def made(self, version: int, stamp_ns: int) -> None:
        """Record a version and the time at which it was made. Times may come in any order."""
        place = bisect.bisect_right(self._stamps_ns, stamp_ns)
        self._stamps_ns.insert(place, stamp_ns)
        self._versions.insert(place, version)

    def newest_at(self, time_ns: int) -> int | None:
        """Return the newest version at a time; None if no version is recorded up to that time."""
        place = bisect.bisect_right(self._stamps_ns, time_ns)
        return self._versions[place - 1] if place else None

    def forget_before(self, time_ns: int) -> None:
        """Drop old versions, which are needed only to find the newest version at earlier times than ``time_ns``."""
        place = max(0, bisect.bisect_right(self._stamps_ns, time_ns) - 1)
        del self._stamps_ns[:place], self._versions[:place]


def _over(total: float, count: float) -> float | None:
    return total / count if count else None

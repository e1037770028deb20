"""Counts how episodes ended: by reason, and by encounter, i.e. the name of the start state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rtgraph.msgs import Ending


@dataclass(slots=True)
class Attempts:
    """Counts of the episodes that began at one encounter, i.e. one named start state."""

    won: int = 0
    lost: int = 0
    """Number of episodes that ended for another reason than a win."""
    ticks: int = 0
    actions: int = 0
    """Number of ticks at which an action other than the noop was applied."""


@dataclass(slots=True)
class Endings:
    """Counts how the episodes of one environment ended: by reason, and by encounter (the name of the start state)."""

    reasons: Counter[str] = field(default_factory=Counter)
    encounters: dict[str, Attempts] = field(default_factory=dict)
    newest: str | None = None
    """The name of the start state (encounter) of the last episode that had one; None if no episode had one."""

    def add(self, ending: Ending) -> None:
        """Count the end of an episode."""
        self.reasons[ending.reason] += 1
        if ending.encounter is None:
            return
        self.newest = ending.encounter
        attempts = self.encounters.setdefault(ending.encounter, Attempts())
        if ending.reason == "won":
            attempts.won += 1
        else:
            attempts.lost += 1
        attempts.ticks += ending.ticks
        attempts.actions += ending.actions

    def figures(self, rate_hz: float | None = None) -> dict[str, Any]:
        """Return the counts as JSON values; empty if no episode gave a reason for its end.

        ``endings`` maps each reason to its number of episodes. If start states have names (encounters), there are two more
        entries. ``encounters`` maps each name to a dict of ``won``, ``lost``, ``ticks``, ``actions`` and, if the rate is given,
        ``time_s``. ``newest_encounter`` is the name of the last encounter.
        """
        found: dict[str, Any] = {"endings": dict(self.reasons)} if self.reasons else {}
        if self.encounters:
            found["newest_encounter"] = self.newest
            found["encounters"] = {
                name: {
                    "won": attempts.won,
                    "lost": attempts.lost,
                    "ticks": attempts.ticks,
                    "actions": attempts.actions,
                    **({} if rate_hz is None else {"time_s": attempts.ticks / rate_hz}),
                }
                for name, attempts in self.encounters.items()
            }
        return found

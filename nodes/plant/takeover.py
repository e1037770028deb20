"""Lets a person take over a robot from the policy."""

from __future__ import annotations

from collections.abc import Sequence

from rtgraph.msgs import Decision
from rtgraph.nodes.plant.gate import Choice, Gate


class Takeover:
    """Replaces the policy's decisions by a person's decisions, as long as the person sends decisions.

    Either the person or the policy commands. The first decision of a person stops the policy at once. The policy may act again
    when no decision of the person has arrived for ``release_ns``.

    Args:
        gate: chooses one of the person's decisions at each tick.
        release_ns: time without a decision after which the person no longer commands.
    """

    def __init__(self, gate: Gate, release_ns: int) -> None:
        self.person = ""
        """The node through which a person commands; empty while the policy commands."""
        self.ticks = 0
        """Number of ticks so far at which a person commanded."""
        self._gate = gate
        self._release_ns = release_ns
        self._newest_ns = 0

    def begin(self, tick: int, episode: int, incarnation: int) -> None:
        """Begin an episode of the plant."""
        self._gate.begin(tick, episode, incarnation)

    def choose(self, tick: int, decisions: Sequence[Decision], choice: Choice, now_ns: int) -> bool:
        """Replace the policy's choice at a tick while a person commands.

        Args:
            tick: the plant's tick.
            decisions: the person's decisions that have arrived since the previous tick.
            choice: the policy's choice; changed in place.
            now_ns: the graph's time.

        Returns:
            whether the one who commands has changed: from the policy to a person, from a person to the policy, or from one
            person to another.
        """
        before = self.person
        if decisions:
            self.person, self._newest_ns = decisions[-1].header.source.partition("/")[0], now_ns
        elif now_ns - self._newest_ns > self._release_ns:
            self.person = ""
        if self.person:
            self.ticks += 1
            mine = self._gate.choose(tick, decisions)
            choice.overwritten += mine.overwritten + (choice.decision is not None)
            choice.late += mine.late
            choice.dropped += mine.dropped
            choice.decision, choice.too_old, choice.delay_over = mine.decision, mine.too_old, 0
            choice.place = choice.averaged = 0
        return self.person != before

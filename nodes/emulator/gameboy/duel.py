"""Duel, a battle game that ships with rtgraph: its variables, its rewards, and its ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtgraph.msgs import EndReason
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables, count_fallen

_PARTY: Final = range(1, 7)
_ENDED: Final[Mapping[int, EndReason | None]] = {0: None, 1: "lost", 2: "won"}

DUEL_VARIABLES: Final[Mapping[str, Variable]] = {
    **{f"my_hp{place}": Variable(0xC022 + 16 * (place - 1), 2) for place in _PARTY},
    **{f"opp_hp{place}": Variable(0xC082 + 16 * (place - 1), 2) for place in _PARTY},
    "my_size": Variable(0xC014),
    "opp_size": Variable(0xC015),
    "encounter_number": Variable(0xC010),
    "turns": Variable(0xC018, 2),
    "menu": Variable(0xC016),
    "nets": Variable(0xC01B),
    "caught": Variable(0xC01A),
    "ended": Variable(0xC006),
}


class DuelBattleRules:
    """A battle earns 1 for each opponent that falls, and -1 for each of the player's creatures that falls.

    The battle ends when a side has no creature left.
    """

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        return float(
            count_fallen("opp_hp", _PARTY, previous, now) - count_fallen("my_hp", _PARTY, previous, now)
        )

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        return _ENDED[now["ended"]]


class DuelCatchingRules:
    """An encounter earns 1 if the creature is caught, and -1 if the encounter ends without a catch."""

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        if now["caught"] > previous["caught"]:
            return 1.0
        return -1.0 if now["ended"] and not (previous["ended"] or now["caught"]) else 0.0

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        return _ENDED[now["ended"]]

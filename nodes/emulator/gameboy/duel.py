"""Duel, a battle game of our own: what it keeps in memory, what battles and catches reward, and when they end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables

_PARTY: Final = range(1, 7)

DUEL_VARIABLES: Final[Mapping[str, Variable]] = {
    **{f"my_hp{place}": Variable(0xC022 + 16 * (place - 1), 2) for place in _PARTY},
    **{f"opp_hp{place}": Variable(0xC082 + 16 * (place - 1), 2) for place in _PARTY},
    "my_size": Variable(0xC014),
    "opp_size": Variable(0xC015),
    "encounter": Variable(0xC010),
    "turns": Variable(0xC018, 2),
    "menu": Variable(0xC016),
    "nets": Variable(0xC01B),
    "caught": Variable(0xC01A),
    "ended": Variable(0xC006),
}


class DuelBattleRules:
    """A battle rewards 1 for each opponent that falls and -1 for each creature of ours; it ends when a side has none left."""

    def reward(self, previous: Variables, now: Variables) -> float:
        return float(_fallen("opp_hp", previous, now) - _fallen("my_hp", previous, now))

    def ended(self, now: Variables) -> bool:
        return now["ended"] != 0


class DuelCatchingRules:
    """A catch rewards 1, an encounter that ends without one -1."""

    def reward(self, previous: Variables, now: Variables) -> float:
        if now["caught"] > previous["caught"]:
            return 1.0
        return -1.0 if now["ended"] and not (previous["ended"] or now["caught"]) else 0.0

    def ended(self, now: Variables) -> bool:
        return now["ended"] != 0


def _fallen(side: str, previous: Variables, now: Variables) -> int:
    """Return how many of a side's creatures had HP and have none now; several may fall in one frame."""
    return sum(previous[f"{side}{place}"] > 0 and now[f"{side}{place}"] == 0 for place in _PARTY)

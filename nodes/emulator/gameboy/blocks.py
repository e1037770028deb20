"""Blocks, a falling-block game that ships with rtgraph: its variables, its reward, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtgraph.msgs import EndReason
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables

BLOCKS_VARIABLES: Final[Mapping[str, Variable]] = {
    "score": Variable(0xC008, 4),
    "level": Variable(0xC00C),
    "lines": Variable(0xC016, 2),
    "pieces": Variable(0xC018, 2),
    "piece": Variable(0xC010),
    "next_piece": Variable(0xC014),
    "ended": Variable(0xC006),
}


class BlocksRules:
    """The reward is the change of the score. The game is over when there is no room for a new piece."""

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        return float(now["score"] - previous["score"])

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        return "game_over" if now["ended"] else None

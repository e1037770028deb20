"""Tetris for the Game Boy (World, Rev 1): its variables, its reward, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtgraph.msgs import EndReason
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables

TETRIS_VARIABLES: Final[Mapping[str, Variable]] = {
    # All three bytes: with two, the score would wrap at 10,000.
    "score": Variable(0xC0A0, 3, kind="bcd"),
    "level": Variable(0xFFA9),
    "game_state": Variable(0xFFE1),
}
TETRIS_STATE: Final = TETRIS_VARIABLES["game_state"]
"""The variable with the state of the game: 0 while pieces fall, and in the first frames after the console was switched on."""


class TetrisRules:
    """The reward is the change of the score. The game is over when the variable ``game_state`` is no longer 0."""

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        return float(now["score"] - previous["score"])

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        return "game_over" if now["game_state"] else None

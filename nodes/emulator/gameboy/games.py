"""The games that are known: their programs, what they keep in memory, and when they reward and end."""

from __future__ import annotations

import difflib
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from rtgraph.nodes.emulator.gameboy.blocks import BLOCKS_VARIABLES, BlocksRules
from rtgraph.nodes.emulator.gameboy.console import Console
from rtgraph.nodes.emulator.gameboy.duel import DUEL_VARIABLES, DuelBattleRules, DuelCatchingRules
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables, read_variables

_ROMS: Final = Path(__file__).with_name("roms")
_PLAYING: Final = 2
_MOST_STARTING_FRAMES: Final = 120
_SETTLED_FRAMES: Final = 60
"""After these every one of our programs shows its title."""


class Rules(Protocol):
    """What a game rewards and when it ends, judged by what its memory says from frame to frame."""

    def reward(self, previous: Variables, now: Variables) -> float:
        """Return what the step from one frame to the next earned."""
        ...

    def ended(self, now: Variables) -> bool:
        """Say whether the episode is over."""
        ...


@dataclass(frozen=True, slots=True)
class Game:
    """One of our own games. A program may have several, which differ in their rules and starts.

    ``states`` names the starts that it ships, the default first, each with the buttons pressed on the title screen to get
    there. All our programs keep their seed, their state and so on at the same addresses.
    """

    name: str
    program: str
    variables: Mapping[str, Variable]
    rules: Rules
    states: Mapping[str, tuple[str, ...]]

    @property
    def rom(self) -> Path:
        """The program."""
        return _ROMS / f"{self.program}.gb"

    def state_file(self, state: str) -> Path:
        """Return the file of a start, in stable-retro's format."""
        return _ROMS / f"{self.program}.{state}.state"

    def load_state(self, state: str) -> bytes:
        """Return a start: the title screen, just before START is pressed. Raises ``ValueError`` if there is none."""
        if state not in self.states:
            raise ValueError(f"state {state!r}: {self.name} has no such start. hint: it has {self._starts()}")
        return gzip.decompress(self.state_file(state).read_bytes())

    def _starts(self) -> str:
        """Name the starts: all of a few, else the first and the last."""
        names = list(self.states)
        return ", ".join(names if len(names) < 5 else [*names[:2], "...", names[-1]])

    def make_state(self, state: str, console: Console) -> bytes:
        """Return a start, made by pressing buttons on a console that was just switched on."""
        for _ in range(_SETTLED_FRAMES):
            console.step()
        for button in self.states[state]:
            console.step(button)
            console.step()
        return console.state

    def begin(self, console: Console, state: bytes, seed: int) -> None:
        """Begin a game from a start, with a seed from 1 to 65535, and run it until it takes actions.

        Raises ``RuntimeError`` if the state does not lead there.
        """
        console.state = state
        console.poke(SEED.address, seed, SEED.size)
        console.step("START")
        for _ in range(_MOST_STARTING_FRAMES):
            if STATE.read(console.memory()) == _PLAYING:
                return
            console.step()
        raise RuntimeError(f"{self.name} did not begin within {_MOST_STARTING_FRAMES} frames")

    def read(self, console: Console) -> dict[str, int]:
        """Return what the memory says now."""
        return read_variables(self.variables, console.memory())


STATE: Final = Variable(0xC000)
SEED: Final = Variable(0xC004, 2)

_BATTLES: Final = 24
_CATCHES: Final = 8

GAMES: Final = {
    game.name: game
    for game in (
        Game(
            name="blocks",
            program="blocks",
            variables=BLOCKS_VARIABLES,
            rules=BlocksRules(),
            states={f"level{level}": ("RIGHT",) * level for level in (0, 5, 9)},
        ),
        Game(
            name="duel_battles",
            program="duel",
            variables=DUEL_VARIABLES,
            rules=DuelBattleRules(),
            states={f"battle{number + 1}": ("RIGHT",) * number for number in range(_BATTLES)},
        ),
        Game(
            name="duel_catching",
            program="duel",
            variables=DUEL_VARIABLES,
            rules=DuelCatchingRules(),
            states={f"catch{number + 1}": ("RIGHT",) * (_BATTLES + number) for number in range(_CATCHES)},
        ),
    )
}


def find_game(name: str) -> Game:
    """Return the game of a name. Raises ``ValueError`` if there is none."""
    if name not in GAMES:
        nearest = difflib.get_close_matches(name, GAMES, n=3, cutoff=0.0)
        raise ValueError(
            f"game {name!r}: there is no such Game Boy game. hint: there are {', '.join(nearest)}"
        )
    return GAMES[name]

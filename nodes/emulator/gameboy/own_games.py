"""The games that ship with rtgraph."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtgraph.nodes.emulator.gameboy.blocks import BLOCKS_VARIABLES, BlocksRules
from rtgraph.nodes.emulator.gameboy.console import Console
from rtgraph.nodes.emulator.gameboy.duel import DUEL_VARIABLES, DuelBattleRules, DuelCatchingRules
from rtgraph.nodes.emulator.gameboy.game import Rules, name_some
from rtgraph.nodes.emulator.gameboy.variables import Variable

_ROMS: Final = Path(__file__).with_name("roms")
_PLAYING: Final = 2
_MOST_STARTING_FRAMES: Final = 120
_SETTLED_FRAMES: Final = 60
"""Number of frames after which every program shows its title screen."""


@dataclass(frozen=True, slots=True)
class OwnGame:
    """A game that ships with rtgraph. A program may have several games, which differ in their rules and start states.

    ``states`` maps the name of each start state to the buttons that select this state on the title screen. The default state
    is the first. All programs keep their seed and their state at the same addresses.
    """

    name: str
    program: str
    variables: Mapping[str, Variable]
    rules: Rules
    states: Mapping[str, tuple[str, ...]]
    has_ladder: bool = False

    @property
    def memory(self) -> range:
        """The addresses of the bytes that describe the game. All programs keep them at the same place."""
        return range(0xC000, 0xC100)

    @property
    def rom(self) -> Path:
        """The path of the program (ROM)."""
        return _ROMS / f"{self.program}.gb"

    def state_file(self, state: str) -> Path:
        """Return the path of the file of a start state, in stable-retro's format."""
        return _ROMS / f"{self.program}.{state}.state"

    def load_state(self, state: str) -> bytes:
        """Return a start state: the title screen, just before START. Raises ``ValueError`` if there is no such state."""
        if state not in self.states:
            raise ValueError(
                f"game {self.name} has no state {state!r}. hint: the states are {name_some(self.states)}"
            )
        return gzip.decompress(self.state_file(state).read_bytes())

    def make_state(self, state: str, console: Console) -> bytes:
        """Return a start state. It is made by pressing buttons on a console that was just switched on."""
        for _ in range(_SETTLED_FRAMES):
            console.step()
        for button in self.states[state]:
            console.step(button)
            console.step()
        return console.state

    def begin(self, console: Console, state: bytes, seed: int) -> None:
        """Begin a game from a start state, with a seed from 1 to 65535. Run the game until it accepts actions.

        Raises ``RuntimeError`` if the game does not accept actions in time.
        """
        console.state = state
        console.poke(SEED.address, seed, SEED.size)
        console.step("START")
        for _ in range(_MOST_STARTING_FRAMES):
            if STATE.read(console.memory()) == _PLAYING:
                return
            console.step()
        raise RuntimeError(f"game {self.name} did not begin within {_MOST_STARTING_FRAMES} frames")


STATE: Final = Variable(0xC000)
SEED: Final = Variable(0xC004, 2)

_BATTLES: Final = 24
_CATCHES: Final = 8

OWN_GAMES: Final = {
    game.name: game
    for game in (
        OwnGame(
            name="blocks",
            program="blocks",
            variables=BLOCKS_VARIABLES,
            rules=BlocksRules(),
            states={f"level{level}": ("RIGHT",) * level for level in (0, 5, 9)},
        ),
        OwnGame(
            name="duel_battles",
            program="duel",
            variables=DUEL_VARIABLES,
            rules=DuelBattleRules(),
            states={f"battle{number + 1}": ("RIGHT",) * number for number in range(_BATTLES)},
            has_ladder=True,
        ),
        OwnGame(
            name="duel_catching",
            program="duel",
            variables=DUEL_VARIABLES,
            rules=DuelCatchingRules(),
            states={f"catch{number + 1}": ("RIGHT",) * (_BATTLES + number) for number in range(_CATCHES)},
            has_ladder=True,
        ),
    )
}

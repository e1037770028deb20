"""Games for which the user brings the ROM of a cartridge: Tetris, and Pokémon's battles and catches."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtgraph.msgs.errors import RomError
from rtgraph.nodes.emulator.gameboy.console import Console
from rtgraph.nodes.emulator.gameboy.game import Rules, name_some
from rtgraph.nodes.emulator.gameboy.library import ROMS, find_rom, library_label, state_names, states_folder
from rtgraph.nodes.emulator.gameboy.pokemon import (
    POKEMON_VARIABLES,
    YELLOW_VARIABLES,
    PokemonBattleRules,
    PokemonCatchingRules,
)
from rtgraph.nodes.emulator.gameboy.tetris import TETRIS_STATE, TETRIS_VARIABLES, TetrisRules
from rtgraph.nodes.emulator.gameboy.variables import Variable

_MOST_MENU_FRAMES: Final = 3_000
_PRESS_EVERY: Final = 20
_BOOT_FRAMES: Final = 120
"""Number of frames that the game needs to clear its memory. Until then, the contents of the memory are undefined."""


@dataclass(frozen=True, slots=True)
class CartridgeGame:
    """A game for a ROM that the user brings. Each savestate of the user is a start state. They are ordered by name."""

    name: str
    rom_name: str
    variables: Mapping[str, Variable]
    rules: Rules
    has_ladder: bool = False

    @property
    def memory(self) -> range:
        """The addresses of the console's work memory."""
        return range(0xC000, 0xE000)

    @property
    def rom(self) -> Path:
        """The path of the program (ROM). Raises ``RomError`` if it is not imported, or is not the needed revision."""
        return find_rom(self.rom_name)

    @property
    def states(self) -> Collection[str]:
        """The names of the savestates, in order. Raises ``RomError`` if there are none."""
        find_rom(self.rom_name)
        names = state_names(states_folder(self.name))
        if not names:
            raise RomError(
                f"game {self.name} needs savestates of {ROMS[self.rom_name].label} in stable-retro's format, and they are not imported",
                hint=f"rtgraph rom import PATH --game {self.name} --states DIR copies them to "
                f"{library_label()}/states/{self.name}",
            )
        return names

    def load_state(self, state: str) -> bytes:
        """Return the content of a savestate. Raises ``ValueError`` if there is no such savestate, ``RomError`` if it is damaged."""
        if state not in self.states:
            raise ValueError(
                f"game {self.name} has no state {state!r}. hint: the states are {name_some(self.states)}"
            )
        return read_state(states_folder(self.name) / f"{state}.state")

    def begin(self, console: Console, state: bytes, seed: int) -> None:
        """Load a savestate, and run one frame.

        ``seed`` has no effect: the games derive randomness from the time at which buttons are pressed. That time differs between
        episodes, because the environment runs a random number of no-op frames after each ``begin``.
        """
        console.state = state
        console.step()


def read_state(file: Path) -> bytes:
    """Return the content of a savestate in stable-retro's format.

    Raises ``RomError`` if the file is not such a savestate.
    """
    try:
        return gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise RomError(f"{file.name} is not a savestate of stable-retro: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    # An OSError's text holds the path.
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def tetris_start(console: Console) -> bytes:
    """Return the start state of a game of type A at level 0. It is made by pressing START on a console just switched on.

    Raises ``RomError`` if the game does not begin.
    """
    for _ in range(_BOOT_FRAMES):
        console.step()
    seen_menu = False
    for frame in range(_MOST_MENU_FRAMES):
        game_state = TETRIS_STATE.read(console.memory())
        seen_menu = seen_menu or game_state != 0
        if seen_menu and not game_state:
            return console.state
        console.step(*(("START",) if seen_menu and frame % _PRESS_EVERY == 0 else ()))
    raise RomError(
        f"the game Tetris did not begin within {_MOST_MENU_FRAMES} frames after the console was switched on"
    )


_EDITIONS: Final = {"blue": POKEMON_VARIABLES, "red": POKEMON_VARIABLES, "yellow": YELLOW_VARIABLES}

CARTRIDGE_GAMES: Final = {
    game.name: game
    for game in (
        CartridgeGame("tetris", "tetris", TETRIS_VARIABLES, TetrisRules()),
        *(
            CartridgeGame(
                f"pokemon_{edition}_{kind}", f"pokemon_{edition}", variables, rules, has_ladder=True
            )
            for edition, variables in _EDITIONS.items()
            for kind, rules in (("battles", PokemonBattleRules()), ("catching", PokemonCatchingRules()))
        ),
    )
}

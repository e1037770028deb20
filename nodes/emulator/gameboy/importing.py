"""Copy the user's ROMs and savestates into the library, after checking them."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import RomError
from rtgraph.nodes.emulator.gameboy.cartridge import CARTRIDGE_GAMES, read_state, tetris_start
from rtgraph.nodes.emulator.gameboy.console import Console
from rtgraph.nodes.emulator.gameboy.library import (
    ROMS,
    Rom,
    identify,
    library,
    library_label,
    mismatch,
    nearest_rom,
    rom_file,
    state_names,
    states_folder,
)

_TETRIS, _TETRIS_START = "tetris", "level0"


def import_rom(path: Path) -> Rom:
    """Copy a ROM into the library, and return which known ROM it is. For Tetris, also make the start state.

    Raises:
        RomError: the file cannot be read, the file is not a known ROM, the library cannot be written, or the start state of
            Tetris cannot be made. In the first two cases nothing is copied.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RomError(f"{path.name} cannot be read: {error.strerror}") from error
    rom = identify(content)
    if rom is None:
        raise _refused(path, content)
    file = rom_file(rom.name)
    with _alone():
        write_atomically(file, content, RomError)
        if rom.name == _TETRIS:
            _make_tetris_start(file)
    return rom


def games_of(rom: Rom) -> tuple[str, ...]:
    """Return the names of the games for a ROM."""
    return tuple(game.name for game in CARTRIDGE_GAMES.values() if game.rom_name == rom.name)


def import_states(folder: Path, game: str) -> tuple[str, ...]:
    """Copy the savestates in a folder into the library, in place of the game's earlier savestates.

    Return the names of the copied savestates, in order: ``battle2`` comes before ``battle10``.

    Raises:
        RomError: the game's ROM is not imported, the folder has no savestates, a file is not a savestate of this ROM, or the
            library cannot be written. If the library cannot be written, some savestates may already be copied. In the other cases
            nothing is copied.
    """
    rom = CARTRIDGE_GAMES[game].rom
    names = state_names(folder)
    if not names:
        raise RomError(
            f"there are no savestates in {folder.name}",
            hint="give a folder with files NAME.state of stable-retro",
        )
    console = Console(rom)
    checked: dict[str, bytes] = {}
    try:
        for name in names:
            state = read_state(folder / f"{name}.state")
            try:
                console.state = state
            except ValueError as error:
                raise RomError(
                    f"{name}.state is not a savestate of {ROMS[CARTRIDGE_GAMES[game].rom_name].label}: {error}"
                ) from error
            checked[name] = gzip.compress(state, mtime=0)
    finally:
        console.close()
    target = states_folder(game)
    with _alone():
        _make_folder(target)
        for name, packed in checked.items():
            write_atomically(target / f"{name}.state", packed, RomError)
        for stale in set(state_names(target)) - set(names):
            (target / f"{stale}.state").unlink()
    return names


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the library, so that only one process imports at a time."""
    _make_folder(library())
    folder = os.open(library(), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _make_tetris_start(file: Path) -> None:
    console = Console(file)
    try:
        state = tetris_start(console)
    finally:
        console.close()
    folder = states_folder(_TETRIS)
    _make_folder(folder)
    write_atomically(folder / f"{_TETRIS_START}.state", gzip.compress(state, mtime=0), RomError)


def _refused(path: Path, content: bytes) -> RomError:
    near = nearest_rom(content)
    if near is not None:
        return RomError(
            f"{path.name}: {mismatch(content, near)}",
            hint=f"import {near.label}: only that revision has its variables where rtgraph reads them",
        )
    wanted = "; ".join(f"{rom.label}, SHA-256 {rom.sha256}" for rom in ROMS.values())
    found = mismatch(content, next(iter(ROMS.values()))).partition(";")[0]
    return RomError(f"{path.name} is not a known ROM: {found}", hint=f"the known ROMs are {wanted}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RomError(
            f"the folder {library_label()} for ROMs cannot be made: {error.strerror}",
            hint="set XDG_DATA_HOME to the absolute path of a folder that you may write to",
        ) from error

"""Stand-ins for the user's ROMs: programs of our own that keep their variables where Tetris and Pokémon do."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from rtgraph.nodes.emulator.gameboy import Console
from rtgraph.nodes.emulator.gameboy.library import ROMS

FOLDER = Path(__file__).with_name("cartridges")
TETRIS, POKEMON, YELLOW = (FOLDER / f"{name}.gb" for name in ("tetris", "pokemon", "yellow"))
_SETTLED_FRAMES = 60


def accept(monkeypatch: pytest.MonkeyPatch, data_home: Path, **files: Path) -> None:
    """Let these files pass for ROMs of the library, by name, in an empty library below ``data_home``."""
    monkeypatch.setenv("XDG_DATA_HOME", str(data_home))
    for name, file in files.items():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        monkeypatch.setitem(ROMS, name, replace(ROMS[name], sha256=digest))


def write_states(folder: Path, encounters: dict[str, int], rom: Path = POKEMON) -> Path:
    """Write savestates of a stand-in for Pokémon in stable-retro's format, by encounter, and return the folder."""
    folder.mkdir()
    for name, number in encounters.items():
        console = Console(rom)
        for _ in range(_SETTLED_FRAMES):
            console.step()
        for button in ("RIGHT",) * number + ("START",):
            console.step(button)
            console.step()
        for _ in range(5):
            console.step()
        (folder / f"{name}.state").write_bytes(gzip.compress(console.state, mtime=0))
        console.close()
    return folder

"""Build the Game Boy programs that ship with rtgraph: ``python -m rtgraph.nodes.emulator.gameboy.build [FOLDER]``.

The compiler is ``sdcc``, with its assembler and ``makebin`` (Debian: ``apt-get install --no-install-recommends sdcc``). The
shipped files were built by sdcc 4.2.0, which gives the same bytes again. The start states of the games are made by running the
new programs in the emulator.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rtgraph.nodes.emulator.gameboy.console import Console
from rtgraph.nodes.emulator.gameboy.own_games import OWN_GAMES, OwnGame

_SOURCES = Path(__file__).with_name("source")
_OPTIONS = ("-msm83", "--no-std-crt0")
_SHADES = ".-+#"
_TILE = 8
_LETTERS = 64
"""Number of characters in the font, from the space on. Each character is one tile (8 x 8 pixels). The space is blank."""
_MOST_TILES = 256

CHECKSUMS = "SHA256SUMS"
"""The name of the file with the checksums of all shipped files, in the format of ``sha256sum --check``."""


def build(program: str, folder: Path, sources: Path = _SOURCES) -> Path:
    """Compile one program of ``sources`` into ``folder`` and return the ROM's path.

    Files that ``sources`` lacks, such as the code that all programs share, are taken from rtgraph's sources.

    Raises:
        FileNotFoundError: ``sdcc`` is not installed.
        ValueError: a drawing is invalid, or the compiler refused a source or gave a warning.
    """
    if shutil.which("sdcc") is None:
        raise FileNotFoundError("sdcc is not installed. hint: apt-get install --no-install-recommends sdcc")
    rom = folder / f"{program}.gb"
    with tempfile.TemporaryDirectory() as scratch:
        for source in (*_SOURCES.iterdir(), *sources.iterdir()):
            if source.is_file():
                shutil.copy(source, scratch)
        _write_tiles(program, Path(scratch))
        _run(scratch, "sdasgb", "-plosgff", "-o", "crt0.rel", "crt0.s")
        modules = ["runtime", "tiles", *sorted(path.stem for path in sources.glob(f"{program}*.c"))]
        for module in modules:
            _run(scratch, "sdcc", *_OPTIONS, "--std-c11", "--opt-code-speed", "-c", f"{module}.c")
        places = ["--code-loc", "0x200", "--data-loc", "0xc1a0"]
        objects = [f"{module}.rel" for module in ("crt0", *modules)]
        _run(scratch, "sdcc", *_OPTIONS, *places, *objects, "-o", "game.ihx")
        # Without the logo; no mapper, 32 KiB, a Game Boy's header with its checksums.
        header = ["-Z", "-yN", "-yo", "2", "-yj", "-yn", program.upper()]
        _run(scratch, "makebin", *header, "game.ihx", str(rom.resolve()))
    return rom


def _run(folder: str, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or "warning" in done.stderr:
        problem = "failed" if done.returncode else "gave warnings"
        raise ValueError(f"{' '.join(command)} {problem}:\n{done.stdout}{done.stderr}")


def _write_tiles(program: str, folder: Path) -> None:
    """Write the font, the common drawings and the program's drawings to ``tiles.c``.

    Write the index of each drawing's first tile to ``tiles.h``. The letters of the font are not listed there.
    """
    blank = ["." * _TILE] * _TILE
    letters = {chr(ord(" ") + index): blank for index in range(_LETTERS)}
    for characters, rows in _drawings(folder / "font.txt"):
        letters |= dict(zip(characters, _cut(rows), strict=True))
    tiles, numbers = list(letters.values()), []
    for name, rows in [*_drawings(folder / "common.txt"), *_drawings(folder / f"{program}.txt")]:
        numbers.append(f"{name} = {len(tiles)}")
        tiles += _cut(rows)
    if len(tiles) > _MOST_TILES:
        raise ValueError(
            f"the drawings of {program} have {len(tiles)} tiles of 8×8 pixels, but a program can have at most {_MOST_TILES}"
        )
    data = bytes(byte for tile in tiles for byte in _two_planes(tile))
    (folder / "tiles.h").write_text(
        "#ifndef TILES_H\n#define TILES_H\n#include <stdint.h>\n"
        f"enum {{ {', '.join(numbers)} }};\nextern const uint8_t tiles[{len(data)}];\n#endif\n",
        encoding="utf-8",
    )
    (folder / "tiles.c").write_text(
        f'#include "tiles.h"\nconst uint8_t tiles[{len(data)}] = {{{", ".join(map(str, data))}}};\n',
        encoding="utf-8",
    )


def _drawings(path: Path) -> list[tuple[str, list[str]]]:
    """Return the drawings in a file. Above each drawing is a line that begins with "= " and names the drawing."""
    found = re.findall(r"^= (.+)\n((?:[.+#-]+\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    drawings = [(name, rows.split()) for name, rows in found]
    for name, rows in drawings:
        if len(rows) % _TILE or len(rows[0]) % _TILE or {len(row) for row in rows} != {len(rows[0])}:
            raise ValueError(
                f"{path.name}: {name}: width and height must be multiples of {_TILE}, and all rows must be equally long"
            )
    return drawings


def _cut(rows: list[str]) -> list[list[str]]:
    """Return the tiles (8 x 8 pixels) of a drawing, from left to right and from top to bottom."""
    return [
        [row[left : left + _TILE] for row in rows[top : top + _TILE]]
        for top in range(0, len(rows), _TILE)
        for left in range(0, len(rows[0]), _TILE)
    ]


def _two_planes(tile: list[str]) -> list[int]:
    """Return a tile (8 x 8 pixels) in the machine's format, 16 bytes. Each row is a byte of low bits, then a byte of high bits."""
    planes: list[int] = []
    for row in tile:
        shades = [_SHADES.index(pixel) for pixel in row]
        planes += (int("".join(str(shade >> bit & 1) for shade in shades), 2) for bit in (0, 1))
    return planes


def make_states(game: OwnGame, rom: Path) -> dict[str, bytes]:
    """Return the start states of a game, by name, as the contents of their files. They are made with the program ``rom``."""
    states = {}
    for state in game.states:
        console = Console(rom)
        states[state] = game.make_state(state, console)
        console.close()
    return states


def checksums(folder: Path) -> str:
    """Return one line for each file in the folder except ``CHECKSUMS``, with its SHA-256 and its name."""
    files = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def main() -> None:
    """Build every program and its start states. Write them into the given folder, or else into rtgraph's folder for them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("roms")
    roms = {
        program: build(program, folder) for program in {game.program: None for game in OWN_GAMES.values()}
    }
    for game in OWN_GAMES.values():
        for name, state in make_states(game, roms[game.program]).items():
            (folder / game.state_file(name).name).write_bytes(gzip.compress(state, mtime=0))
    (folder / CHECKSUMS).write_text(checksums(folder), encoding="utf-8")


if __name__ == "__main__":
    main()

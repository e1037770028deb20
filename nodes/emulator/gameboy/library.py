"""The user's ROMs and savestates: which ROMs are known, and where the files are."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rtgraph.msgs.errors import RomError

_TITLE: Final = slice(0x134, 0x143)
_LANGUAGE: Final = 0x14A
_VERSION: Final = 0x14C
_CHECKSUM: Final = 0x14D
_CHECKED: Final = slice(0x134, 0x14D)
_HEADER_END: Final = 0x150
_NUMBERS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Rom:
    """A ROM that the user may bring. Only this revision can be used: other revisions have their variables at other addresses."""

    name: str
    """The ROM's name in the library."""
    label: str
    """The ROM's name in public lists of ROMs."""
    sha256: str
    title: str
    """The title in the ROM's header, which other revisions and languages have too."""
    others: dict[str, str] = field(default_factory=dict)
    """The names of other revisions, which cannot be used, by their SHA-1."""


ROMS: Final = {
    rom.name: rom
    for rom in (
        Rom(
            "tetris",
            "Tetris (World) (Rev 1)",
            "0d6535aef23969c7e5af2b077acaddb4a445b3d0df7bf34c8acef07b51b015c3",
            "TETRIS",
            {"3f2a6407c9900ad5817ee1cfb3609c5ee17400fc": "Tetris (World), revision 0"},
        ),
        Rom(
            "pokemon_blue",
            "Pokemon - Blue Version (USA, Europe)",
            "2a951313c2640e8c2cb21f25d1db019ae6245d9c7121f754fa61afd7bee6452d",
            "POKEMON BLUE",
        ),
        Rom(
            "pokemon_red",
            "Pokemon - Red Version (USA, Europe)",
            "5ca7ba01642a3b27b0cc0b5349b52792795b62d3ed977e98a09390659af96b7b",
            "POKEMON RED",
        ),
        Rom(
            "pokemon_yellow",
            "Pokemon - Yellow Version (USA, Europe)",
            "8cbaa499397e4f1a679c992ea9382a2dd7942ab398b48c19829c2d9529de47bf",
            "POKEMON YELLOW",
        ),
    )
}


def library() -> Path:
    """Return the folder of the user's ROMs and savestates: ``rtgraph/gameboy`` in ``$XDG_DATA_HOME``.

    If this variable is not set to an absolute path, the folder is in ``~/.local/share``.
    """
    return (_data_home() or Path.home() / ".local" / "share") / "rtgraph" / "gameboy"


def library_label() -> str:
    """Return the path of the library's folder as text for people. It begins with ``$XDG_DATA_HOME`` or ``~``."""
    return f"{'$XDG_DATA_HOME' if _data_home() else '~/.local/share'}/rtgraph/gameboy"


def _data_home() -> Path | None:
    """Return the folder that ``$XDG_DATA_HOME`` names; None if the variable is not an absolute path."""
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return base if base.is_absolute() else None


def rom_file(name: str) -> Path:
    """Return the path that a ROM has once it is imported."""
    return library() / f"{name}.gb"


def states_folder(game: str) -> Path:
    """Return the folder of a game's savestates, which are files ``NAME.state`` in stable-retro's format."""
    return library() / "states" / game


def state_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the savestates in a folder, in order: ``battle2`` comes before ``battle10``."""
    found = [path.name.removesuffix(".state") for path in folder.glob("*.state")]
    return tuple(
        sorted(
            found, key=lambda name: [int(part) if part.isdigit() else part for part in _NUMBERS.split(name)]
        )
    )


def find_rom(name: str) -> Path:
    """Return the path of a ROM in the library.

    Raises:
        RomError: the ROM is not imported, or the file is not the needed revision.
    """
    rom, file = ROMS[name], rom_file(name)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise RomError(
            f"{rom.label} is not imported: bring your own ROM, with SHA-256 {rom.sha256}",
            hint=f"rtgraph rom import PATH copies it to {library_label()}/{file.name}",
        ) from None
    except OSError as error:
        raise RomError(f"{file.name} in {library_label()} cannot be read: {error.strerror}") from error
    if identify(content) is not rom:
        raise RomError(
            f"{file.name} in {library_label()}: {mismatch(content, rom)}",
            hint=f"replace it: rtgraph rom import PATH, with PATH a file of {rom.label}",
        )
    return file


def identify(content: bytes) -> Rom | None:
    """Return the known ROM with this content; None if the content is not that of a known ROM."""
    found = hashlib.sha256(content).hexdigest()
    return next((rom for rom in ROMS.values() if rom.sha256 == found), None)


def mismatch(content: bytes, rom: Rom) -> str:
    """Describe how a file differs from the ROM that is needed."""
    other = rom.others.get(hashlib.sha1(content, usedforsecurity=False).hexdigest()) or _by_header(content)
    return (
        f"this is {other}, with SHA-256 {hashlib.sha256(content).hexdigest()}; {rom.label} has {rom.sha256}"
    )


def nearest_rom(content: bytes) -> Rom | None:
    """Return the known ROM that has the same title in its header as the file; None if no known ROM has it."""
    title = _title(content)
    return next((rom for rom in ROMS.values() if rom.title == title), None)


def _title(content: bytes) -> str:
    """Return the title in the header of a file; empty if the header's checksum is wrong."""
    if (
        len(content) < _HEADER_END
        or content[_CHECKSUM] != -sum(byte + 1 for byte in content[_CHECKED]) & 0xFF
    ):
        return ""
    return content[_TITLE].rstrip(b"\0").decode("ascii", "replace")


def _by_header(content: bytes) -> str:
    """Describe a file, as text, from the header that every Game Boy ROM has."""
    title = _title(content)
    if not title:
        return "not a Game Boy ROM"
    language = "for Japan" if content[_LANGUAGE] == 0 else "not for Japan"
    return f"{title}, revision {content[_VERSION]}, {language}"

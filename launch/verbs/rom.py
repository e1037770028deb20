"""``rtgraph rom``: manages the Game Boy ROMs and savestates that the user has imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtgraph.msgs.errors import RomError

EXAMPLE = """\
examples:
  rtgraph rom import Tetris.gb
  rtgraph rom import PokemonBlue.gb --game pokemon_blue_battles --states battles/
  rtgraph rom list

ROMs and savestates (stable-retro's, files NAME.state) are copied to $XDG_DATA_HOME/rtgraph/gameboy, by default in
~/.local/share. A ROM must be a known revision, because others keep their variables at other addresses.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph rom`` to its parser."""
    parser.description = "Import your own Game Boy ROMs and savestates, or list them."
    parser.epilog = EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    bring = actions.add_parser(
        "import", help="check a ROM, and copy it", description="Check a ROM, and copy it."
    )
    bring.add_argument("path", metavar="PATH", type=Path, help="the ROM, a file such as Tetris.gb")
    bring.add_argument("--game", metavar="GAME", help="the game of the savestates")
    bring.add_argument(
        "--states",
        metavar="DIR",
        type=Path,
        help="folder of savestates, which replace the earlier ones of the game",
    )
    listing = actions.add_parser("list", help="list the known ROMs", description="List the known ROMs.")
    listing.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the chosen action of ``rtgraph rom``, and return the exit code."""
    return _import(args.path, args.game, args.states) if args.action == "import" else _list(as_json=args.json)


def _import(path: Path, game: str | None, states: Path | None) -> int:
    # Imported late, so that --help is instant.
    from rtgraph.nodes.emulator.gameboy.importing import games_of, import_rom, import_states  # noqa: PLC0415
    from rtgraph.nodes.emulator.gameboy.library import library_label  # noqa: PLC0415

    rom = import_rom(path)
    print(f"{rom.label}: {library_label()}/{rom.name}.gb")
    games = games_of(rom)
    if states is None:
        return 0
    chosen = game or (games[0] if len(games) == 1 else "")
    if chosen not in games:
        problem = f"{chosen!r} is not a game of {rom.label}" if chosen else f"{rom.label} has several games"
        raise RomError(problem, hint=f"--game {' or --game '.join(games)}")
    names = import_states(states, chosen)
    print(f"{len(names)} savestates of {chosen}: {library_label()}/states/{chosen}")
    return 0


def _list(*, as_json: bool) -> int:
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415
    from rtgraph.nodes.emulator.gameboy.importing import games_of  # noqa: PLC0415
    from rtgraph.nodes.emulator.gameboy.library import (  # noqa: PLC0415
        ROMS,
        find_rom,
        rom_file,
        state_names,
        states_folder,
    )

    rows: list[dict[str, Any]] = []
    for rom in ROMS.values():
        try:
            find_rom(rom.name)
            found = "imported"
        except RomError:
            found = "another file" if rom_file(rom.name).exists() else "missing"
        counts = {game: len(state_names(states_folder(game))) for game in games_of(rom)}
        rows.append(
            {"rom": rom.name, "label": rom.label, "found": found, "states": counts, "sha256": rom.sha256}
        )
    if as_json:
        print_json(rows)
        return 0
    made = table("rom", "", "games, with their savestates", "SHA-256")
    for one in rows:
        games = "\n".join(f"{game}: {count}" for game, count in one["states"].items())
        row(made, f"{one['rom']}\n{one['label']}", one["found"], games, one["sha256"])
    console().print(made)
    return 0

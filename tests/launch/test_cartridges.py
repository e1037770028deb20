"""Tetris and Pokémon from the user's ROM: import, launch, ladder, reward, recording, replay and verification.

Programs of our own, with their variables at the same addresses, stand in for the ROMs.
"""

import json

import pytest
from support.cartridge_roms import FOLDER, POKEMON, TETRIS, YELLOW, accept, write_states
from support.launching import Launch

from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag

TAP = "{}\nNOOP 5\n"


def play(tmp_path, launch, *moves, ticks, arguments=()):
    """Play a launch with a script in the virtual world, and return its session folder."""
    script = tmp_path / f"{launch}.txt"
    script.write_text("NOOP 5\n" + "".join(TAP.format(move) for move in moves) + f"NOOP {ticks}\n")
    session = tmp_path / launch
    options = ["--world", "virtual", "--script", str(script), "--ticks", str(ticks), "--no-plots"]
    assert main(["play", launch, *arguments, *options, "--out", str(session)]) == 0
    return session


def messages(session, topic):
    return [each.message() for each in Bag.open(session / "session.mcap").messages(topics=[topic])]


def endings(session):
    return [
        (ending.encounter, ending.reason, end.total_reward)
        for ending, end in zip(messages(session, "ending"), messages(session, "episode"), strict=True)
    ]


def must_replay_and_hold_no_path(session, launch, tmp_path, capsys, *given):
    """Verify the recording, run a launch on it, and look for paths of the library and of the imported files."""
    assert main(["bag", "verify", str(session / "session.mcap"), "--json"]) == 0
    again = tmp_path / "again"
    arguments = [*given, "k=0.0625", "workers=1", "latency_frames=1", "--world", "virtual", "--no-plots"]
    replaced = ["--replay", str(session), "--replace", "plant", "--out", str(again)]
    assert main(["launch", launch, *arguments, *replaced, "--ticks", "40"]) == 0
    assert len(messages(again, "observation")) == 40
    said = capsys.readouterr()
    content = b"".join(
        path.read_bytes() for folder in (session, again) for path in folder.rglob("*") if path.is_file()
    )
    content += (said.out + said.err).encode()
    for place in (tmp_path / "data", tmp_path / "states", FOLDER):
        assert str(place).encode() not in content


@pytest.fixture
def library(monkeypatch, tmp_path):
    accept(monkeypatch, tmp_path / "data", tetris=TETRIS, pokemon_blue=POKEMON, pokemon_yellow=YELLOW)


def imported(tmp_path, game, encounters, rom=POKEMON):
    states = write_states(tmp_path / "states", encounters, rom)
    assert main(["rom", "import", str(rom), "--game", game, "--states", str(states)]) == 0


def test_tetris(library, tmp_path, capsys):
    assert main(["rom", "import", str(TETRIS)]) == 0
    session = play(tmp_path, "tetris", *["A"] * 9, "DOWN", ticks=680)
    # Nine times 1,200 and once 40: more than two bytes of decimal digits hold.
    assert endings(session) == [(None, "game_over", 10_840)]
    assert messages(session, "ending")[0].measurements == {"score": 10_840, "level": 9, "game_state": 4}
    assert messages(session, "ending")[0].actions == 10
    assert json.loads((session / "summary.json").read_text())["endings"] == {"game_over": 1}
    must_replay_and_hold_no_path(session, "tetris", tmp_path, capsys)


@pytest.mark.parametrize(("edition", "rom"), [("blue", POKEMON), ("yellow", YELLOW)], ids=["blue", "yellow"])
def test_pokemon_battles_climb(library, tmp_path, capsys, edition, rom):
    imported(tmp_path, f"pokemon_{edition}_battles", {"battle1": 0, "battle2": 1}, rom)
    lose, win, both = ["B"] * 4, ["A"] * 2, ["LEFT", "A", "A"]
    moves = [*lose, *win, *both, *lose]
    session = play(tmp_path, "pokemon_battles", *moves, ticks=110, arguments=[f"edition={edition}"])
    assert endings(session) == [
        ("battle1", "lost", -2),
        ("battle1", "won", 1),
        ("battle2", "won", 1),  # one of each fell in one frame, then their other
        ("battle1", "lost", -2),
    ]
    found = json.loads((session / "summary.json").read_text())
    assert found["endings"] == {"lost": 2, "won": 2}
    assert {name: (one["won"], one["lost"], one["actions"]) for name, one in found["encounters"].items()} == {
        "battle1": (1, 2, 10),
        "battle2": (1, 0, 3),
    }
    must_replay_and_hold_no_path(session, "pokemon_battles", tmp_path, capsys, f"edition={edition}")


def test_pokemon_catching_climbs(library, tmp_path, capsys):
    imported(tmp_path, "pokemon_blue_catching", {"catch1": 4, "catch2": 5})
    wait = ["NOOP"] * 6
    session = play(
        tmp_path, "pokemon_catching", "DOWN", *wait, "UP", "UP", *wait, "UP", "UP", *wait, ticks=140
    )
    assert endings(session) == [("catch1", "lost", -1), ("catch1", "won", 1), ("catch2", "won", 1)]
    must_replay_and_hold_no_path(session, "pokemon_catching", tmp_path, capsys)


STAND_IN = """
import hashlib
from dataclasses import replace
from pathlib import Path

from rtgraph.nodes.emulator import GameBoy
from rtgraph.nodes.emulator.gameboy.library import ROMS

digest = hashlib.sha256(Path({rom!r}).read_bytes()).hexdigest()
ROMS["tetris"] = replace(ROMS["tetris"], sha256=digest)


class StandIn(GameBoy):
    pass
"""
LAUNCH = """
graphs:
  - {graph: ./plant.yaml}
  - {graph: random_inference, arguments: {workers: 1, latency_frames: 1}}
world: realtime
record: true
"""
PLANT = """
nodes:
  plant: {class: "stand_in:StandIn", params: {game: tetris, gate: {kind: playout}}}
"""


@pytest.mark.process
def test_a_cartridge_runs_in_real_time(library, tmp_path):
    assert main(["rom", "import", str(TETRIS)]) == 0
    # Every process must take the stand-in for the ROM: so does the module of the plant's class.
    (tmp_path / "stand_in.py").write_text(STAND_IN.format(rom=str(TETRIS)))
    (tmp_path / "plant.yaml").write_text(PLANT)
    (tmp_path / "game.yaml").write_text(LAUNCH)
    with Launch(
        "launch", str(tmp_path / "game.yaml"), "--ticks", "60", "--out", "out", "--no-plots"
    ) as launch:
        assert launch.wait() == 0, launch.stderr
        seen = messages(launch.session, "observation")
        assert [each.tick for each in seen] == list(range(60))
        assert {each.measurements["game_state"] for each in seen[1:]} == {0}
        assert any(each.by == "policy" for each in messages(launch.session, "applied"))
        assert main(["bag", "verify", str(launch.session / "session.mcap"), "--json"]) == 0


@pytest.mark.parametrize("command", ["launch", "check", "plan"])
def test_without_the_rom_one_error_says_what_to_get(monkeypatch, tmp_path, capsys, command):
    accept(monkeypatch, tmp_path)
    assert main([command, "tetris"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "error: Tetris (World) (Rev 1) is not imported: bring your own ROM, with SHA-256 "
        "0d6535aef23969c7e5af2b077acaddb4a445b3d0df7bf34c8acef07b51b015c3. hint: rtgraph rom import PATH "
        "copies it to $XDG_DATA_HOME/rtgraph/gameboy/tetris.gb"
    ]

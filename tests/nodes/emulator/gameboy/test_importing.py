"""The user's ROMs and savestates, with stand-ins for the ROMs."""

import fcntl
import gzip
import hashlib
import re
import shutil
import threading
from dataclasses import replace

import pytest
from support.cartridge_roms import FOLDER, POKEMON, TETRIS, YELLOW, accept, write_states
from support.compiler import needs_compiler

from rtgraph.launch.cli import main
from rtgraph.msgs.errors import RomError
from rtgraph.nodes.emulator.gameboy import find_game, importing
from rtgraph.nodes.emulator.gameboy.build import build
from rtgraph.nodes.emulator.gameboy.importing import import_rom, import_states
from rtgraph.nodes.emulator.gameboy.library import ROMS, state_names
from rtgraph.nodes.emulator.gameboy_environment import GameBoySettings

PUBLISHED = {
    "tetris": "0d6535aef23969c7e5af2b077acaddb4a445b3d0df7bf34c8acef07b51b015c3",
    "pokemon_blue": "2a951313c2640e8c2cb21f25d1db019ae6245d9c7121f754fa61afd7bee6452d",
    "pokemon_red": "5ca7ba01642a3b27b0cc0b5349b52792795b62d3ed977e98a09390659af96b7b",
    "pokemon_yellow": "8cbaa499397e4f1a679c992ea9382a2dd7942ab398b48c19829c2d9529de47bf",
}


@needs_compiler
@pytest.mark.parametrize("file", [TETRIS, POKEMON, YELLOW], ids=["tetris", "pokemon", "yellow"])
def test_the_stand_ins_are_built_from_their_sources(file, tmp_path):
    assert build(file.stem, tmp_path, FOLDER).read_bytes() == file.read_bytes()


def test_the_roms_are_those_of_the_paper():
    assert {rom.name: rom.sha256 for rom in ROMS.values()} == PUBLISHED


def test_a_rom_is_copied_into_the_users_data(monkeypatch, tmp_path):
    accept(monkeypatch, tmp_path / "data", tetris=TETRIS)
    assert import_rom(TETRIS).name == "tetris"
    folder = tmp_path / "data" / "rtgraph" / "gameboy"
    assert (folder / "tetris.gb").read_bytes() == TETRIS.read_bytes()
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"tetris.gb", "level0.state"}
    assert list(find_game("tetris").states) == ["level0"]


def test_a_wrong_file_is_refused_with_both_hashes(monkeypatch, tmp_path):
    accept(monkeypatch, tmp_path / "data")
    found = hashlib.sha256(TETRIS.read_bytes()).hexdigest()
    with pytest.raises(RomError) as refused:
        import_rom(TETRIS)
    assert f"this is TETRIS, revision 255, not for Japan, with SHA-256 {found}" in str(refused.value)
    assert PUBLISHED["tetris"] in str(refused.value)
    text = tmp_path / "notes.txt"
    text.write_text("no ROM " * 200)
    with pytest.raises(
        RomError, match=r"notes.txt is not a known ROM: this is not a Game Boy ROM, with SHA-256"
    ) as refused:
        import_rom(text)
    assert all(digest in str(refused.value) for digest in PUBLISHED.values())
    assert str(tmp_path) not in str(refused.value)
    with pytest.raises(RomError, match=r"^nosuch.gb cannot be read: No such file"):
        import_rom(tmp_path / "nosuch.gb")
    assert not (tmp_path / "data").exists()


def test_a_known_wrong_revision_is_named(monkeypatch, tmp_path, capsys):
    accept(monkeypatch, tmp_path / "data")
    assert "Tetris (World), revision 0" in ROMS["tetris"].others.values()
    others = {
        hashlib.sha1(TETRIS.read_bytes(), usedforsecurity=False).hexdigest(): "Tetris (World), revision 0"
    }
    monkeypatch.setitem(ROMS, "tetris", replace(ROMS["tetris"], others=others))
    with pytest.raises(RomError, match=r"tetris.gb: this is Tetris \(World\), revision 0, with SHA-256"):
        import_rom(TETRIS)
    assert main(["rom", "import", str(TETRIS)]) == 1
    assert "this is Tetris (World), revision 0, with SHA-256" in capsys.readouterr().err


@pytest.mark.parametrize("game", ["tetris", "pokemon_red_battles"])
def test_without_a_rom_it_is_said_what_to_bring_and_where_it_goes(monkeypatch, tmp_path, game):
    accept(monkeypatch, tmp_path / "data")
    with pytest.raises(RomError) as missing:
        GameBoySettings(game=game).spec()
    rom = find_game(game).rom_name
    assert f"{ROMS[rom].label} is not imported: bring your own ROM, with SHA-256 {PUBLISHED[rom]}" in str(
        missing.value
    )
    assert f"rtgraph rom import PATH copies it to $XDG_DATA_HOME/rtgraph/gameboy/{rom}.gb" in str(
        missing.value
    )
    assert str(tmp_path) not in str(missing.value)


@pytest.mark.parametrize("data_home", ["data", "", None])
def test_the_library_is_in_the_home_folder_unless_xdg_data_home_is_absolute(monkeypatch, tmp_path, data_home):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if data_home is not None:
        monkeypatch.setenv("XDG_DATA_HOME", data_home)
    with pytest.raises(RomError, match=r"copies it to ~/\.local/share/rtgraph/gameboy/tetris\.gb"):
        GameBoySettings(game="tetris").spec()
    monkeypatch.chdir(tmp_path)
    digest = hashlib.sha256(TETRIS.read_bytes()).hexdigest()
    monkeypatch.setitem(ROMS, "tetris", replace(ROMS["tetris"], sha256=digest))
    import_rom(TETRIS)
    assert (tmp_path / ".local" / "share" / "rtgraph" / "gameboy" / "tetris.gb").is_file()


def test_a_file_put_there_by_hand_is_checked_too(monkeypatch, tmp_path):
    accept(monkeypatch, tmp_path, tetris=TETRIS)
    import_rom(TETRIS)
    shutil.copy(POKEMON, tmp_path / "rtgraph" / "gameboy" / "tetris.gb")
    with pytest.raises(
        RomError, match=r"tetris.gb in .XDG_DATA_HOME/rtgraph/gameboy: this is POKEMON, revision"
    ):
        GameBoySettings(game="tetris").spec()


def test_savestates_are_checked_and_ordered_by_number(monkeypatch, tmp_path):
    accept(monkeypatch, tmp_path / "data", pokemon_blue=POKEMON)
    import_rom(POKEMON)
    game = "pokemon_blue_battles"
    with pytest.raises(
        RomError, match=rf"{game} needs savestates of .*hint: rtgraph rom import PATH --game {game} --states"
    ):
        GameBoySettings(game=game).spec()
    states = write_states(tmp_path / "states", {"battle10": 2, "battle2": 1, "battle1": 0})
    assert import_states(states, game) == ("battle1", "battle2", "battle10")
    assert find_game(game).states == ("battle1", "battle2", "battle10")
    (states / "battle2.state").unlink()
    import_states(states, game)
    assert find_game(game).states == ("battle1", "battle10"), "those of before are replaced"
    with pytest.raises(ValueError, match=r"has no state 'battle3'. hint: the states are battle1, battle10"):
        GameBoySettings(game=game, state="battle3").spec()


def test_one_import_at_a_time(monkeypatch, tmp_path):
    """An import that begins while another one copies waits, and then replaces all that it left."""
    accept(monkeypatch, tmp_path / "data", pokemon_blue=POKEMON)
    import_rom(POKEMON)
    game, second_waits, copied = "pokemon_blue_battles", threading.Event(), []
    first = write_states(tmp_path / "first", {"a1": 0, "a2": 1})
    second = write_states(tmp_path / "second", {"b1": 0, "b2": 1})
    other = threading.Thread(target=import_states, args=(second, game))
    lock, write = fcntl.flock, importing.write_atomically

    def locking(folder, operation):
        if threading.current_thread() is other:
            second_waits.set()
        lock(folder, operation)

    def copying(path, *content):
        if not copied:
            other.start()
            assert second_waits.wait(60), "the second import does not wait for the first"
        copied.append(path.stem)
        write(path, *content)

    monkeypatch.setattr(fcntl, "flock", locking)
    monkeypatch.setattr(importing, "write_atomically", copying)
    assert import_states(first, game) == ("a1", "a2")
    other.join()
    assert copied == ["a1", "a2", "b1", "b2"]
    assert find_game(game).states == ("b1", "b2")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not compressed", "is not a savestate of stable-retro: Not a gzipped file"),
        (
            gzip.compress(b"short", mtime=0),
            r"is not a savestate of Pokemon - Blue .*: this is not a state of this ROM",
        ),
    ],
    ids=["not compressed", "too short"],
)
def test_what_is_no_savestate_is_named_and_nothing_is_copied(monkeypatch, tmp_path, content, problem):
    accept(monkeypatch, tmp_path / "data", pokemon_blue=POKEMON)
    import_rom(POKEMON)
    folder = tmp_path / "states"
    folder.mkdir()
    with pytest.raises(RomError, match="there are no savestates in states"):
        import_states(folder, "pokemon_blue_battles")
    (folder / "wrong.state").write_bytes(content)
    with pytest.raises(RomError, match=f"^wrong.state {problem}"):
        import_states(folder, "pokemon_blue_battles")
    assert not list((tmp_path / "data").rglob("*.state"))


def test_numbers_in_names_are_ordered_as_numbers(tmp_path):
    for name in ("b10", "b9", "a2", "a10", "7", "x"):
        (tmp_path / f"{name}.state").touch()
    assert state_names(tmp_path) == ("7", "a2", "a10", "b9", "b10", "x")


def test_a_path_is_in_no_message_of_the_import(monkeypatch, tmp_path, capsys):
    accept(monkeypatch, tmp_path / "data", pokemon_blue=POKEMON)
    states = write_states(tmp_path / "states", {"b1": 0})
    command = ["rom", "import", str(POKEMON), "--states", str(states)]
    assert main(command) == 1
    assert "has several games. hint: --game pokemon_blue_battles or" in capsys.readouterr().err
    assert main([*command, "--game", "pokemon_blue_battles"]) == 0
    said = capsys.readouterr().out
    assert "1 savestates of pokemon_blue_battles: $XDG_DATA_HOME/rtgraph/gameboy/states/" in said
    assert not re.search(rf"{tmp_path}|{FOLDER}", said)
    assert main(["rom", "list", "--json"]) == 0
    assert '"pokemon_blue_battles": 1' in capsys.readouterr().out

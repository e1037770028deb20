"""What ships: built from the sources beside it, true to its memory map, and deterministic."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.cartridge_roms import TETRIS, YELLOW
from support.compiler import needs_compiler
from support.examples import repeats

from rtgraph.nodes.emulator import gameboy
from rtgraph.nodes.emulator.gameboy import BUTTONS, Console
from rtgraph.nodes.emulator.gameboy.build import CHECKSUMS, build, checksums, make_states
from rtgraph.nodes.emulator.gameboy.own_games import OWN_GAMES as GAMES

FOLDER = Path(gameboy.__file__).parent
SECTIONS = dict(re.findall(r"^### (.+)\n([^#]*)", (FOLDER / "README.md").read_text(), re.MULTILINE))
PROGRAMS = {"blocks": ("Blocks", "blocks", "level0"), "duel": ("Duel", "duel_battles", "battle13")}
"""Section of the memory map, a game, and a start of it."""


def memory_map(program):
    """Return address, bytes and name of each line of the map that is a program's."""
    lines = SECTIONS["Every game"] + SECTIONS[PROGRAMS[program][0]]
    found = re.findall(r"^\| (0x\w{4}) \| (\d+) \| (\w+) \|", lines, re.MULTILINE)
    assert len(found) > 20
    return [(int(address, 16), int(size), name) for address, size, name in found]


ANY_BUTTON = [name for name in BUTTONS if name]


@needs_compiler
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_sources_build_what_ships(program, tmp_path):
    assert build(program, tmp_path).read_bytes() == (FOLDER / "roms" / f"{program}.gb").read_bytes()


def test_what_ships_is_what_the_checksums_say():
    assert (FOLDER / "roms" / CHECKSUMS).read_text() == checksums(FOLDER / "roms")
    shipped = {path.name for path in (FOLDER / "roms").iterdir()}
    expected = {
        path.name for game in GAMES.values() for path in (game.rom, *map(game.state_file, game.states))
    }
    assert shipped == {CHECKSUMS, *expected}


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_the_starts_are_made_by_the_program_that_ships(game):
    assert make_states(game, game.rom) == {state: game.load_state(state) for state in game.states}


def test_the_variables_are_where_the_map_says():
    for game in GAMES.values():
        documented = {name: (address, size) for address, size, name in memory_map(game.program)}
        for side, start in (("my_hp", "mine"), ("opp_hp", "theirs")):
            if start in documented:
                first = documented[start][0]
                documented |= {f"{side}{n}": (first + 16 * (n - 1) + 2, 2) for n in range(1, 7)}
        for name, variable in game.variables.items():
            assert (variable.address, variable.size) == documented[name]


class Running:
    """A game of a program, driven by raw buttons."""

    def __init__(self, program):
        _, name, state = PROGRAMS[program]
        self.game = GAMES[name]
        self.console = Console(self.game.rom)
        self.game.begin(self.console, self.game.load_state(state), seed=1)

    def word(self, address, size=1):
        return int.from_bytes(self.console.memory().read(address, size), "little")


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_is_written_outside_the_map_and_no_buttons_hang_the_game(program):
    running, rng = Running(program), np.random.default_rng(0)
    regions = [(address, size) for address, size, _ in memory_map(program)]
    high = [(address, size) for address, size in regions if address >= 0xFF80]
    states = set()
    for count in range(repeats(1_500)):
        running.console.step(*[button for button in ANY_BUTTON if rng.random() < 0.2])
        if count % 250 == 0:
            assert_alive(running)
            states.add(running.word(0xC000))
            memory = running.console.memory()
            work = memory.read(0xC000, 0x1000) + memory.read(0xD000, 0x1000)
            assert outside(work, 0xC000, regions) == []
            assert outside(memory.read(0xFF80, 0x7F), 0xFF80, high) == []
    assert len(states) > 1 or program == "duel"


def outside(memory, start, regions):
    written = bytearray(memory)
    for address, size in regions:
        if start <= address < start + len(memory):
            written[address - start : address - start + size] = bytes(size)
    return [hex(start + place) for place, byte in enumerate(written) if byte]


def assert_alive(running):
    """The clock goes on, and the program sees the buttons and sleeps until the next frame."""
    frames = running.word(0xC002, 2)
    for _ in range(12):
        running.console.step("UP")
    assert (running.word(0xC002, 2) - frames) % 2**16 == 12
    assert running.word(0xC007) == 64


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_frame_is_shown_twice(program):
    running, rng = Running(program), np.random.default_rng(0)
    for _ in range(repeats(300)):
        running.console.step(ANY_BUTTON[rng.integers(len(ANY_BUTTON))])
        assert running.console.audio_samples() in {548, 549}


SCRIPT = """
import hashlib, sys
import numpy as np
from rtgraph.nodes.emulator.gameboy import BUTTONS, Console, find_game
for name, state in zip(sys.argv[1::2], sys.argv[2::2]):
    game = find_game(name)
    console, rng, seen = Console(game.rom), np.random.default_rng(5), hashlib.sha256()
    for step in range(400):
        if step % 200 == 0:
            game.begin(console, game.load_state(state), seed=step + 1)
        console.step(BUTTONS[rng.integers(2, 9)])
        seen.update(console.screen().tobytes())
        memory = console.memory()
        for start, size in ((0xC000, 0x1000), (0xD000, 0x1000), (0xFF80, 0x7F), (0x8000, 0x2000), (0xFE00, 0xA0)):
            seen.update(memory.read(start, size))
    print(seen.hexdigest())
"""


def test_the_same_buttons_give_the_same_frames_and_memory_in_every_process():
    played = [word for _, game, state in PROGRAMS.values() for word in (game, state)]
    command = [sys.executable, "-c", SCRIPT, *played]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = {process.communicate()[0] for process in running}
    assert len(digests) == 1
    assert len(digests.pop()) == 2 * 65


def seen(console):
    memory = console.memory()
    digest = hashlib.sha256(console.screen().tobytes())
    for start, size in ((0x8000, 0x2000), (0xC000, 0x1000), (0xD000, 0x1000), (0xFE00, 0xA0), (0xFF80, 0x7F)):
        digest.update(memory.read(start, size))
    return digest.digest()


@pytest.mark.parametrize("program", PROGRAMS)
def test_restores_are_exact(program):
    console, rng = Running(program).console, np.random.default_rng(1)
    for _ in range(300):
        console.step(ANY_BUTTON[rng.integers(len(ANY_BUTTON))])
    state = console.state
    buttons = [ANY_BUTTON[number] for number in rng.integers(len(ANY_BUTTON), size=8)]
    expected = None
    for _ in range(repeats(100)):
        console.state = state
        console.step(ANY_BUTTON[rng.integers(len(ANY_BUTTON))])
        console.step()
        console.state = state
        for button in buttons[: rng.integers(1, 8)]:
            console.step(button)
        console.state = state
        found = []
        for button in buttons:
            console.step(button)
            found.append(seen(console))
            assert console.audio_samples() in {548, 549}
        expected = expected or found
        assert found == expected


VERTICAL_BLANK = 0x40
"""Where the program goes when a frame is over. A step of gambatte ends there, but a tick of PyBoy goes on a little."""


OWN = ((0xC000, 0x100),)
EMULATED = {
    "blocks": (GAMES["blocks"].rom, 1_800, OWN),
    "duel": (GAMES["duel_battles"].rom, 1_800, OWN),
    "tetris": (TETRIS, 900, (*OWN, (0xFFA9, 1), (0xFFE1, 1))),
    "yellow": (YELLOW, 900, (*OWN, (0xD056, 1), (0xD162, 12), (0xD2F6, 19), (0xD89B, 12), (0xDA7F, 1))),
}
"""Programs, with the stand-ins for the user's: how many frames they run, and where they keep their variables."""


@pytest.mark.filterwarnings("ignore:Using SDL2 binaries:UserWarning")
@pytest.mark.parametrize("program", EMULATED)
def test_another_emulator_agrees(program):
    """PyBoy, which shares no code with gambatte, has the same interface in memory, frame by frame of random input."""
    pyboy = pytest.importorskip("pyboy", reason="pyboy is not installed: there is no second emulator")
    rom, frames, interface = EMULATED[program]
    rng = np.random.default_rng(2)
    few = [button for button in ANY_BUTTON if button != "START"]
    buttons = ["START" if frame in {5, 300, 320} else few[rng.integers(len(few))] for frame in range(frames)]
    console = Console(rom)
    for _ in range(100):
        console.step()
    before, expected, found = console.memory().read(0xC002, 2), [], []
    for button in buttons:
        console.step(button)
        memory = console.memory()
        expected.append(b"".join(memory.read(*place) for place in interface))

    other = pyboy.PyBoy(str(rom), window="null", log_level="ERROR")

    def read() -> bytes:
        return b"".join(bytes(other.memory[start : start + count]) for start, count in interface)

    while bytes(other.memory[0xC002:0xC004]) != before:
        other.tick(1, render=False)
    other.hook_register(0, VERTICAL_BLANK, lambda _: found.append(read()), None)
    for button in [*buttons, "START"]:
        other.button_press(button.lower())
        other.tick(1, render=False)
        other.button_release(button.lower())
    other.stop(save=False)
    assert found[1:] == expected
    if program == "blocks":
        assert len({frame[6] for frame in expected}) == 2  # a game was lost in between
    elif program != "duel":
        assert len({frame[0x100:] for frame in expected}) > 4  # its variables change

import gc

import pytest

from rtgraph.nodes.emulator.gameboy import Console, find_game

ROM = find_game("blocks").rom


PARTS = ((0x8000, 0x2000), (0xC000, 0x1000), (0xD000, 0x1000), (0xFE00, 0xA0), (0xFF80, 0x80))


def run(console, frames=60):
    for _ in range(frames):
        console.step()
    return console


def frames(console):
    return int.from_bytes(console.memory().read(0xC002, 2), "little")


@pytest.fixture
def other_rom(tmp_path):
    """The same program in another file, so that the emulator must load it."""
    path = tmp_path / "other.gb"
    path.write_bytes(ROM.read_bytes())
    return path


def test_consoles_do_not_notice_each_other(other_rom):
    state = run(Console(ROM)).state
    first, second, third, alone = Console(ROM), Console(other_rom), Console(ROM), Console(ROM)
    for console in (first, second, third, alone):
        console.state = state
    for _ in range(20):
        first.step()
        second.step("RIGHT")
        third.step()
        third.step()
    assert second.memory().read(0xC007) == b"\x10"
    for console, count in ((first, 20), (third, 40)):
        alone.state = state
        run(alone, count)
        assert all(console.memory().read(*part) == alone.memory().read(*part) for part in PARTS)
        console.step()
        shown = console.screen()
        alone.step()
        assert (alone.screen() == shown).all()


def test_a_console_that_is_gone_leaves_the_emulator_to_others(other_rom):
    console = run(Console(ROM))
    del console
    gc.collect()
    assert frames(run(Console(other_rom), 30)) > 0


def test_equal_machines_have_equal_states(other_rom):
    states = set()
    for rom in (ROM, other_rom, ROM):
        console = run(Console(rom))
        states.add(console.state)
        console.close()
    assert len(states) == 1


def test_a_state_is_set_at_once_and_kept_by_others():
    first, second = run(Console(ROM)), Console(ROM)
    state, then = first.state, frames(first)
    run(first, 10)
    first.state = state
    assert frames(first) == then
    run(second, 5)
    first.state = state
    assert frames(first) == then
    with pytest.raises(ValueError, match=r"this ROM: it has 1,024 bytes instead of 2\d,\d{3}$"):
        first.state = state[:1024]
    assert frames(first) == then


def test_numbers_are_written_lowest_byte_first():
    console = run(Console(ROM))
    console.poke(0xC004, 0x1234, 2)
    assert console.memory().read(0xC004, 2) == b"\x34\x12"


def test_a_range_of_memory_spans_blocks():
    memory = run(Console(ROM)).memory()
    whole = memory.read_range(range(0xC000, 0xE000))
    assert whole == memory.read(0xC000, 0x1000) + memory.read(0xD000, 0x1000)
    assert memory.read_range(range(0xCFF0, 0xD010)) == whole[0xFF0:0x1010]
    assert memory.read_range(range(0xC004, 0xC006)) == memory.read(0xC004, 2)


@pytest.mark.parametrize(
    ("address", "count"), [(0x4000, 1), (0xCFFF, 2), (0xE000, 1), (0xFF40, 1), (0xFFFF, 2)]
)
def test_memory_that_cannot_be_read_is_named(address, count):
    console = Console(ROM)
    with pytest.raises(
        IndexError, match=f"{count} bytes at {address:#06x} are not within one block of memory"
    ):
        console.memory().read(address, count)
    with pytest.raises(IndexError, match=f"{address:#06x}"):
        console.poke(address, 0, count)


def test_a_program_that_the_core_refuses_is_named(tmp_path):
    short = tmp_path / "short.gb"
    short.write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match=r"short\.gb cannot be run: "):
        Console(short)
    assert frames(run(Console(ROM))) > 0


def test_a_closed_console_is_closed():
    console = run(Console(ROM))
    console.close()
    console.close()
    with pytest.raises(RuntimeError, match="the console is closed"):
        console.step()

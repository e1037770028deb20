"""A Game Boy: the gambatte core that stable-retro contains, used without stable-retro's environment.

stable-retro allows one emulator per process, so all consoles of a process share it. When another console is used, the state of
the previous console is saved, and the state of the other console is loaded. A state is exact while the display is on, so
consoles do not affect each other. The change takes 20 µs between consoles of one ROM and 1.5 ms between different ROMs.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from stable_retro import RetroEmulator
    from stable_retro.data import GameData

BUTTONS: Final = ("B", "", "SELECT", "START", "UP", "DOWN", "LEFT", "RIGHT", "A")
"""The button of each element of the core's button mask. The second element is not a button."""

SCREEN: Final = (144, 160)
"""Height and width of the display in pixels."""

Place = tuple[int, str]
"""An address in memory, and the type of the number there in numpy's notation, such as "<u2"."""
MOST_BYTES: Final = 7
"""Maximum size in bytes of a number that the core reads correctly. It uses signed 64-bit integers and does not check for overflow."""

_BLOCKS: Final = {0xC000: 0x1000, 0xD000: 0x1000, 0xFF80: 0x80, 0x8000: 0x2000, 0xA000: 0x2000, 0xFE00: 0xA0}
"""The blocks of memory that can be read: a dict from the first address to the size in bytes."""


_NOT_OF_THE_MACHINE: Final = {b"dmgpal\x00": 24, b"rtcbase\x00": 4, b"rtchalt\x00": 4}
"""Fields of gambatte's states that are set to 0, by name, with the size of their content in bytes. They are a palette that the
console does not have, and the time at which a cartridge's clock was set. If they were kept, the states of equal machines would
differ. In a state, a field is its name, three bytes with the size, and the content."""


class ConsoleMemory:
    """A copy of the machine's memory."""

    def __init__(self, blocks: dict[int, bytes]) -> None:
        self._blocks = blocks

    def read(self, address: int, count: int = 1) -> bytes:
        """Return ``count`` bytes from ``address`` on. Raises ``IndexError`` unless all are in one block of memory."""
        start = block_of(address, count)
        return self._blocks[start][address - start : address - start + count]

    def read_range(self, addresses: range) -> bytes:
        """Return the bytes at consecutive addresses, which may span blocks. Addresses that cannot be read are left out."""
        return b"".join(
            block[max(0, addresses.start - start) : max(0, addresses.stop - start)]
            for start, block in sorted(self._blocks.items())
        )


class _Emulator:
    """The one emulator of this process, and the console that uses it at present."""

    def __init__(self, rom: Path) -> None:
        from stable_retro import RetroEmulator  # noqa: PLC0415 - loads gymnasium
        from stable_retro.data import GameData  # noqa: PLC0415

        self.rom = rom
        self.core: RetroEmulator = RetroEmulator(str(rom))
        self.data: GameData = GameData()
        self.core.configure_data(self.data)
        self.core.step()
        self.switched_on: bytes = self.core.get_state()
        self.user: weakref.ref[Console] | None = None
        self._places: Mapping[str, Place] = {}

    def numbers(self, places: Mapping[str, Place]) -> dict[str, int]:
        """Return the numbers at these places in memory, by name. ``places`` has the name, address and type of each number."""
        if places is not self._places and places != self._places:
            for name in self._places:
                self.data.remove_variable(name)
            for name, (address, kind) in places.items():
                self.data.set_variable(name, {"address": address, "type": kind})
            self._places = places
        numbers: dict[str, int] = self.data.lookup_all()
        return numbers

    def release(self) -> None:
        """Save the state of the console that uses the emulator now, and free the emulator."""
        user = None if self.user is None else self.user()
        self.user = None
        if user is not None:
            user.give_up()


_emulators: list[_Emulator] = []
"""A list with the one emulator of this process; empty if there is no emulator. stable-retro allows only one at a time."""


class Console:
    """One Game Boy with a ROM in it. When it is made, it has just been switched on.

    Args:
        rom: the program, 32 KiB or more.

    Raises:
        ValueError: the core refuses the program.
    """

    def __init__(self, rom: Path) -> None:
        self._rom = rom
        self._mask = np.zeros(len(BUTTONS), np.uint8)
        # Either the console has the emulator, or its state is kept here; neither once it is closed.
        self._emulator: _Emulator | None = None
        self._kept: bytes | None = _emulator_with(rom).switched_on
        self._state_size = len(self._kept)

    @property
    def state(self) -> bytes:
        """The complete state of the machine, 26.7 kB.

        A state may be set only on a console with the same ROM. But only the size of the state is checked.
        """
        return _timeless((self._emulator or self._take_over()).core.get_state())

    @state.setter
    def state(self, state: bytes) -> None:
        if len(state) != self._state_size:
            raise ValueError(
                f"this is not a state of this ROM: it has {len(state):,} bytes instead of {self._state_size:,}"
            )
        if self._emulator is None:
            self._kept = state
        else:
            self._emulator.core.set_state(state)

    def step(self, *buttons: str) -> None:
        """Run one frame, 1/59.7275 s, with these buttons held."""
        core = (self._emulator or self._take_over()).core
        self._mask[:] = 0
        for button in buttons:
            self._mask[BUTTONS.index(button)] = 1
        core.set_button_mask(self._mask, 0)
        core.step()

    def screen(self) -> npt.NDArray[np.uint8]:
        """Return the display, (144, 160, 3) uint8 RGB. Call this method directly after ``step``.

        If another console was used since this console's last ``step``, the display may be that of the other console.
        """
        screen: npt.NDArray[np.uint8] = (self._emulator or self._take_over()).core.get_screen()
        return screen

    def memory(self) -> ConsoleMemory:
        """Return a copy of the memory as it is now."""
        return ConsoleMemory((self._emulator or self._take_over()).data.memory.blocks)

    def numbers(self, places: Mapping[str, Place]) -> dict[str, int]:
        """Return the numbers at these places in memory, by name, in any order.

        ``places`` has the name, address and type of each number. A number may have up to ``MOST_BYTES`` bytes. The first call
        with a mapping is slower than later calls with the same mapping.
        """
        return (self._emulator or self._take_over()).numbers(places)

    def poke(self, address: int, value: int, count: int = 1) -> None:
        """Write a number of ``count`` bytes into the memory, the lowest byte first."""
        block_of(address, count)
        memory = (self._emulator or self._take_over()).data.memory
        for place, byte in enumerate(value.to_bytes(count, "little")):
            memory.assign(address + place, "|u1", byte)

    def audio_samples(self) -> int:
        """Return the number of sound samples of the last step; 0 if the step showed no new picture."""
        return len((self._emulator or self._take_over()).core.get_audio())

    def give_up(self) -> None:
        """Release the emulator for another console. The next use of this console takes the emulator back."""
        if self._emulator is not None:
            self._kept = self._emulator.core.get_state()
            self._emulator = None

    def close(self) -> None:
        """Release the emulator for good, if this console uses it. Closing twice is allowed."""
        if self._emulator is not None:
            _emulators.clear()
        self._emulator = self._kept = None

    def _take_over(self) -> _Emulator:
        if self._kept is None:
            raise RuntimeError("the console is closed and cannot be used again: make a new one")
        emulator = _emulator_with(self._rom)
        emulator.release()
        emulator.user = weakref.ref(self)
        emulator.core.set_state(self._kept)
        self._kept = None
        self._emulator = emulator
        return emulator


def _timeless(state: bytes) -> bytes:
    """Return a state without the time of day and without memory addresses of this process, so that equal states have equal bytes."""
    for label, size in _NOT_OF_THE_MACHINE.items():
        name, after = state.partition(label)[0::2]
        size_bytes, rest = after[:3], after[3:]
        state = b"".join((name, label, size_bytes, bytes(size), rest[size:]))
    return state


@functools.lru_cache(maxsize=1024)
def block_of(address: int, count: int) -> int:
    """Return the first address of the block of memory that contains the ``count`` bytes from ``address`` on.

    Raises ``IndexError`` if no block contains all of these bytes.
    """
    for start, size in _BLOCKS.items():
        if start <= address and address + count <= start + size:
            return start
    raise IndexError(
        f"the {count} bytes at {address:#06x} are not within one block of memory that can be read"
    )


def _emulator_with(rom: Path) -> _Emulator:
    """Return the emulator with this ROM loaded. Another console may be using this emulator."""
    if _emulators and _emulators[0].rom == rom:
        return _emulators[0]
    while _emulators:
        _emulators.pop().release()
    try:
        _emulators.append(_Emulator(rom))
    except RuntimeError as problem:
        raise ValueError(f"the ROM {rom.name} cannot be run: {problem}") from problem
    return _emulators[0]

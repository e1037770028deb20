"""Numbers that a game keeps in memory: the address and the encoding of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rtgraph.nodes.emulator.gameboy.console import MOST_BYTES, Console, ConsoleMemory, Place, block_of

Variables = Mapping[str, int]
"""The values of a game's variables at one frame, by the variables' names."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A number in the console's memory: its address and its encoding.

    Args:
        address: the address of the first byte.
        size: the size in bytes.
        kind: a binary number with or without a sign, two decimal digits per byte ("bcd"), or the number of bits that are 1.
        order: which byte is first, the lowest ("little") or the highest ("big").
    """

    address: int
    size: int = 1
    kind: Literal["unsigned", "signed", "bcd", "bits"] = "unsigned"
    order: Literal["little", "big"] = "little"

    def read(self, memory: ConsoleMemory) -> int:
        """Return the number. Raises ``ValueError`` if a digit of a decimal number is above 9."""
        return self.number(int.from_bytes(memory.read(self.address, self.size), self.order))

    def number(self, binary: int) -> int:
        """Return the number from its bytes, which are given as an unsigned integer.

        Raises ``ValueError`` if a digit of a decimal number is above 9.
        """
        if self.kind == "bcd":
            return int(f"{binary:0{2 * self.size}x}")
        if self.kind == "signed":
            return binary - (binary >> (8 * self.size - 1) << (8 * self.size))
        return binary.bit_count() if self.kind == "bits" else binary

    @property
    def place(self) -> Place:
        """The variable's address and type, for ``Console.numbers``."""
        order = "|" if self.size == 1 else {"little": "<", "big": ">"}[self.order]
        return self.address, f"{order}u{self.size}"


class VariableReader:
    """Reads all variables of a game.

    One call of the emulator reads every variable that has at most 7 bytes. Longer variables are read from a copy of the memory.

    Raises:
        IndexError: a variable is outside the memory that can be read.
    """

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        for variable in variables.values():
            block_of(variable.address, variable.size)
        self._names = tuple(variables)
        self._long = {name: each for name, each in variables.items() if each.size > MOST_BYTES}
        self._places = {name: each.place for name, each in variables.items() if name not in self._long}
        self._converted = {
            name: variables[name] for name in self._places if variables[name].kind != "unsigned"
        }
        self._numbers: dict[str, int] = {}
        self._variables: Variables = {}
        """The values that ``read`` returned last. ``_numbers`` has the numbers from which the values were computed."""

    def read(self, console: Console) -> Variables:
        """Return the values of all variables, by name. If their bytes have not changed, this is the same mapping as before.

        For a game with a variable of more than 7 bytes, the mapping is always new. Raises ``ValueError`` if a digit of a decimal
        number is above 9.
        """
        numbers = console.numbers(self._places)
        if self._long or numbers != self._numbers:
            self._variables = self._variables_of(numbers, console)
            self._numbers = numbers
        return self._variables

    def _variables_of(self, numbers: dict[str, int], console: Console) -> Variables:
        """Return the values of all variables, by name.

        ``numbers`` holds the variables of at most 7 bytes, as the emulator has read them. Longer variables are read here.
        """
        converted = {name: variable.number(numbers[name]) for name, variable in self._converted.items()}
        if self._long:
            memory = console.memory()
            converted |= {name: variable.read(memory) for name, variable in self._long.items()}
        return {name: converted[name] if name in converted else numbers[name] for name in self._names}


def count_fallen(side: str, places: Iterable[int], previous: Variables, now: Variables) -> int:
    """Return how many of a side's creatures lost their last hit points (HP) between two frames. Several may fall in one frame.

    Args:
        side: the prefix of the names of the variables with the HP, such as "my". In each name, the creature's position
            follows this prefix.
        places: the positions of the creatures.
        previous: the variables at the earlier frame.
        now: the variables at the later frame.
    """
    return sum(previous[f"{side}{place}"] > 0 and now[f"{side}{place}"] == 0 for place in places)

"""Numbers that a game keeps in memory: the address and the encoding of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rtgraph.nodes.emulator.gameboy.console import ConsoleMemory

Variables = Mapping[str, int]
"""The values of a game's variables at one frame, by name."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A number in memory.

    Args:
        address: of its first byte.
        size: in bytes.
        kind: a binary number with or without a sign, two decimal digits a byte ("bcd"), or the number of bits that are 1.
        order: which byte stands first, the lowest ("little") or the highest ("big").
    """

    address: int
    size: int = 1
    kind: Literal["unsigned", "signed", "bcd", "bits"] = "unsigned"
    order: Literal["little", "big"] = "little"

    def read(self, memory: ConsoleMemory) -> int:
        """Return the number. Raises ``ValueError`` if a digit of a decimal number is above 9."""
        read = memory.read(self.address, self.size)
        if self.kind == "bcd":
            return int((read if self.order == "big" else read[::-1]).hex())
        number = int.from_bytes(read, self.order, signed=self.kind == "signed")
        return number.bit_count() if self.kind == "bits" else number


def read_variables(variables: Mapping[str, Variable], memory: ConsoleMemory) -> dict[str, int]:
    """Return all the numbers, by name."""
    return {name: variable.read(memory) for name, variable in variables.items()}


def count_fallen(side: str, places: Iterable[int], previous: Variables, now: Variables) -> int:
    """Return how many of a side's creatures had HP and have none now; several may fall in one frame.

    The HP of place i is the variable ``side`` + i.
    """
    return sum(previous[f"{side}{place}"] > 0 and now[f"{side}{place}"] == 0 for place in places)

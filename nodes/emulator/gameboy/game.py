"""The interface between a game and the plant: the game's program, its start states, its variables in memory, and its rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from rtgraph.msgs import EndReason
from rtgraph.nodes.emulator.gameboy.console import Console
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables


class Rules(Protocol):
    """The rules of a game: rewards, and the end of an episode. They are computed from the game's variables at three frames.

    ``start`` is the first frame of the episode, ``previous`` the frame before ``now``. The rules keep no state, so snapshots of
    the game need not contain them.
    """

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        """Return the reward of the step from ``previous`` to ``now``."""
        ...

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        """Return why the episode is over; None if it is not over."""
        ...


class Game(Protocol):
    """A game for one program (ROM). A program may have several games, which differ in their rules and start states."""

    @property
    def name(self) -> str:
        """The game's name in graph files."""
        ...

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The address and the encoding of each variable in memory, by name."""
        ...

    @property
    def memory(self) -> range:
        """The addresses of the bytes of memory that can be observed."""
        ...

    @property
    def rules(self) -> Rules:
        """The rules for rewards and ends of episodes."""
        ...

    @property
    def has_ladder(self) -> bool:
        """Whether the start states are encounters in a fixed order, each of which can be won."""
        ...

    @property
    def rom(self) -> Path:
        """The path of the program (ROM). Raises ``RomError`` if the user must provide it and has not."""
        ...

    @property
    def states(self) -> Collection[str]:
        """The names of the start states, in order. The first is the default. Raises ``RomError`` if there is none."""
        ...

    def load_state(self, state: str) -> bytes:
        """Return a start state, for ``begin``. Raises ``ValueError`` if there is no such state."""
        ...

    def begin(self, console: Console, state: bytes, seed: int) -> None:
        """Load a start state, and run it until the game accepts actions. ``seed`` is from 1 to 65535.

        Raises ``RuntimeError`` if the game does not accept actions in time.
        """
        ...


def name_some(names: Collection[str]) -> str:
    """Return names as text on one line: all names if they are few, else the first two and the last."""
    listed = list(names)
    return ", ".join(listed if len(listed) < 5 else [*listed[:2], "...", listed[-1]])

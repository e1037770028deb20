"""Counters: numbers on the screen, such as the score, that are read in each picture.

A number is accepted at once if its difference from the last accepted number is plausible.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.nodes.robot.screen.digits import DigitReader
from rtgraph.nodes.robot.screen.file import Counter, ScreenFile
from rtgraph.nodes.robot.screen.rectify import Image


@dataclass(frozen=True, slots=True)
class Change:
    """How a counter changed with one picture: the difference from the last accepted number."""

    by: int = 0
    fell: bool = False
    """Whether the number fell by an implausible amount, because the counter was reset."""


class SteadyCounter:
    """Filters the numbers read for one counter. The first number, and implausible changes, are accepted only if they persist."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.value: int | None = None
        """The last accepted number; None before the first."""
        self.unreadable = self.refused = 0
        """Number of pictures without a readable number, and of pictures with a number that was not accepted."""
        self._waiting: int | None = None
        self._seen = 0

    def take(self, read: int | None) -> Change:
        """Add the number read in a picture; None if it was unreadable. Return the change of the accepted number."""
        if read is None:
            self.unreadable += 1
            return Change()
        if read == self.value:
            self._waiting = None
            return Change()
        counter = self.counter
        plausible = self.value is not None and counter.least <= read - self.value <= counter.most
        if not plausible:
            self._seen = self._seen + 1 if read == self._waiting else 1
            self._waiting = read
            if self._seen < counter.frames:
                self.refused += 1
                return Change()
        before, self.value, self._waiting = self.value, read, None
        by = 0 if before is None else read - before
        return Change(by, fell=before is not None and by < counter.least)


class ScoreBoard:
    """All counters of a game."""

    def __init__(self, file: ScreenFile) -> None:
        self._reader = DigitReader(file.digits, file.alike)
        self.counters = {name: SteadyCounter(counter) for name, counter in file.counters.items()}
        self.changed = False
        """Whether a counter changed with the last picture."""
        self.fell: frozenset[str] = frozenset()
        """The counters that were reset with the last picture."""

    def take(self, picture: Image) -> float:
        """Read a rectified picture, (height, width, 3) uint8. Return the reward: the weighted changes of all counters.

        The reward of a counter that was reset is 0.
        """
        reward, fell = 0.0, set()
        self.changed = False
        for name, steady in self.counters.items():
            number = steady.counter.number()
            change = steady.take(None if number is None else self._reader.read(picture, number))
            self.changed = self.changed or change.by != 0
            if change.fell:
                fell.add(name)
            else:
                reward += steady.counter.weight * change.by
        self.fell = frozenset(fell)
        return reward

    def values(self) -> dict[str, float]:
        """Return the last accepted numbers."""
        return {
            name: float(steady.value) for name, steady in self.counters.items() if steady.value is not None
        }

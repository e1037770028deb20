"""The file of a filmed game: corners of the screen, numbers, digits, the end of a game, and its reset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from rtgraph.msgs import Record
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.screen.digits import ALIKE, COLUMNS, ROWS, Number, Region, Template
from rtgraph.nodes.robot.screen.rectify import Corners, Rectifier

Colour = tuple[float, float, float]
Frames = Annotated[int, Field(ge=1, le=600)]


class Counter(Record):
    """A number on the screen, such as the score, and its weight in the reward."""

    region: Region
    """Left, top, width and height in the rectified picture. The region is divided into ``digits`` places of equal width."""
    digits: int = Field(ge=1, le=12)
    weight: float = 1.0
    """The reward for each point."""
    least: int = 0
    most: int = 100
    """``least`` and ``most``: the range of plausible changes between two pictures. Any other change must persist for
    ``frames``."""
    frames: Frames = 5
    """Number of pictures for which an implausible change must persist."""
    ink: Colour | None = None
    background: Colour | None = None
    """``ink`` and ``background``: the colours of digits and background, which ``rtgraph screen learn-digits`` writes."""

    def number(self) -> Number | None:
        """Return the number's position and colours; None before its colours are learned."""
        if self.ink is None or self.background is None:
            return None
        return Number(self.region, self.digits, self.ink, self.background)


class CounterEnd(Record):
    """The game ends when a counter, such as the number of lives, is at most ``at_most``."""

    kind: Literal["counter"]
    counter: str
    at_most: int = 0
    frames: Frames = 5
    """Number of consecutive pictures for which the condition must hold."""


class PictureEnd(Record):
    """The game ends when the mean brightness of a region, from 0 (black) to 255, is between ``least`` and ``most``."""

    kind: Literal["picture"]
    region: Region
    least: float = 0.0
    most: float = 255.0
    frames: Frames = 5


class ResetEnd(Record):
    """The game ends when a counter falls by an implausible amount, because then a new game has begun."""

    kind: Literal["reset"]
    counter: str


class TimeEnd(Record):
    """The episode is truncated after ``s`` seconds."""

    kind: Literal["time"]
    s: float = Field(gt=0)


class IdleEnd(Record):
    """The episode is truncated when no counter has changed for ``s`` seconds."""

    kind: Literal["idle"]
    s: float = Field(gt=0)


End = Annotated[CounterEnd | PictureEnd | ResetEnd | TimeEnd | IdleEnd, Field(discriminator="kind")]


class ResetStep(Record):
    """One step of the physical reset: buttons to press together for ``s`` seconds; no buttons for a pause."""

    press: tuple[str, ...] = ()
    s: float = Field(gt=0, le=60)


class ScreenFile(Record):
    """How to read one game on one screen."""

    corners: Corners | None = None
    """The screen's corners in the camera's picture: top left, top right, bottom right, bottom left. Null: the whole
    picture, as from a frame grabber."""
    camera_size: tuple[int, int] = (640, 480)
    """Width and height of the camera's picture in which the corners were marked."""
    size: tuple[int, int] = (160, 210)
    """Width and height of the rectified picture: the console's resolution."""
    counters: dict[str, Counter] = Field(default_factory=dict)
    digits: dict[str, Template] = Field(default_factory=dict)
    """The templates of the digits, which ``rtgraph screen learn-digits`` writes."""
    alike: float = Field(default=ALIKE, gt=0, lt=1)
    """Minimum correlation of a digit's picture with its template. With a lower value worse pictures are read, with more
    errors."""
    end: tuple[End, ...] = ()
    reset: tuple[ResetStep, ...] = ()
    """The buttons to press before each game."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        width, height = self.size
        if width < 84 or height < 84:
            raise ValueError(f"size: {width} × {height} is smaller than the observation, 84 × 84")
        regions = [(f"counters.{name}", counter.region) for name, counter in self.counters.items()]
        regions += [("end", end.region) for end in self.end if isinstance(end, PictureEnd)]
        for where, region in regions:
            if not _is_within(region, self.size):
                raise ValueError(f"{where}: the region {list(region)} is not within {width} × {height}")
        right, bottom = self.camera_size
        for x, y in self.corners or ():
            if not (-1 <= x <= right and -1 <= y <= bottom):
                raise ValueError(
                    f"corners: {x:g},{y:g} is not within the camera's picture, {right} × {bottom}"
                )
        for end in self.end:
            if isinstance(end, CounterEnd | ResetEnd) and end.counter not in self.counters:
                raise ValueError(f"end: `counters` has no counter {end.counter!r}")
        for digit, rows in self.digits.items():
            if [len(row) for row in rows] != [COLUMNS] * ROWS:
                raise ValueError(
                    f"digits.{digit}: a template needs {ROWS} rows of {COLUMNS} characters; the lengths of its rows are {[len(row) for row in rows]}"
                )
        return self

    def changed(self, where: object, **values: object) -> Self:
        """Return a copy of this file's content with other values.

        Args:
            where: where the values come from; the text of an error begins with it.
            values: the new values by name.

        Raises:
            RobotError: a value is wrong.
        """
        try:
            return type(self).model_validate(self.model_dump() | values)
        except ValidationError as error:
            raise _wrong(where, error) from error

    def inside(self, region: Region, where: str) -> Region:
        """Check that a region is within the rectified picture, and return it.

        Raises:
            RobotError: the region is not within the picture.
        """
        if not _is_within(region, self.size):
            raise RobotError(
                f"{where}: the region {list(region)} is not within {self.size[0]} × {self.size[1]}",
                hint="give left, top, width and height in pixels of the rectified picture",
            )
        return region

    def rectifier(self) -> Rectifier:
        """Return the rectifier for pictures of ``camera_size``."""
        width, height = self.camera_size
        right, bottom = width - 0.5, height - 0.5
        whole: Corners = ((-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom))
        return Rectifier(self.corners or whole, self.size)

    @property
    def buttons(self) -> frozenset[str]:
        """The buttons that the reset presses."""
        return frozenset(name for step in self.reset for name in step.press)

    @property
    def unlearned(self) -> tuple[str, ...]:
        """The counters that cannot be read yet: their colours, or the templates of the digits, are missing."""
        return tuple(
            name for name, counter in self.counters.items() if not self.digits or counter.number() is None
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file of a filmed game.

        Raises:
            RobotError: the file is missing or wrong.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise RobotError(
                f"{path}: there is no such file", hint=f"write it: rtgraph screen mark SOURCE --out {path}"
            ) from error
        except ValidationError as error:
            raise _wrong(path, error) from error
        except OSError as error:
            raise RobotError(f"{path}: the file cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            problem = " ".join(str(error).split())
            raise RobotError(f"{path}: the file is not UTF-8 text in YAML: {problem}") from error

    def write(self, path: Path) -> None:
        """Write the file of a filmed game atomically."""
        values = self.model_dump(mode="json", exclude_none=True)
        text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=100)
        write_atomically(path, text, RobotError)


def _is_within(region: Region, size: tuple[int, int]) -> bool:
    """Return whether a region is not empty and lies within a picture of a width and height."""
    left, top, width, height = region
    right, bottom = left + width, top + height
    return 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]


def _wrong(where: object, error: ValidationError) -> RobotError:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    problem = first["msg"].removeprefix("Value error, ")
    return RobotError(f"{where}: {key}{': ' if key else ''}{problem}")

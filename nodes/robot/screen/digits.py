"""Reads numbers in pictures: digits of equal width, by templates learned from pictures with known numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.camera.source import opencv
from rtgraph.nodes.robot.screen.rectify import Image

ROWS, COLUMNS = 12, 8
"""Height and width of a template, in pixels. The part of a picture that shows one digit is scaled to this size."""
LEVELS = 15
BLANK = 0.35
"""A place for a digit is blank if its pixels span less than this share of the contrast between ink and background."""
ALIKE = 0.95
"""Default minimum correlation of a digit's cell (the picture of one digit) with the digit's template. A cell that shows
another digit, or a mixture of two digits, has a correlation of up to 0.94."""
AHEAD = 0.02
"""Minimum difference between the correlations of the best and the second-best digit. If it is smaller, no digit is read."""

Region = tuple[int, int, int, int]
"""A rectangle in a rectified picture: left, top, width and height in pixels."""
Template = tuple[str, ...]
"""The picture of a digit, as rows of hexadecimal levels: 0 is background, f is ink."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Number:
    """The position and the colours of a number in a picture."""

    region: Region
    digits: int
    ink: tuple[float, float, float]
    background: tuple[float, float, float]


class DigitReader:
    """Reads numbers with the templates of digits.

    Args:
        templates: the template of each digit.
        alike: minimum correlation of a digit's picture with its template.
    """

    def __init__(self, templates: Mapping[str, Template], alike: float = ALIKE) -> None:
        self._alike = alike
        self._names = tuple(templates)
        rows = [[[int(level, 16) for level in row] for row in templates[name]] for name in templates]
        self._templates = np.array([_normalised(np.array(row, np.float64)) for row in rows])

    def read(self, picture: Image, number: Number) -> int | None:
        """Return the number in a picture, (height, width, 3) uint8; None if it cannot be read.

        Blanks may only stand before the first digit.
        """
        text = ""
        for cell in cells(picture, number):
            if np.ptp(cell) < BLANK:
                if text:
                    return None
                continue
            if not self._names:
                return None
            alike = self._templates @ _normalised(cell)
            order = np.argsort(alike)
            if alike[order[-1]] < self._alike or (
                len(order) > 1 and alike[order[-1]] - alike[order[-2]] < AHEAD
            ):
                return None
            text += self._names[order[-1]]
        return int(text) if text else None


def cells(picture: Image, number: Number) -> list[Floats]:
    """Return the picture of each digit of a number, from left to right: (ROWS, COLUMNS), 0 is background and 1 is ink."""
    left, top, width, height = number.region
    background, ink = np.array(number.background), np.array(number.ink)
    axis = ink - background
    crop = picture[top : top + height, left : left + width].astype(np.float64)
    share = (crop - background) @ (axis / max(float(axis @ axis), 1.0))
    edges = np.linspace(0, width, number.digits + 1).round().astype(int)
    cv2 = opencv()
    return [
        cv2.resize(share[:, start:end], (COLUMNS, ROWS), interpolation=cv2.INTER_LINEAR)
        for start, end in pairwise(edges)
    ]


def learn_colours(pictures: Iterable[Image], region: Region) -> tuple[Floats, Floats]:
    """Return the colours of ink and background of a region in RGB pictures, (height, width, 3) uint8.

    The pixels of the region form two groups by colour. The smaller group is ink.

    Raises:
        RobotError: the region has only one colour.
    """
    left, top, width, height = region
    crops = [picture[top : top + height, left : left + width].reshape(-1, 3) for picture in pictures]
    pixels = np.concatenate(crops).astype(np.float64)
    one, other = pixels[np.argmin(pixels.sum(axis=1))], pixels[np.argmax(pixels.sum(axis=1))]
    for _ in range(8):
        nearer = ((pixels - one) ** 2).sum(axis=1) <= ((pixels - other) ** 2).sum(axis=1)
        if nearer.all() or not nearer.any():
            raise RobotError(
                f"the region {list(region)} shows only one colour, so there is nothing to read",
                hint="give the region of the digits",
            )
        one, other = pixels[nearer].mean(axis=0), pixels[~nearer].mean(axis=0)
    return (one, other) if nearer.sum() < len(pixels) / 2 else (other, one)


def learn_digits(shown: Iterable[tuple[Image, Number, int]]) -> dict[str, Template]:
    """Return the templates of all digits that are shown.

    Args:
        shown: pictures, each with the position and the value of a number in it. A short number stands at the right end
            of its region, with zeros or blanks before it.

    Raises:
        RobotError: a number has more digits than its region has places.
    """
    examples: defaultdict[str, list[Floats]] = defaultdict(list)
    for picture, number, value in shown:
        text = str(value)
        if len(text) > number.digits:
            raise RobotError(
                f"the number {value} has {len(text)} digits, and its region has cells for {number.digits}",
                hint="correct the number, or `digits` of the counter",
            )
        found = cells(picture, number)
        padded = [cell for cell in found[: -len(text)] if np.ptp(cell) >= BLANK]
        for cell in padded:
            examples["0"].append(cell)
        for digit, cell in zip(text, found[-len(text) :], strict=True):
            examples[digit].append(cell)
    return {digit: _template(np.mean(examples[digit], axis=0)) for digit in sorted(examples)}


def _template(cell: Floats) -> Template:
    levels = (np.clip(cell, 0, 1) * LEVELS).round().astype(int)
    return tuple("".join(f"{level:x}" for level in row) for row in levels)


def _normalised(cell: Floats) -> Floats:
    """Return a digit's picture as a vector of length 1 and mean 0. The dot product of two such vectors is their correlation."""
    flat: Floats = cell.ravel() - cell.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-9)

"""Enlarge small images, and draw a panel below for the applied action and the age of its decision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFont

from rtgraph.msgs.bag.export.pictures.arrays import Pixels
from rtgraph.msgs.bag.export.pictures.film import FilmFrame, ShownAction

LEAST_WIDTH = 480
MOST_HEIGHT = 1080
"""Maximum height of an enlarged image in pixels. An image is enlarged by the smallest integer factor that makes it
``LEAST_WIDTH`` wide, or by a smaller factor if the height would exceed this maximum."""

LEAST_FONT = 16
LINES = 4

BACKGROUND = (18, 20, 24)
TEXT = (225, 228, 232)
BY = {"policy": (110, 220, 130), "default": (255, 170, 70), "reset": (150, 180, 255)}
"""The colour of who acted: the policy, the default behaviour, or nobody (the reset at the start of an episode)."""

MOST_NUMBERS = 6


class Overlay:
    """Draws pictures of one size. Width and height are even, because video codecs need even numbers."""

    def __init__(self, first: Pixels, action_names: tuple[str, ...] = ()) -> None:
        height, width = first.shape[:2]
        self._action_names = action_names
        times = max(1, min(math.ceil(LEAST_WIDTH / width), MOST_HEIGHT // height))
        self._picture_size = (width * times, height * times)
        canvas_width = _even(max(LEAST_WIDTH, width * times))
        font_px = max(LEAST_FONT, canvas_width // 60)
        self._font = ImageFont.truetype(_font_path(), font_px)
        self._line_px = round(font_px * 1.4)
        self._left = (canvas_width - self._picture_size[0]) // 2
        self._characters = int((canvas_width - font_px) / self._font.getlength("0"))
        self.size = (canvas_width, _even(height * times + LINES * self._line_px + font_px))

    def draw(self, frame: FilmFrame) -> Image.Image:
        """Return the RGB picture for a film frame: the enlarged image with the panel below."""
        canvas = Image.new("RGB", self.size, BACKGROUND)
        pixels = Image.fromarray(np.ascontiguousarray(frame.pixels)).convert("RGB")
        canvas.paste(pixels.resize(self._picture_size, Image.Resampling.NEAREST), (self._left, 0))
        draw = ImageDraw.Draw(canvas)
        margin = self._font.size // 2
        top = self._picture_size[1] + margin
        for number, (text, colour) in enumerate(self._lines(frame)):
            draw.text((margin, top + number * self._line_px), self._cut(text), colour, self._font)
        return canvas

    def _lines(self, frame: FilmFrame) -> list[tuple[str, tuple[int, int, int]]]:
        where = (
            f"tick {_or_dash(frame.tick)}   episode {_or_dash(frame.episode)}   {frame.stamp_ns / 1e9:.3f} s"
        )
        act = frame.act
        if act is None:
            return [(where, TEXT), ("what was applied is not recorded", TEXT)]
        total = "return" if frame.complete else "return from here"
        return [
            (where, TEXT),
            (f"action {self._action(act.action)}", BY.get(act.by, TEXT)),
            (_origin(act), BY.get(act.by, TEXT)),
            (f"reward {act.reward:+g}   {total} {frame.total_reward:+g}", TEXT),
        ]

    def _action(self, action: object) -> str:
        if isinstance(action, int):
            named = 0 <= action < len(self._action_names)
            return f"{action} {self._action_names[action]}" if named else str(action)
        numbers = np.asarray(action).reshape(-1)
        shown = " ".join(
            f"{number:+.2f}" if numbers.dtype.kind == "f" else str(number)
            for number in numbers[:MOST_NUMBERS]
        )
        return f"[{shown}{' …' if len(numbers) > MOST_NUMBERS else ''}]"

    def _cut(self, text: str) -> str:
        return text if len(text) <= self._characters else text[: self._characters - 1] + "…"


def action_names(plan_yaml: str | None) -> tuple[str, ...]:
    """Return the names of discrete actions in a plan (a resolved launch file).

    The result is empty if the plants (emulators or robots) in the plan have no names for actions, or different names.
    """
    found = set(_names(yaml.safe_load(plan_yaml))) if plan_yaml else set()
    return found.pop() if len(found) == 1 else ()


def _names(value: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        if value.get("kind") == "discrete" and value.get("names"):
            yield tuple(map(str, value["names"]))
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _origin(act: ShownAction) -> str:
    if act.by == "policy":
        age = "" if act.age_ns is None else f" ({act.age_ns / 1e6:.0f} ms)"
        ticks = "tick" if act.age_ticks == 1 else "ticks"
        return f"age {_or_dash(act.age_ticks)} {ticks}{age}   policy, {act.worker or 'unnamed'}"
    if act.by == "default":
        why = "episode too young" if act.starting else "no decision in time"
        return f"no age   default behaviour: {why}"
    return "no age   an episode begins" if act.by == "reset" else act.by


def _font_path() -> Path:
    # matplotlib ships DejaVu: the same letters on every machine, whatever its fonts.
    return Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _even(number: int) -> int:
    return number + number % 2

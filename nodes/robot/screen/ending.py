"""Decides when an episode of a filmed game ends, by the rules in the game's ``ScreenFile``."""

from __future__ import annotations

from rtgraph.nodes.robot.screen.file import CounterEnd, IdleEnd, PictureEnd, ResetEnd, ScreenFile, TimeEnd
from rtgraph.nodes.robot.screen.rectify import Image
from rtgraph.nodes.robot.screen.score import ScoreBoard


class EndRules:
    """Applies the rules of a ``ScreenFile`` for the end of an episode."""

    def __init__(self, file: ScreenFile) -> None:
        self._rules = file.end
        self.begin(0)

    def begin(self, now_ns: int) -> None:
        """Begin an episode: forget the previous one."""
        self._began_ns = self._changed_ns = now_ns
        self._seen = [0] * len(self._rules)
        self.terminated = self.truncated = False

    def take(self, picture: Image, board: ScoreBoard, now_ns: int) -> None:
        """Apply the rules to a new picture, (height, width, 3) uint8. ``board`` has read the picture's numbers already."""
        if board.changed:
            self._changed_ns = now_ns
        for place, rule in enumerate(self._rules):
            match rule:
                case CounterEnd():
                    value = board.counters[rule.counter].value
                    self._count(place, value is not None and value <= rule.at_most, rule.frames)
                case PictureEnd():
                    left, top, width, height = rule.region
                    mean = float(picture[top : top + height, left : left + width].mean())
                    self._count(place, rule.least <= mean <= rule.most, rule.frames)
                case ResetEnd():
                    self.terminated = self.terminated or rule.counter in board.fell
                case _:
                    pass

    def tick(self, now_ns: int) -> None:
        """Apply the rules of time: truncate an episode that is too long, or in which no counter has changed for too long."""
        for rule in self._rules:
            if isinstance(rule, TimeEnd):
                self.truncated = self.truncated or now_ns - self._began_ns >= rule.s * 1e9
            elif isinstance(rule, IdleEnd):
                self.truncated = self.truncated or now_ns - self._changed_ns >= rule.s * 1e9

    def _count(self, place: int, holds: bool, frames: int) -> None:
        self._seen[place] = self._seen[place] + 1 if holds else 0
        self.terminated = self.terminated or self._seen[place] >= frames

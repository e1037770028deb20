"""A person who holds a device, by a script."""

from __future__ import annotations

from typing import ClassVar

from rtgraph.nodes.robot.teleop import OperatorInput


class Scripted:
    """Commands from one time to another: one joint at a speed, or all joints at positions."""

    gives: ClassVar[str] = "speeds"
    realtime_only: ClassVar[bool] = False

    def __init__(self, context, since_s=1.0, until_s=2.0, values=None, old_s=0.0, stop_s=None):
        self._site = context
        self._since_s, self._until_s, self._stop_s = since_s, until_s, stop_s
        self._values = values or {}
        self._old_ns = round(old_s * 1e9)

    def read(self):
        now_s = self._site.now_ns() / 1e9
        return OperatorInput(
            self._site.now_ns() - self._old_ns,
            self._since_s <= now_s < self._until_s,
            self._values,
            self._stop_s is not None and now_s >= self._stop_s,
        )

    def close(self):
        pass


class Positions(Scripted):
    gives: ClassVar[str] = "positions"


class Turns(Scripted):
    """Gives what no device gives."""

    gives: ClassVar[str] = "turns"


class Sometimes(Scripted):
    """Is real time in name only."""

    realtime_only: ClassVar[str] = "no"


class Given:
    """Gives what a test puts in ``reading``."""

    gives: ClassVar[str] = "speeds"
    realtime_only: ClassVar[bool] = False
    reading: ClassVar[object] = None
    trouble: ClassVar[str] = ""

    def __init__(self, context, **_):
        self.context = context

    def read(self):
        return type(self).reading

    def close(self):
        pass

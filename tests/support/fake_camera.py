"""A source of pictures that gives what a test puts into it."""

from __future__ import annotations

import queue
import threading

import numpy as np

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.camera.source import SourceParams

LONG_S = 20.0


class FakeCamera:
    """Gives the pictures that a test puts into it; None breaks it."""

    def __init__(self) -> None:
        self.pictures: queue.Queue[int | None] = queue.Queue()
        self.opened = self.released = 0
        self.absent = 0
        self.done = threading.Semaphore(0)

    def open(self, params: SourceParams) -> FakeCamera:
        self.opened += 1
        if self.opened <= self.absent:
            raise RobotError("there is no camera")
        return self

    def grab(self, closing: threading.Event) -> None:
        self.done.release()
        got = self.pictures.get(timeout=LONG_S)
        if got is None:
            raise RobotError("it broke")
        self._value = got

    def retrieve(self) -> np.ndarray:
        return np.full((2, 3, 3), self._value, np.uint8)

    def release(self) -> None:
        self.released += 1

    def show(self, *values: int | None) -> None:
        """Show pictures, and wait until they were read."""
        for value in values:
            self.pictures.put(value)
        for _ in values:
            assert self.done.acquire(timeout=LONG_S)

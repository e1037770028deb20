"""A loop rate, like ROS's ``Rate``."""

from __future__ import annotations

import threading
import time


class Rate:
    """Waits for evenly spaced times. Never waits if ``rate_hz`` is None.

    If a call is more than a period late, later times count from this call.
    """

    def __init__(self, rate_hz: float | None) -> None:
        self._period_s = 0.0 if rate_hz is None else 1 / rate_hz
        self._due_s = time.monotonic()
        self._pause = threading.Event()

    def wait(self) -> None:
        """Wait until the next time. The first call returns at once."""
        if not self._period_s:
            return
        left_s = self._due_s - time.monotonic()
        if left_s > 0:
            self._pause.wait(left_s)
        self._due_s = max(self._due_s + self._period_s, time.monotonic())

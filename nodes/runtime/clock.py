"""The graph's clock, wall and virtual side by side: nanoseconds since the graph began."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the graph's time in whole nanoseconds."""

    def now_ns(self) -> int:
        """Return the time since the graph began."""
        ...


class WallClock:
    """The clock of the realtime world: monotonic, the same for all processes of one host.

    ``epoch_ns`` is the reading of the host's monotonic clock at which the graph began.
    """

    def __init__(self, epoch_ns: int = 0) -> None:
        self.epoch_ns = epoch_ns

    def now_ns(self) -> int:
        """Return the time since the graph began."""
        return time.monotonic_ns() - self.epoch_ns


def unix_ns() -> int:
    """Return the wall clock's time, in ns since 1970. It may jump: only for telling people when something was."""
    return time.time_ns()  # noqa: TID251 - the one place


class VirtualClock:
    """The clock of the virtual world: it stands where the world sets it."""

    __slots__ = ("time_ns",)

    def __init__(self) -> None:
        self.time_ns = 0

    def now_ns(self) -> int:
        """Return the time since the graph began."""
        return self.time_ns


def tick_time_ns(tick: int, rate_hz: float) -> int:
    """Return when a tick is due: ⌊tick · 10⁹ / rate⌋, so that rounding never accumulates.

    Rates are taken to the microhertz.
    """
    return tick * 1_000_000_000_000_000 // round(rate_hz * 1_000_000)


def frames_ns(frames: float, rate_hz: float) -> int:
    """Return a duration given in frames, floored.

    Floored, not rounded: an inference of exactly 70 frames that came out one nanosecond too long would miss its
    tick, every time. Frames are taken to the billionth, rates to the microhertz.
    """
    return round(frames * 1_000_000_000) * 1_000_000 // round(rate_hz * 1_000_000)

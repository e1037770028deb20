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


TIME_BASE = "whole ns"
"""The rule that ``period_ns``, ``tick_time_ns`` and ``frames_ns`` follow, as recordings and world checkpoints name it.

Those that name no rule are older: there each tick and each duration was floored by itself.
"""

_BILLION = 1_000_000_000


def period_ns(rate_hz: float) -> int:
    """Return the time between two ticks, P = round(10⁹ / rate).

    A whole number, so that ticks, latencies and spacings given in ticks add up without a rest: tick k is at k·P, and an
    inference of n frames that begins at a tick ends at one. (Flooring each by itself let an inference end 1 ns before its
    tick, and the next one begin with the old observation.) The true rate, ``true_rate_hz``, differs by at most half a
    nanosecond in P: 0.02 ppm at 60 Hz, 500 ppm near 1 MHz.
    """
    return round(_BILLION / rate_hz)


def true_rate_hz(rate_hz: float) -> float:
    """Return the rate of ticks that are ``period_ns`` apart."""
    return _BILLION / period_ns(rate_hz)


def tick_time_ns(tick: int, rate_hz: float) -> int:
    """Return when a tick is due: tick · P."""
    return tick * period_ns(rate_hz)


def frames_ns(frames: float, rate_hz: float) -> int:
    """Return a duration given in frames: frames · P, rounded to ns.

    Frames are taken to the billionth, so that what is a whole number but for the last bits of a float, as 3 · 0.1 / 0.1, is
    that number.
    """
    return (round(frames * _BILLION) * period_ns(rate_hz) + _BILLION // 2) // _BILLION

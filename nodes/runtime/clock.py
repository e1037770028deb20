"""The graph's clock, wall or virtual: nanoseconds since the graph began."""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Returns the graph's time in whole nanoseconds."""

    def now_ns(self) -> int:
        """Return the time since the graph began, in ns."""
        ...


class WallClock:
    """The clock of the realtime world. It is monotonic, and the same for all processes of a host.

    ``epoch_ns`` is the reading of the host's monotonic clock when the graph began.
    """

    def __init__(self, epoch_ns: int = 0) -> None:
        self.epoch_ns = epoch_ns

    def now_ns(self) -> int:
        """Return the time since the graph began, in ns."""
        return time.monotonic_ns() - self.epoch_ns


def unix_ns() -> int:
    """Return the wall clock's time, in ns since 1970. It can jump: use it only as a date for people."""
    return time.time_ns()  # noqa: TID251 - the one place


class VirtualClock:
    """The clock of the virtual world. The world sets its time."""

    __slots__ = ("now_ns", "time_ns")

    def __init__(self) -> None:
        self.time_ns = 0
        # Read about ten times a tick: without a step in Python.
        self.now_ns: Callable[[], int] = functools.partial(operator.attrgetter("time_ns"), self)
        """Returns the virtual time since the graph began, in ns."""


TIME_BASE = "whole ns"
"""The name of the rule by which tick times and durations are rounded to ns. Recordings and world checkpoints contain this name.

A file without this name is older: each of its tick times and durations was rounded down separately."""

_BILLION = 1_000_000_000


def period_ns(rate_hz: float) -> int:
    """Return the time between two ticks in ns, P = round(10⁹ / rate).

    P is a whole number, so that sums are exact: tick k is at k·P, and an inference of n frames from one tick ends exactly at
    another tick.

    P differs from 10⁹ / rate by at most half a nanosecond. This is at most 0.03 ppm at 60 Hz, and at most 500 ppm near 1 MHz.
    ``true_rate_hz`` is the rate of these ticks.
    """
    return round(_BILLION / rate_hz)


def true_rate_hz(rate_hz: float) -> float:
    """Return the rate, in Hz, of ticks that are ``period_ns(rate_hz)`` apart."""
    return _BILLION / period_ns(rate_hz)


def tick_time_ns(tick: int, rate_hz: float) -> int:
    """Return the time at which a tick is due, in ns: tick · ``period_ns(rate_hz)``."""
    return tick * period_ns(rate_hz)


def frames_ns(frames: float, rate_hz: float) -> int:
    """Return the duration of a number of frames: frames · ``period_ns(rate_hz)``, rounded to ns.

    First ``frames`` is rounded to nine decimals. So 3 · 0.1 / 0.1 counts as 3, although the float is not exactly 3.
    """
    numerator, denominator = frames.as_integer_ratio()
    billionths = (numerator * _BILLION + denominator // 2) // denominator
    return (billionths * period_ns(rate_hz) + _BILLION // 2) // _BILLION

"""Rates, sizes and delays of published messages over a sliding window. Of each message only the header is decoded."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rtgraph.launch.introspection.observer import Observed

_StreamId = tuple[str, str, int]


class _Seen(NamedTuple):
    arrived_ns: int
    stamp_ns: int
    size_bytes: int
    stream: _StreamId
    sequence: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Minimum, mean, standard deviation, maximum, median (``p50``) and 0.99 quantile (``p99``) of some values."""

    mean: float
    sd: float
    least: float
    most: float
    p50: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Distribution | None:
        """Return the distribution of some values; None if there are no values."""
        array = np.fromiter(values, np.float64)
        if not array.size:
            return None
        p50, p99 = np.quantile(array, (0.5, 0.99))
        return cls(
            float(array.mean()),
            float(array.std()),
            float(array.min()),
            float(array.max()),
            float(p50),
            float(p99),
        )


@dataclass(frozen=True, slots=True)
class MeterReading:
    """The measured rates, sizes and delays of a topic.

    ``rate_hz`` is the rate at which messages arrive here. ``published_hz`` is the rate at which they were published. It is computed
    from sequence numbers and time stamps, so it includes messages that did not arrive. Rates and distributions are over the sliding
    window; ``count`` and ``missed`` are since the start. A value is None if there are too few messages.
    """

    count: int
    missed: int
    rate_hz: float | None
    published_hz: float | None
    bytes_per_s: float | None
    interval_ms: Distribution | None
    delay_ms: Distribution | None
    size_bytes: Distribution | None


class Meter:
    """Measures the messages that arrived in the last ``window_s`` seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = round(window_s * 1e9)
        self._seen: deque[_Seen] = deque()
        self._count = 0

    def add(self, observed: Observed) -> None:
        """Add a received message to the window."""
        head = observed.envelope
        stream = head.source, observed.key, head.incarnation
        self._count += 1
        self._seen.append(
            _Seen(observed.arrived_ns, head.stamp_ns, observed.size_bytes, stream, head.sequence)
        )

    def reading(self, now_ns: int, missed: int) -> MeterReading:
        """Return the rates, sizes and delays over the window that ends at ``now_ns`` (ns of the graph's clock)."""
        seen = self._seen
        while seen and seen[0].arrived_ns < now_ns - self._window_ns:
            seen.popleft()
        arrivals = [one.arrived_ns for one in seen]
        span_s = (arrivals[-1] - arrivals[0]) / 1e9 if len(seen) > 1 else 0.0
        sizes = [one.size_bytes for one in seen]
        return MeterReading(
            count=self._count,
            missed=missed,
            rate_hz=(len(seen) - 1) / span_s if span_s else None,
            published_hz=_published_hz(seen),
            bytes_per_s=sum(sizes[1:]) / span_s if span_s else None,
            interval_ms=Distribution.of(
                (after - before) / 1e6 for before, after in itertools.pairwise(arrivals)
            ),
            delay_ms=Distribution.of((one.arrived_ns - one.stamp_ns) / 1e6 for one in seen),
            size_bytes=Distribution.of(sizes),
        )


def _published_hz(seen: Iterable[_Seen]) -> float | None:
    """Return the sum of the rates at which the publishers publish, in Hz."""
    ends: dict[_StreamId, tuple[_Seen, _Seen]] = {}
    for one in seen:
        first, _ = ends.get(one.stream, (one, one))
        ends[one.stream] = first, one
    rates = [
        1e9 * (last.sequence - first.sequence) / (last.stamp_ns - first.stamp_ns)
        for first, last in ends.values()
        if last.stamp_ns > first.stamp_ns
    ]
    return sum(rates) if rates else None

"""Rates, sizes and delays of what is published, over a window that slides. Nothing is decoded but each head."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
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
class Spread:
    """How values are spread."""

    mean: float
    sd: float
    least: float
    most: float
    p50: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Return the spread of values; None where there are none."""
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
class Reading:
    """What a meter shows.

    ``rate_hz`` is what reached this observer, by arrival; ``published_hz`` what was published, by the publishers' own
    sequences and stamps, whether it came or not. Rates and spreads are of the window, ``count`` and ``missed`` of
    all the time. None stands for what too few messages tell.
    """

    count: int
    missed: int
    rate_hz: float | None
    published_hz: float | None
    bytes_per_s: float | None
    interval_ms: Spread | None
    delay_ms: Spread | None
    size_bytes: Spread | None

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return asdict(self)


class Meter:
    """Measures the messages of the last ``window_s`` seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = round(window_s * 1e9)
        self._seen: deque[_Seen] = deque()
        self._count = 0

    def saw(self, observed: Observed) -> None:
        """Take in a message."""
        head = observed.envelope
        stream = head.source, observed.key, head.incarnation
        self._count += 1
        self._seen.append(
            _Seen(observed.arrived_ns, head.stamp_ns, observed.size_bytes, stream, head.sequence)
        )

    def reading(self, now_ns: int, missed: int) -> Reading:
        """Return what the window shows at a time of the graph's clock."""
        seen = self._seen
        while seen and seen[0].arrived_ns < now_ns - self._window_ns:
            seen.popleft()
        arrivals = [one.arrived_ns for one in seen]
        span_s = (arrivals[-1] - arrivals[0]) / 1e9 if len(seen) > 1 else 0.0
        sizes = [one.size_bytes for one in seen]
        return Reading(
            count=self._count,
            missed=missed,
            rate_hz=(len(seen) - 1) / span_s if span_s else None,
            published_hz=_published_hz(seen),
            bytes_per_s=sum(sizes[1:]) / span_s if span_s else None,
            interval_ms=Spread.of((after - before) / 1e6 for before, after in itertools.pairwise(arrivals)),
            delay_ms=Spread.of((one.arrived_ns - one.stamp_ns) / 1e6 for one in seen),
            size_bytes=Spread.of(sizes),
        )


def _published_hz(seen: Iterable[_Seen]) -> float | None:
    """Return the sum of the publishers' rates."""
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

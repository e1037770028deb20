"""``rtgraph topic hz``, ``bw`` and ``delay``: print one line per second, or one line at the end."""

from __future__ import annotations

import sys
from dataclasses import asdict

from rtgraph.launch.console.printing import print_line
from rtgraph.launch.introspection.meters import Distribution, Meter, MeterReading
from rtgraph.launch.introspection.observer import Observer
from rtgraph.launch.introspection.sessions import LiveSession

REPORT_NS = 1_000_000_000
FOREVER_S = 1e9

_KEYS = {
    "hz": ("rate_hz", "published_hz", "interval_ms"),
    "bw": ("bytes_per_s", "rate_hz", "size_bytes"),
    "delay": ("delay_ms",),
}


def measure(
    session: LiveSession,
    topic: str,
    key: str | None,
    what: str,
    *,
    window_s: float,
    count: int | None,
    duration_s: float | None,
    as_json: bool,
) -> int:
    """Measure the messages on a topic. Print a line each second, and a last line at the end.

    If ``as_json`` is set and ``count`` or ``duration_s`` is given, print only the last line.

    Returns:
        The exit code: 0, or 1 if fewer than ``count`` messages, or no messages, were received.
    """
    meter = Meter(window_s)
    left = count
    with Observer(session, topic, key=key) as observer:
        began_ns = observer.now_ns()
        end_ns = began_ns + round((duration_s or FOREVER_S) * 1e9)
        at_end_only = as_json and (count is not None or duration_s is not None)
        report_ns = began_ns
        while left != 0 and not observer.ended and observer.now_ns() < end_ns:
            report_ns += REPORT_NS
            for observed in observer.until(min(report_ns, end_ns)):
                meter.add(observed)
                if left is not None:
                    left -= 1
                    if not left:
                        break
            if left != 0 and report_ns < end_ns and not at_end_only and not observer.ended:
                _report(topic, what, meter.reading(observer.now_ns(), observer.losses.missed), as_json)
        reading = meter.reading(observer.now_ns(), observer.losses.missed)
        _report(topic, what, reading, as_json)
        if observer.ended:
            print(f"{session.description.name} has ended", file=sys.stderr)
    return 1 if left or not reading.count else 0


def _report(topic: str, what: str, reading: MeterReading, as_json: bool) -> None:
    if as_json:
        values = asdict(reading)
        counts = {"topic": topic, "count": reading.count, "missed": reading.missed}
        print_line(counts | {key: values[key] for key in _KEYS[what]})
    else:
        print(_text(what, reading), flush=True)


def _text(what: str, reading: MeterReading) -> str:
    tail = f"  {reading.count:,} messages, {reading.missed:,} missed"
    if not reading.count:
        return "nothing yet"
    if what == "delay":
        return _spread("under way", reading.delay_ms, "ms") + tail
    if reading.rate_hz is None or reading.bytes_per_s is None:
        return "one message so far" if reading.count == 1 else "nothing lately" + tail
    if what == "bw":
        rate = f"{_bytes(reading.bytes_per_s)}/s  {reading.rate_hz:,.2f} Hz"
        return f"{rate}  {_spread('size', reading.size_bytes, 'bytes')}{tail}"
    published = "" if reading.published_hz is None else f" (published {reading.published_hz:,.2f})"
    return f"{reading.rate_hz:,.2f} Hz{published}  {_spread('interval', reading.interval_ms, 'ms')}{tail}"


def _spread(name: str, spread: Distribution | None, unit: str) -> str:
    if spread is None:
        return f"{name} –"
    return (
        f"{name} {spread.mean:,.2f} ± {spread.sd:,.2f} {unit}, {spread.least:,.2f} to {spread.most:,.2f}, "
        f"p99 {spread.p99:,.2f}"
    )


def _bytes(number: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} GiB"

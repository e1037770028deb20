"""Lateness of a robot's ticks while its bus is silent, loses replies or is unplugged, compared with a healthy bus.

One launch for each rate: healthy and faulty windows alternate, so that both meet the same conditions. The bus is the
peer of ``tests.support.servo_bus``, in a separate process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rtgraph.msgs import Applied, RobotState
from rtgraph.msgs.bag.bag import Bag
from tests.bench.rows import Aim, Row, Say
from tests.support.servo_bus import ServoBus

LAUNCH = Path(__file__).parents[1] / "robot_arm.yaml"
COMMAND = "import sys; from rtgraph.launch.cli import main; sys.exit(main(sys.argv[1:]))"
BLOCKING = "tests.bench.blocking_arm:BlockingArm"
START_WITHIN_S = 40.0
HEALTHY_S = 2.0
SILENT_S = UNPLUGGED_S = 1.0
LOST = 0.02
SILENT, LOSSY, UNPLUGGED = "silent for 1 s", "2 % of replies lost", "unplugged for 1 s"
WINDOW_S: Mapping[str, float] = {SILENT: 2.0, LOSSY: 2.0, UNPLUGGED: 3.0}
"""Length of a faulty window: the fault and what follows from it."""
STANDS = frozenset({"stale", "fault"})
"""The states in which a robot without a device stands."""
AIM = Aim("at most 1.2")
DRAWS = 1000
"""Number of draws for the interval of a ratio."""
Window = tuple[float, float]
"""Beginning and end, on the host's monotonic clock."""


@dataclass(slots=True)
class _Windows:
    """When each condition began and ended, on the host's monotonic clock, round by round."""

    healthy: dict[str, list[Window]] = field(default_factory=dict)
    """The healthy windows, by the fault that followed."""
    faulty: dict[str, list[Window]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the plant recorded, with times on the host's monotonic clock."""

    due_s: np.ndarray
    late_ms: np.ndarray
    slipped: np.ndarray
    """Number of ticks missed so far, at each tick."""
    states: list[tuple[float, str]]


def run(rounds: int, say: Say) -> list[Row]:
    """Measure at 60 and 100 Hz, and at 60 Hz with a driver that blocks."""
    rows = _rows("60 Hz", rounds, say, list(WINDOW_S), "rate_hz=60")
    rows += _rows("100 Hz", rounds, say, list(WINDOW_S), "rate_hz=100")
    rows += _rows("60 Hz, blocking driver", rounds, say, [SILENT, UNPLUGGED], f"driver={BLOCKING}")
    return rows


def _rows(case: str, rounds: int, say: Say, faults: list[str], *arguments: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, ServoBus(Path(folder)) as bus:
        out = Path(folder) / "out"
        with _launched(bus, out, *arguments) as epoch_s:
            windows = _interleaved(bus, rounds, faults, lambda text: say(f"{case}, {text}"))
        seen = _seen(out / "session.mcap", epoch_s)
    rows = [
        _lateness(f"{case}, {fault}", seen, windows.faulty[fault], windows.healthy[fault]) for fault in faults
    ]
    if SILENT in faults:
        began = [start for start, _ in windows.faulty[SILENT]]
        note = f"most {max(_after(seen, began, STANDS)) * 1e3:.0f} ms"
        rows.append(_time(f"{case}, from silence to hold", _after(seen, began, STANDS), note))
    if UNPLUGGED in faults:
        plugged = [start + UNPLUGGED_S for start, _ in windows.faulty[UNPLUGGED]]
        found = _after(seen, plugged, frozenset({"running"}))
        rows.append(_time(f"{case}, from replug to running", found, f"most {max(found) * 1e3:.0f} ms"))
    return rows


def _lateness(case: str, seen: _Seen, faulty: list[Window], healthy: list[Window]) -> Row:
    """Compare the lateness of ticks in faulty windows with that in healthy ones, and say how many were missed in each."""
    ours, peer = ([_within(seen, *window) for window in windows] for windows in (faulty, healthy))
    ratios = [_p99(one) / _p99(other) for one, other in zip(ours, peer, strict=True)]
    low, high = _interval(ours, peer)
    missed, passed = (sum(_missed(seen, *window) for window in windows) for windows in (faulty, healthy))
    ticks = sum(map(len, ours))
    return Row(
        case,
        "ms late, p99",
        _pooled_p99(ours),
        "healthy bus",
        _pooled_p99(peer),
        _pooled_p99(ours) / _pooled_p99(peer),
        min(ratios),
        max(ratios),
        note=f"ratio {low:.2f}…{high:.2f} (95 %); missed {missed} of {ticks:,} ticks, healthy bus {passed}",
        aim=AIM,
    )


def _interval(ours: list[np.ndarray], peer: list[np.ndarray]) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of both 99 % quantiles: rounds are drawn again, with replacement."""
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(ours), len(ours))
        ratios.append(_pooled_p99([ours[at] for at in drawn]) / _pooled_p99([peer[at] for at in drawn]))
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def _time(case: str, found_s: list[float], note: str) -> Row:
    return Row(case, "ms, median", float(np.median(found_s)) * 1e3, note=note)


@contextlib.contextmanager
def _launched(bus: ServoBus, out: Path, *arguments: str) -> Iterator[float]:
    """Launch the arm, yield the beginning of the graph's time once it moves, and interrupt it."""
    runtime = out.parent / "run"
    runtime.mkdir()
    given = [str(LAUNCH), f"port={bus.port}", *arguments, "--record", "--no-plots", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "launch", *given],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while len({entry["goal"] for entry in bus.log() if "goal" in entry}) < 50:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the arm does not move: {process.stderr and process.stderr.read()}")
            time.sleep(0.1)
        described = next(runtime.glob("rtgraph-*/session.json"))
        yield int(json.loads(described.read_text(encoding="utf-8"))["epoch_ns"]) / 1e9
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=START_WITHIN_S)
    finally:
        process.kill()
        process.wait()


def _interleaved(bus: ServoBus, rounds: int, faults: list[str], say: Say) -> _Windows:
    """Go through healthy and faulty windows in turn."""
    begin: dict[str, Callable[[], object]] = {
        SILENT: lambda: bus.ask("silent", seconds=SILENT_S),
        LOSSY: lambda: bus.ask("lose", share=LOST),
        UNPLUGGED: lambda: _replug(bus),
    }
    windows = _Windows()
    for number in range(rounds):
        for fault in faults:
            say(f"round {number + 1} of {rounds}: {fault}")
            start = time.monotonic()
            time.sleep(HEALTHY_S)
            middle = time.monotonic()
            begin[fault]()
            time.sleep(max(0.0, middle + WINDOW_S[fault] - time.monotonic()))
            end = time.monotonic()
            bus.ask("lose", share=0.0)
            windows.healthy.setdefault(fault, []).append((start, middle))
            windows.faulty.setdefault(fault, []).append((middle, end))
    return windows


def _replug(bus: ServoBus) -> None:
    bus.ask("unplug")
    time.sleep(UNPLUGGED_S)
    bus.ask("plug")


def _seen(file: Path, epoch_s: float) -> _Seen:
    messages = [one.message() for one in Bag.open(file).messages(topics=["applied", "robot"])]
    ticks = [one for one in messages if isinstance(one, Applied)]
    return _Seen(
        np.array([one.due_ns / 1e9 + epoch_s for one in ticks]),
        np.array([one.lateness_ns / 1e6 for one in ticks]),
        np.array([one.slipped + one.tick for one in ticks]) - np.arange(len(ticks)),
        [(one.since_ns / 1e9 + epoch_s, one.state) for one in messages if isinstance(one, RobotState)],
    )


def _within(seen: _Seen, start: float, end: float) -> np.ndarray:
    found: np.ndarray = seen.late_ms[(seen.due_s >= start) & (seen.due_s < end)]
    return found


def _missed(seen: _Seen, start: float, end: float) -> int:
    inside = seen.slipped[(seen.due_s >= start) & (seen.due_s < end)]
    return int(inside[-1] - inside[0]) if len(inside) else 0


def _p99(late_ms: np.ndarray) -> float:
    return float(np.quantile(late_ms, 0.99))


def _pooled_p99(windows: list[np.ndarray]) -> float:
    return _p99(np.concatenate(windows))


def _after(seen: _Seen, moments: list[float], states: frozenset[str]) -> list[float]:
    """Return the time from each moment to the next of these states."""
    return [
        min((since for since, state in seen.states if since >= moment and state in states), default=np.inf)
        - moment
        for moment in moments
    ]

"""Lateness of a robot's ticks while its bus is silent, loses replies or is unplugged, compared with a healthy bus.

Healthy and faulty windows alternate, so that both meet the same conditions. The bus is the peer of
``tests.support.servo_bus``, in a separate process. A machine with many cores runs launches side by side, for more windows in
the same time. Beside each launch, a bare loop of the plant's rate and priority shows what the machine alone adds.
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
from concurrent.futures import ThreadPoolExecutor
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
"""A driver that computes while it waits. As any driver of a user it runs in a separate process."""
START_WITHIN_S = 40.0
HEALTHY_S = 2.0
SILENT_S = UNPLUGGED_S = 1.0
LOST = 0.02
SILENT, LOSSY, UNPLUGGED = "silent for 1 s", "2 % of replies lost", "unplugged for 1 s"
CORES = 4
"""Number of cores for a launch, its bus and its bare loop."""
BARE = """\
import json, select, sys, time
from rtgraph.nodes.runtime.realtime.host import sharpen_timers, take_priority
take_priority("auto")
sharpen_timers()
print("ready", flush=True)
period, begin = 1 / float(sys.argv[1]), time.monotonic()
number = missed = 0
ticks = []
while not select.select([sys.stdin], [], [], 0)[0]:
    due = begin + (number + missed) * period
    while (left := due - time.monotonic()) > 0:
        select.select([], [], [], left)
    now = time.monotonic()
    ticks.append((due, (now - due) * 1e3, missed))
    missed += int((now - due) / period)
    number += 1
print(json.dumps(ticks))
"""
"""A loop that only waits for ticks. Missed ticks are skipped, as a robot's plant does."""
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
class _Ticks:
    """The ticks of a plant, or of a bare loop, with times on the host's monotonic clock."""

    due_s: np.ndarray
    late_ms: np.ndarray
    missed: np.ndarray
    """Number of ticks missed so far, at each tick."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one launch showed."""

    windows: _Windows
    ticks: _Ticks
    states: list[tuple[float, str]]
    bare: _Ticks


@dataclass(frozen=True, slots=True)
class _Lateness:
    """How late the ticks of all windows of a condition were, in milliseconds, window by window, and how many were missed."""

    late_ms: list[np.ndarray]
    missed: int


def run(rounds: int, say: Say) -> list[Row]:
    """Measure at 60 and 100 Hz, and at 60 Hz with a driver that blocks."""
    rows = _rows("60 Hz", 60, rounds, say, list(WINDOW_S))
    rows += _rows("100 Hz", 100, rounds, say, list(WINDOW_S))
    blocking = f"driver={BLOCKING}"
    return rows + _rows("60 Hz, a driver that blocks", 60, rounds, say, [SILENT, UNPLUGGED], blocking)


def _rows(case: str, rate_hz: int, rounds: int, say: Say, faults: list[str], *arguments: str) -> list[Row]:
    def launch(number: int) -> _Seen:
        report = (lambda text: say(f"{case}, {text}")) if number == 0 else lambda _: None
        return _launch(rate_hz, rounds, report, faults, *arguments)

    side_by_side = max(1, (os.cpu_count() or 1) // CORES)
    with ThreadPoolExecutor(side_by_side) as pool:
        seen = list(pool.map(launch, range(side_by_side)))
    rows = []
    for fault in faults:
        rows.append(_compared(f"{case}, {fault}", seen, fault, lambda one: one.ticks, AIM))
        rows.append(_compared(f"{case}, {fault}: bare loop", seen, fault, lambda one: one.bare))
    if SILENT in faults:
        rows.append(_time(f"{case}, from silence to hold", _after(seen, SILENT, 0.0, STANDS)))
    if UNPLUGGED in faults:
        running = frozenset({"running"})
        rows.append(_time(f"{case}, from replug to running", _after(seen, UNPLUGGED, UNPLUGGED_S, running)))
    return rows


def _launch(rate_hz: int, rounds: int, say: Say, faults: list[str], *arguments: str) -> _Seen:
    """Drive one arm through all windows, beside a bare loop."""
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, ServoBus(Path(folder)) as bus:
        out = Path(folder) / "out"
        with _launched(bus, out, f"rate_hz={rate_hz}", *arguments) as epoch_s:
            bare = _BareLoop(rate_hz)
            windows = _interleaved(bus, rounds, faults, say)
            bare_ticks = bare.stop()
        messages = [
            one.message() for one in Bag.open(out / "session.mcap").messages(topics=["applied", "robot"])
        ]
    applied = [one for one in messages if isinstance(one, Applied)]
    ticks = _Ticks(
        np.array([one.due_ns / 1e9 + epoch_s for one in applied]),
        np.array([one.lateness_ns / 1e6 for one in applied]),
        np.array([one.slipped + one.tick for one in applied]) - np.arange(len(applied)),
    )
    states = [(one.since_ns / 1e9 + epoch_s, one.state) for one in messages if isinstance(one, RobotState)]
    return _Seen(windows, ticks, states, bare_ticks)


def _compared(
    case: str, seen: list[_Seen], fault: str, ticks_of: Callable[[_Seen], _Ticks], aim: Aim | None = None
) -> Row:
    """Compare the lateness of ticks in faulty windows with that in healthy ones, and say how many were missed in each."""
    ours, peer = (
        _lateness([(ticks_of(one), window) for one in seen for window in windows_of(one.windows)[fault]])
        for windows_of in (lambda windows: windows.faulty, lambda windows: windows.healthy)
    )
    ratios = [_p99(one) / _p99(other) for one, other in zip(ours.late_ms, peer.late_ms, strict=True)]
    low, high = _interval(ours.late_ms, peer.late_ms)
    ticks, healthy = (sum(map(len, one.late_ms)) for one in (ours, peer))
    return Row(
        case,
        "ms late, p99",
        _pooled_p99(ours.late_ms),
        "healthy bus",
        _pooled_p99(peer.late_ms),
        _pooled_p99(ours.late_ms) / _pooled_p99(peer.late_ms),
        min(ratios),
        max(ratios),
        note=f"ratio {low:.2f}…{high:.2f} (95 %); missed {ours.missed} of {ticks:,} ticks, "
        f"healthy bus {peer.missed} of {healthy:,}",
        aim=aim,
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


def _time(case: str, found_s: list[float]) -> Row:
    return Row(case, "ms, median", float(np.median(found_s)) * 1e3, note=f"most {max(found_s) * 1e3:.0f} ms")


class _BareLoop:
    """A process that only waits for the plant's ticks, at the plant's priority."""

    def __init__(self, rate_hz: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", BARE, str(rate_hz)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # as each node is
        )
        if self._process.stdout is None or not self._process.stdout.readline():
            raise SystemExit("the bare loop did not start")

    def stop(self) -> _Ticks:
        """End the loop, and return its ticks."""
        printed, _ = self._process.communicate(timeout=START_WITHIN_S)
        return _Ticks(*np.array(json.loads(printed)).T)


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


def _lateness(windows: list[tuple[_Ticks, Window]]) -> _Lateness:
    late_ms, missed = [], 0
    for ticks, (start, end) in windows:
        inside = (ticks.due_s >= start) & (ticks.due_s < end)
        late_ms.append(ticks.late_ms[inside])
        counted = ticks.missed[inside]
        missed += int(counted[-1] - counted[0]) if len(counted) else 0
    return _Lateness(late_ms, missed)


def _p99(late_ms: np.ndarray) -> float:
    return float(np.quantile(late_ms, 0.99))


def _pooled_p99(windows: list[np.ndarray]) -> float:
    return _p99(np.concatenate(windows))


def _after(launches: list[_Seen], fault: str, offset_s: float, states: frozenset[str]) -> list[float]:
    """Return the time from a moment in each faulty window to the next of these states."""
    return [
        min(
            (since for since, state in seen.states if since >= start + offset_s and state in states),
            default=np.inf,
        )
        - (start + offset_s)
        for seen in launches
        for start, _ in seen.windows.faulty[fault]
    ]

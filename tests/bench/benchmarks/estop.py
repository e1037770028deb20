"""Time from an emergency stop to the arm's last motion: by the command line, the key and the topic.

The arm is the peer of ``tests.support.servo_bus``. While each stop is tried, the learner, the recorder and all workers but
one are stopped by SIGSTOP; the last worker goes on to command, so that nothing but the emergency stop ends the motion. ``stagger=none``: with ``paced`` a stopped worker delays it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.bench.rows import Aim, Row, Say
from tests.support.servo_bus import ServoBus

ROOT = Path(__file__).parents[3]
LAUNCH = ROOT / "tests" / "bench" / "estop_arm.yaml"
RTGRAPH = Path(sys.executable).with_name("rtgraph")
ARGUMENTS = ("plant=servo", "workers=3", "stagger=none", "learn=true", "minimum=20", "rate_hz=60", "speed=1")
STOPPED = ("learner", "session/recorder", "worker/0", "worker/1")
START_WITHIN_S = 60.0
STILL_S = 0.4
"""The arm stands still if it gets no other goals for so long."""
MOVES_S = 0.1
"""The arm moves if it got another goal within so long."""
TRIES_PER_ROUND = 3


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Try:
    """One emergency stop."""

    taken_ms: float
    """Time to the last motion; 0 if there was none afterwards."""
    moved: bool
    """Whether the arm moved just before."""


@dataclass(frozen=True, slots=True)
class _Launch:
    """A running launch, of which the processes have a folder of their own."""

    process: subprocess.Popen[bytes]
    folder: Path
    environment: dict[str, str]

    def node(self, name: str) -> int:
        """Return the process of a node; 0 if there is none."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "cwd").readlink() == self.folder:
                        text = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                        if text == f"rtgraph: {name}":
                            return int(entry.name)
        return 0

    def command(self, *arguments: str) -> None:
        """Run ``rtgraph`` beside it."""
        subprocess.run([RTGRAPH, *arguments], env=self.environment, check=True, capture_output=True)

    def until(self, condition: Callable[[], T], within_s: float, what: str) -> T:
        """Wait until a condition holds, and return its value."""
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"not within {within_s} s: {what}. {(self.folder / 'stderr').read_text()}")
            time.sleep(0.002)
        return found


def run(rounds: int, say: Say) -> list[Row]:
    """Try each way several times in each round."""
    master, terminal = os.openpty()
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, ServoBus(Path(folder)) as bus:
        pressed = Path(folder) / "pressed"
        with _launched(bus, pressed, terminal) as launch:
            ways: dict[str, Callable[[], float]] = {
                "rtgraph estop": lambda: _by_command(launch),
                "the key e": lambda: _by_key(master),
                "the topic": lambda: _by_topic(launch, pressed),
            }
            tries: dict[str, list[_Try]] = {way: [] for way in ways}
            for number in range(rounds * TRIES_PER_ROUND):
                for way, stop in ways.items():
                    say(f"try {number + 1} of {rounds * TRIES_PER_ROUND}: {way}")
                    tries[way].append(_try(bus, launch, stop))
    for file in (master, terminal):
        os.close(file)
    return [_row(way, found) for way, found in tries.items()]


def _row(way: str, tries: list[_Try]) -> Row:
    limit = 300 if way.startswith("rtgraph") else 50
    taken_ms = [one.taken_ms for one in tries]
    moving = sum(one.moved for one in tries)
    note = f"at most {max(taken_ms):.0f} ms in {len(tries)} tries; the arm moved before {moving} of them"
    return Row(
        f"{way}, to the last motion",
        "ms, median",
        statistics.median(taken_ms),
        note=note,
        aim=Aim(f"below {limit}", "ours"),
    )


@contextlib.contextmanager
def _launched(bus: ServoBus, pressed: Path, terminal: int) -> Iterator[_Launch]:
    """Launch the arm in the foreground of a terminal, and interrupt it."""
    folder = pressed.parent
    runtime = folder / "run"
    runtime.mkdir()
    given = (f"port={bus.port}", f"pressed={pressed}", *ARGUMENTS, "--record", "--no-plots", "--out", "out")
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        ["setsid", "--ctty", RTGRAPH, "launch", LAUNCH, *given],  # the terminal's foreground
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "stderr").open("w"),
    )
    try:
        yield _Launch(process, folder, environment)
        process.send_signal(signal.SIGINT)
        process.wait(START_WITHIN_S)
    finally:
        process.kill()
        process.wait()


def _try(bus: ServoBus, launch: _Launch, stop: Callable[[], float]) -> _Try:
    """Stop a moving arm, and let it move again."""
    before = len(_motions(bus))
    launch.until(lambda: len(_motions(bus)) > before + 10, START_WITHIN_S, "the arm moves")
    processes = [launch.until(lambda node=node: launch.node(node), START_WITHIN_S, node) for node in STOPPED]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        stopped = stop()
        launch.until(
            lambda: time.monotonic() - max(_motions(bus)[-1], stopped) > STILL_S, 20.0, "the arm stands still"
        )
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    motions = _motions(bus)
    launch.command("estop", "--reset")
    moved = any(stopped - MOVES_S < at <= stopped for at in motions)
    return _Try(1e3 * max(0.0, motions[-1] - stopped), moved)


def _by_command(launch: _Launch) -> float:
    entered = time.monotonic()
    launch.command("estop")
    return entered


def _by_key(master: int) -> float:
    pressed = time.monotonic()
    os.write(master, b"e")
    return pressed


def _by_topic(launch: _Launch, pressed: Path) -> float:
    sent = pressed.with_suffix(".sent")
    sent.unlink(missing_ok=True)
    pressed.touch()
    return float(
        launch.until(lambda: sent.exists() and sent.read_text(encoding="ascii"), 5.0, "the stop is published")
    )


def _motions(bus: ServoBus) -> list[float]:
    """Return when the servos got goals that differ from those before."""
    last: dict[int, int] = {}
    found = []
    for entry in bus.log():
        if "goal" in entry:
            if entry["goal"] != last.get(entry["id"], entry["goal"]):
                found.append(entry["at"])
            last[entry["id"]] = entry["goal"]
    return found or [0.0]

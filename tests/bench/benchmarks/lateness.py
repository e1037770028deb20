"""Lateness of a 60 Hz plant while both cores are busy, by priority, compared with a bare loop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from tests.bench.launched import launched
from tests.bench.rows import Row, Say

DURATION_S = 6.0
PRIORITIES = ("normal", "nice", "fifo")
BARE = """\
import select, sys, time
import numpy as np
from rtgraph.nodes.runtime.realtime.host import sharpen_timers, take_priority
given = take_priority(sys.argv[1])
sharpen_timers()
late, begin = [], time.monotonic()
for tick in range(1, int(60 * float(sys.argv[2])) + 1):
    due = begin + tick / 60
    while (left := due - time.monotonic()) > 0:
        select.select([], [], [], left)
    late.append((time.monotonic() - due) * 1e3)
print(np.quantile(late, 0.5), np.quantile(late, 0.99))
"""


def run(rounds: int, say: Say) -> list[Row]:
    """Measure Boxing with six workers, and a bare loop, beside one busy process per core."""
    rows = []
    for priority in PRIORITIES:
        ours: dict[str, list[float]] = {"p50": [], "p99": []}
        bare: dict[str, list[float]] = {"p50": [], "p99": []}
        errors_ppm, given = [], ""
        for number in range(max(1, rounds // 2)):
            say(f"priority {priority}, round {number + 1}")
            with _busy():
                figures, given = _plant(priority)
                p50, p99 = map(float, _bare(priority).split())
            for name, theirs in (("p50", p50), ("p99", p99)):
                ours[name].append(figures["tick_lateness_ms"][name])
                bare[name].append(theirs)
            errors_ppm.append(figures["tick_rate_error"] * 1e6)
        for name in ("p50", "p99"):
            note = f"plant ran as {given}; error of its rate {errors_ppm[-1]:+.1f} ppm"
            rows.append(
                Row.compared(f"{priority}, {name}", "ms late", ours[name], "bare loop", bare[name], note=note)
            )
    return rows


def _plant(priority: str) -> tuple[dict[str, Any], str]:
    arguments = {"priority": priority, "k": "0.0625"}
    plan = load_launch("boxing", arguments, duration_s=DURATION_S, folders=FOLDERS)
    statistics = launched(plan).statistics
    return statistics["monitor"].result, statistics["plant"].scheduling


def _bare(priority: str) -> str:
    program = [sys.executable, "-c", BARE, priority, str(DURATION_S)]
    # In a session of its own, as each node is.
    return subprocess.run(program, check=True, capture_output=True, text=True, start_new_session=True).stdout


@contextmanager
def _busy() -> Iterator[None]:
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()

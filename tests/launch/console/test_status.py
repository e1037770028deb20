"""The status line never wraps, however narrow the terminal is."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from rtgraph.launch.console.status import ConsoleStatus

PROGRAM = """
from rtgraph.launch.console.progress_line import ProgressLine
from rtgraph.launch.console.status import ConsoleStatus
from rtgraph.msgs import Progress

line = ProgressLine(duration_s=10.0)
line.update( Progress(
    tick=123456, episode=2, inaction=0.125, age_ticks=6.1, lateness_most_ms=1.25, overruns=0, reward=1234.0
))
with ConsoleStatus() as status:
    status.phase("a graph with a name", 10.0)
    status.progress(*line.render(5.0, 5.0))
    status._bar.refresh()
"""


@pytest.mark.parametrize(("width", "bar"), [(50, False), (140, True)])
def test_the_status_is_one_line(width: int, bar: bool) -> None:
    here, there = pty.openpty()
    try:
        environment = os.environ | {"COLUMNS": str(width), "TERM": "xterm"}
        subprocess.run([sys.executable, "-c", PROGRAM], stderr=there, env=environment, check=True, timeout=60)
        said = os.read(here, 65536).decode()
    finally:
        os.close(there)
        os.close(here)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    shown = [line for line in re.split(r"[\r\n]+", plain) if "tick" in line]
    assert shown, said
    assert max(map(len, shown)) <= width
    assert any("tick 123,456" in line for line in shown)
    assert any("\N{BOX DRAWINGS HEAVY HORIZONTAL}" in line for line in shown) == bar
    # Once, to erase it at the end. A line that wraps would be erased at every update.
    assert said.count("\x1b[1A") <= 1


def test_without_a_terminal_the_progress_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    with ConsoleStatus(lines_every_s=15.0) as status, ConsoleStatus() as silent:
        for each in (status, silent):
            each.phase("a study", 1.0)
        for now_s in (101.0, 114.0, 115.5, 120.0, 131.0):
            for each in (status, silent):
                each.progress(0.5, f"at {now_s:g}")
    assert capsys.readouterr().err.splitlines() == [
        "a study ...",
        "a study ...",
        "a study: at 115.5",
        "a study: at 131",
    ]

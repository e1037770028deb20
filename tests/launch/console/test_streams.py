"""Standard streams that are closed, full, or without a reader."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.launching import COMMAND

from rtgraph.launch.console.streams import prepare

LAUNCH = (
    "launch",
    "endless",
    "--world",
    "virtual",
    "--ticks",
    "5",
    "--no-plots",
    "--no-record",
    "--out",
    "out",
)
FULL = "error: the output cannot be written: No space left on device\n"


def run(folder: Path, *arguments: str, closing: str = "", **streams: int) -> subprocess.CompletedProcess[str]:
    """Run the command with the streams in ``closing`` closed as by a shell, and stderr in a file."""
    with open(folder / "stderr", "w") as stderr:
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", COMMAND, *arguments],
            cwd=folder,
            check=False,
            timeout=60,
            # argparse ignores write errors unless the stream is buffered.
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.DEVNULL,
                "stderr": stderr.fileno(),
                **streams,
            },
        )


@pytest.fixture
def left() -> int:
    """Return a pipe without a reader."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.fixture
def full() -> int:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("closing", [">&-", "<&- >&- 2>&-"])
def test_a_launch_with_closed_streams_is_a_launch(closing, tmp_path) -> None:
    assert run(tmp_path, *LAUNCH, closing=closing).returncode == 0
    assert (tmp_path / "out" / "summary.json").exists()
    # The first opened file must not get a closed stream's number, and so the printed text.
    for file in ("plan.yaml", "summary.json"):
        assert "endless ..." not in (tmp_path / "out" / file).read_text()


def test_a_launch_is_what_it_was_although_nobody_reads_of_it(left, tmp_path) -> None:
    assert run(tmp_path, *LAUNCH, stdout=left).returncode == 0
    assert (tmp_path / "stderr").read_text() == "endless ...\n"
    assert run(tmp_path, *LAUNCH[:-1], "again", stdout=left, stderr=left).returncode == 0
    assert (tmp_path / "again" / "summary.json").exists()


def test_a_launch_that_cannot_say_what_it_came_to_says_so(full, tmp_path) -> None:
    assert run(tmp_path, *LAUNCH, stdout=full).returncode == 1
    assert (tmp_path / "stderr").read_text() == f"endless ...\n{FULL}"
    assert (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize("verb", [("node", "list"), ("--help",)])
def test_whoever_has_seen_enough_ends_what_only_prints(verb, left, full, tmp_path) -> None:
    assert run(tmp_path, *verb, stdout=left).returncode == 141
    assert (tmp_path / "stderr").read_text() == ""
    assert run(tmp_path, *verb, stdout=full).returncode == 1
    assert (tmp_path / "stderr").read_text() == FULL


def test_an_error_that_nobody_reads_keeps_its_code(left, full, tmp_path) -> None:
    for stderr in (left, full):
        assert run(tmp_path, "check", "nosuch", stderr=stderr).returncode == 2


def test_a_node_cannot_close_the_outputs_of_its_launcher(monkeypatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    prepare()
    for stream in (sys.stdout, sys.stderr):
        stream.write("one ")
        stream.close()
        stream.write("two")
        stream.close()
        assert stream.buffer.getvalue() == b"one two"

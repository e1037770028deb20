"""Ctrl-C and similar signals: stop in order, save everything, leave nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import sys
import termios

import pytest
from support.launching import COMMAND, FILES, Launch, until

pytestmark = pytest.mark.timeout(60)

# Exit codes as in a shell.
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.process
@pytest.mark.parametrize("number", CODES)
def test_a_signal_stops_in_order_and_everything_is_saved(number) -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        assert launch.interrupt(number) < 2.0
        assert launch.wait() == CODES[number]
        summary = launch.summary()
        assert summary["ended"] == number.name
        assert sum(summary["lost"].values()) == 0
        assert len(launch.trace()["tick_tick"]) == summary["ticks"] > 0
        assert "error" not in launch.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("phase", "number"),
    [("importing", signal.SIGTERM), ("starting", signal.SIGINT), ("testing", signal.SIGHUP)],
)
def test_a_signal_while_starting_ends_it(phase, number) -> None:
    with Launch.of("watched", "workers=12", fresh=True) as launch:
        launch.says(phase)
        assert launch.interrupt(number) < 2.0
        assert launch.wait() == CODES[number]
        assert launch.summary()["ended"] == number.name
        assert "error" not in launch.stderr


@pytest.mark.process
def test_a_signal_while_a_node_prepares_ends_it() -> None:
    with Launch.of("trouble", "trouble=Sluggish") as launch:
        until(lambda: "rtgraph: trouble" in launch.processes().values(), 40, "the node prepares")
        assert launch.interrupt() < 2.0
        assert launch.wait() == 130


@pytest.mark.process
def test_a_second_signal_saves_everything_too() -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        launch.popen.send_signal(signal.SIGINT)
        assert launch.interrupt() < 2.0
        assert launch.wait() == 130
        assert len(launch.trace()["tick_tick"]) == launch.summary()["ticks"] > 0


@pytest.mark.process
def test_a_second_signal_does_not_wait_for_what_hangs() -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        launch.kill("monitor", signal.SIGSTOP)
        launch.popen.send_signal(signal.SIGINT)
        launch.says("stopping")
        assert launch.interrupt() < 2.5
        # It was killed, and lost its data.
        assert launch.wait() == 1
        assert "monitor did not stop: killed" in launch.stderr
        assert launch.summary()["lost"]["plant -> monitor.applied"] > 0


def test_a_terminal_that_is_closed_stops_in_order() -> None:
    """The kernel sends SIGHUP to the session's leader, and later writes to the terminal fail."""
    master, slave = pty.openpty()
    leader = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        f"os.execv(sys.executable, [sys.executable, '-c', {COMMAND!r}, *sys.argv[1:]])"
    )
    arguments = ("launch", str(FILES / "watched.yaml"), "--out", "out", "--no-plots")
    with Launch(
        *arguments, args=[sys.executable, "-c", leader, *arguments], stdin=slave, stdout=slave, stderr=slave
    ) as launch:
        os.close(slave)
        os.set_blocking(master, False)
        launch.runs()
        assert fcntl.ioctl(master, termios.TIOCGPGRP, b"\0" * 4) != b"\0" * 4
        os.close(master)
        launch.wait()
        assert launch.summary()["ended"] == "SIGHUP"
        assert len(launch.trace()["tick_tick"]) == launch.summary()["ticks"] > 0


def test_whoever_reads_stderr_may_go_away() -> None:
    read, write = os.pipe()
    with Launch.of("watched", "--ticks", "60", stderr=write) as launch:
        os.close(write)
        os.close(read)
        launch.wait()
        assert list(launch.trace()["tick_tick"]) == list(range(60))

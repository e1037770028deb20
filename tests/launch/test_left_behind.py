"""Processes that nodes start and do not end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest
from support.launching import FILES, Launch, state_of, until

from rtgraph.launch.cli import main
from rtgraph.launch.host import leftovers
from rtgraph.launch.host.leftovers import MARK, Leftover, end, end_all, find
from rtgraph.launch.host.sweeping import Sweeper
from rtgraph.nodes.runtime.realtime.host import adopt_orphans, leave_orphans

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"


def test_only_what_bears_the_mark_or_is_of_a_session_is_found_and_ended() -> None:
    def start(launch: str, **more: object) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            [sys.executable, "-ISc", STUBBORN], stdout=subprocess.PIPE, env={MARK: launch}, **more
        )
        started.stdout.readline()
        return started

    with start("one") as marked, start("other") as other, start("", start_new_session=True) as of_session:
        found = {one.pid for one in find("one", (of_session.pid,))}
        assert found == {marked.pid, of_session.pid}
        assert [one.pid for one in find("one", besides=(marked.pid,))] == []
        assert {one.pid for one in end_all("one", (of_session.pid,))} == found
        # They ignore SIGTERM.
        assert (marked.wait(5), of_session.wait(5)) == (-signal.SIGKILL, -signal.SIGKILL)
        assert other.poll() is None
        end(find("other"), 0.01)
        assert other.wait(5) == -signal.SIGKILL


def test_adopted_processes_that_have_ended_are_reaped_and_those_of_others_are_not() -> None:
    notes: list[str] = []
    adopt_orphans()
    try:
        with (
            Sweeper("this one", notes.append, {}) as sweeper,
            subprocess.Popen(["true"]) as own,
            subprocess.Popen(["true"], start_new_session=True) as known,
        ):
            daemon = int(
                subprocess.run(
                    ["setsid", "-f", "sh", "-c", "echo $$"], capture_output=True, check=True
                ).stdout
            )
            for process in (own.pid, known.pid, daemon):
                until(lambda process=process: state_of(process) == "Z", 10, "it has ended")
            sweeper.reap([known.pid])
            assert [state_of(process.pid) for process in (own, known)] == ["Z", "Z"]
            assert [process.wait(5) for process in (own, known)] == [0, 0]
            sweeper.reap([])
            assert state_of(daemon) == ""
    finally:
        leave_orphans()
    assert notes == []


@pytest.mark.parametrize("began", [False, True])
def test_a_node_that_is_still_starting_is_no_process_left_behind(began, monkeypatch) -> None:
    notes: list[str] = []
    found = [Leftover(7, 7, "rtgraph: plant", b"")]
    monkeypatch.setattr(leftovers, "end_all", lambda *_: found)
    with Sweeper("a stopped launch", notes.append, {}) as sweeper:
        if began:  # then it is a copy of the node, which the node left
            sweeper.began(6, "plant")
    assert notes == ["plant left 1 process behind: rtgraph: plant (process 7): ended"] * began


def test_what_nodes_of_a_virtual_world_leave_is_ended_too(tmp_path, capsys) -> None:
    before = psutil.Process().children(recursive=True)
    arguments = ("--world", "virtual", "--ticks", "5", "--no-plots", "--out", str(tmp_path / "out"))
    assert main(["launch", str(FILES / "trouble.yaml"), "trouble=Leaves", *arguments]) == 0
    assert psutil.Process().children(recursive=True) == before
    said = capsys.readouterr().err
    assert "a node left 1 process behind: sleep 97 (process " in said
    assert "a node left 1 process behind: sleep 98 (process " in said


@pytest.mark.timeout(90)
class TestRealtime:
    """``Launch`` checks that no process is left."""

    @pytest.mark.process
    def test_a_node_takes_with_it_what_it_has_started(self) -> None:
        with Launch.of("trouble", "trouble=Leaves") as launch:
            # It fails and restarts: the processes in its session are ended at once.
            launch.says("trouble left 1 process behind: sleep 97 (process ")
            until(lambda: launch.log("trouble").count("it goes") == 2, 10, "the node is back")
            assert launch.interrupt(signal.SIGTERM) < 2.5
            assert launch.wait() == 143
            left = launch.summary()["left_behind"]
            assert sorted(left["trouble"]) == ["sleep 97", "sleep 97", "sleep 98", "sleep 98"]

    def test_a_daemon_does_not_outlive_the_launch(self) -> None:
        with Launch.of("trouble", "trouble=Forks", "--ticks", "5") as launch:
            assert launch.wait() == 0
            assert launch.summary()["left_behind"] == {"trouble": ["rtgraph: trouble"]}

    @pytest.mark.parametrize("node", ["Leaves", "Forks"])
    def test_nothing_outlives_a_launcher_that_is_killed(self, node) -> None:
        with Launch.of("trouble", f"trouble={node}", leaves_runtime=True) as launch:
            until(lambda: "is ready" in launch.log("trouble"), 40, "the node is ready")
            os.kill(launch.popen.pid, signal.SIGKILL)
            launch.wait()
            until(lambda: not launch.processes(), 5.0, "what the node left has ended")

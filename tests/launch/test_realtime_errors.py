"""Errors: one clear line, the right exit code, and nothing left behind."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import pytest
from support.container import contended_s
from support.launching import Launch, until
from support.ports import free_ports

pytestmark = pytest.mark.timeout(120)


def errors(launch: Launch) -> list[str]:
    lines = launch.stderr.splitlines()
    assert not any("Traceback" in line for line in lines), launch.stderr
    return [line for line in lines if line.startswith("error: ")]


def the_error(launch: Launch) -> str:
    (error,) = errors(launch)
    assert ". hint: " in error
    return error


def test_a_port_that_is_taken() -> None:
    first = free_ports(20)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 3))
        taken.listen()
        with Launch.of("watched", "--tcp-port", str(first)) as launch:
            assert launch.wait() == 1
            assert f"tcp://127.0.0.1:{first + 3} is taken" in the_error(launch)
            # The folder is free for the next attempt.
            assert not launch.session.exists()


def test_tcp_works() -> None:
    with Launch.of("watched", "--tcp-port", str(free_ports(20)), "--ticks", "30") as launch:
        assert launch.wait() == 0, launch.stderr
        assert list(launch.trace()["tick_tick"]) == list(range(30))
        assert sum(launch.summary()["lost"].values()) == 0


def test_a_folder_that_cannot_be_written() -> None:
    with Launch("launch", "endless", "--out", "/dev/null/x") as launch:
        assert launch.wait() == 1
        assert "cannot write the session folder /dev/null/x: Not a directory" in the_error(launch)


def test_a_second_launch_into_one_folder_is_refused_and_two_do_not_disturb_each_other() -> None:
    with Launch.of("watched") as first:
        first.runs()
        plan = (first.session / "plan.yaml").read_bytes()
        with Launch("launch", "endless", "--out", str(first.session), base=first.base) as same:
            assert same.wait() == 1
            assert "holds a session already" in the_error(same)
        with Launch.of("watched", "--ticks", "60", base=first.base) as other:
            assert other.wait() == 0, other.stderr
            assert sum(other.summary()["lost"].values()) == 0
            # The runtime folder of the living launch was not removed.
            assert len(list(first.runtime.glob("rtgraph-*"))) == 1
        assert first.interrupt() < 5
        assert (first.session / "plan.yaml").read_bytes() == plan
        summary = first.summary()
        assert summary["restarts"] == {}
        assert sum(summary["lost"].values()) == 0


def test_a_node_that_cannot_prepare() -> None:
    with Launch.of("trouble", "trouble=FailsToPrepare") as launch:
        assert launch.wait() == 1
        assert re.search(
            r"trouble did not start: RuntimeError: there is no such robot anywhere\. hint: see .*trouble\.log",
            the_error(launch),
        )


def test_a_node_that_cannot_start_is_not_started_again() -> None:
    with Launch.of("trouble", "trouble=FailsToStart") as launch:
        assert launch.wait() == 1
        assert "trouble did not start: RuntimeError: there is no such camera. hint: see" in the_error(launch)
        summary = launch.summary()
        assert summary["restarts"] == {}
        assert summary["down"] == {"trouble": "RuntimeError: there is no such camera"}
        assert "trouble did not start" in summary["ended"]


def test_a_node_that_fails_again_and_again() -> None:
    with Launch.of("trouble", "trouble=Raises") as launch:
        assert launch.wait() == 1
        assert "trouble failed: ValueError: what is this?" in the_error(launch)
        summary = launch.summary()
        assert summary["restarts"] == {"trouble": 5}
        assert "trouble failed: ValueError" in summary["ended"]
        assert len(launch.trace()["tick_tick"]) == summary["ticks"] > 0


def test_a_node_that_fails_at_its_end() -> None:
    with Launch.of("trouble", "trouble=FailsToStop", "--ticks", "30") as launch:
        assert launch.wait() == 1
        assert "trouble: on_stop failed: RuntimeError: the last page cannot be written" in the_error(launch)
        assert launch.summary()["ended"] == "plant: 30 ticks"


def test_a_node_that_hangs_is_told_of_and_killed_at_the_end() -> None:
    with Launch.of("trouble", "trouble=Hangs") as launch:
        launch.says("trouble has sent no heartbeat for 3")
        waited_s = contended_s()
        took_s = launch.interrupt()
        # Other tests run beside this one: their share of the processors does not count.
        assert took_s - (contended_s() - waited_s) < 2.5
        assert launch.wait() == 1
        assert "trouble did not stop in time" in the_error(launch)
        summary = launch.summary()
        assert summary["silent_s"]["trouble"] >= 3
        assert summary["ended"] == "SIGINT"
        assert launch.trace()["tick_tick"].size == summary["ticks"] > 0


def test_an_interpreter_that_does_not_exist() -> None:
    with Launch.of("own_python", "python=/no/such/python") as launch:
        assert launch.wait() == 2
        assert "nodes.witness.python: interpreter /no/such/python cannot be started: No such" in the_error(
            launch
        )


def test_an_interpreter_without_rtgraph(tmp_path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    python.chmod(0o755)
    with Launch.of("own_python", f"python={python}") as launch:
        assert launch.wait() == 2
        assert f"nodes.witness.python: interpreter {python} has no rtgraph" in the_error(launch)


def test_an_interpreter_that_exists() -> None:
    with Launch.of("own_python", f"python={sys.executable}") as launch:
        launch.runs()
        first = launch.process("witness")
        launch.kill("witness")
        until(lambda: "incarnation 1" in launch.log("witness"), 10, "it is started again")
        assert launch.process("witness") not in (0, first)
        launch.interrupt()
        assert launch.summary()["restarts"] == {"witness": 1}


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder, leaving: int) -> None:
    free = os.statvfs(folder)
    with open(folder / "ballast", "wb") as file:
        file.write(bytes(free.f_bavail * free.f_frsize - leaving))


def test_a_disk_that_is_full_at_the_start(small_disk) -> None:
    fill(small_disk, 1 << 20)
    with Launch("launch", "endless", "--out", str(small_disk / "out")) as launch:
        assert launch.wait() == 1
        assert "has less than 32 MiB left" in the_error(launch)


def test_a_disk_that_is_full_at_the_end(small_disk) -> None:
    out = small_disk / "out"
    with Launch("launch", "endless", "--out", str(out), "--no-plots") as launch:
        launch.says("endless ...")
        until((out / "logs" / "monitor.log").exists, 5, "the monitor runs")
        fill(small_disk, 0)
        launch.interrupt()
        assert launch.wait() == 1
        found = errors(launch)
        assert any("summary.json cannot be written: No space left on device" in error for error in found)
        assert not list(out.glob("*partial*"))
        assert "ticks" in launch.stdout, "the table is printed all the same"


def test_a_trace_that_cannot_be_written() -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        (launch.session / "trace.npz").mkdir()
        launch.interrupt()
        assert launch.wait() == 1
        assert re.search(
            r"monitor: on_stop failed: MetricsError: .*trace\.npz cannot be written: Is a directory",
            the_error(launch),
        )
        summary = launch.summary()
        assert summary["ended"] == "SIGINT"
        assert summary["ticks"] > 0, "what it counted is told all the same"


def test_a_network_that_is_too_large() -> None:
    with Launch.of("huge") as launch:
        assert launch.wait() == 1
        assert re.search(
            r"weights 'policy' need [\d,]+ MiB of shared memory, but only [\d,]+ MiB are available, of which 128 MiB must",
            the_error(launch),
        )

"""Fork servers that start before there is a plan, and what they are sent."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys

import pytest

from rtgraph.graphs.load import PlanPreview
from rtgraph.launch.cli import main
from rtgraph.launch.process.processes import ForkServer, Process
from rtgraph.launch.process.server_process import EarlyServer, ServerProcess
from rtgraph.nodes.runtime.realtime.config import FunctionCall
from rtgraph.nodes.runtime.realtime.host import adopt_orphans, leave_orphans
from rtgraph.nodes.runtime.realtime.requests import (
    CallFunction,
    Preload,
    send_descriptors,
    take_descriptors,
)

ATARI = "rtgraph.nodes.emulator:Atari"


@pytest.fixture
def started(monkeypatch) -> list[ServerProcess]:
    """Collect the servers that start."""
    found: list[ServerProcess] = []
    start = ServerProcess.start.__func__

    def collected(cls, environment, output) -> ServerProcess:
        found.append(start(cls, environment, output))
        return found[-1]

    monkeypatch.setattr(ServerProcess, "start", classmethod(collected))
    return found


@pytest.fixture
def adopting():
    adopt_orphans()
    yield
    leave_orphans()


@pytest.mark.parametrize("dies", [False, True])
def test_an_early_server_becomes_that_of_the_launch(dies, started, adopting, tmp_path) -> None:
    """Whether it lives or has died: then another one takes its place, as after any start."""
    descriptors = [os.memfd_create("shared"), os.memfd_create("shared too")]
    shown = tmp_path / "shown.json"
    log = tmp_path / "log"
    preload = Preload(
        log_file=str(log),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        descriptors=tuple(descriptors),
        folders=(*sys.path, str(tmp_path)),
        modules=(ATARI, f"rtgraph.nodes.recorder:Player[{ATARI}]"),
        calls=(FunctionCall(function="rtgraph.nodes.weights.inherited:opened", values=[]),),
    )
    call = FunctionCall(
        function="support.showing:show", values={"file": str(shown), "descriptors": descriptors}
    )
    with EarlyServer() as early:
        early.preload(PlanPreview("realtime", (ATARI, "no.module:OfOurs"), weights=False))
        if dies:
            started[0].popen.kill()
            started[0].popen.wait()
        server = ForkServer(preload, os.environ, early.take())
    processes: list[Process] = []
    server.request(CallFunction(launcher=os.getpid(), log_file=str(log), call=call), processes.append)
    try:
        while not processes:
            assert select.select([server.descriptor], [], [], 30.0)[0], log.read_text()
            server.answer()
        assert processes[0].reap(10.0) == 0, log.read_text()
    finally:
        server.close()
    assert len(started) == (2 if dies else 1)
    assert server.restarts == 0
    found = json.loads(shown.read_text())
    assert {"rtgraph.nodes.emulator.atari_environment", "ale_py"} <= {*found["modules"]}
    assert "torch" not in found["modules"]
    assert "AtariParams" not in found["unbuilt"]
    assert "InheritedWeights" not in found["unbuilt"]
    assert str(tmp_path) in found["path"]
    for descriptor in descriptors:
        assert os.pread(descriptor, 10, 0) == b"%d" % descriptor
        os.close(descriptor)


@pytest.mark.parametrize(
    ("arguments", "code", "count"),
    [
        (["launch", "no-such-file"], 2, 1),
        (["launch", "endless", "wokers=1"], 2, 1),
        (["launch", "endless", "--duration", "soon"], 2, 1),
        (["launch", "hidden.yaml", "--ticks", "2", "--no-plots", "--no-record"], 0, 1),
        (["launch", "plain.yaml", "--ticks", "2", "--no-plots", "--no-record"], 0, 0),
        (["launch", "delay_pipelined", "stages=none"], 2, 0),
        (["launch", "delay_pipelined", "stages=none", "--world", "realtime"], 2, 1),
        (["launch", "endless", "--world=virtual", "--ticks", "2", "--no-plots", "--no-record"], 0, 0),
        (["launch", "--help"], 0, 0),
        (["check", "endless"], 0, 0),
    ],
)
def test_a_server_that_no_launch_needs_is_ended(
    arguments, code, count, started, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hidden.yaml").write_text("{graphs: [{graph: endless}], world: virtual}")
    (tmp_path / "plain.yaml").write_text("graphs: [{graph: endless}]\nworld: virtual")
    try:
        ended = main(arguments)
    except SystemExit as error:
        ended = error.code
    assert ended == code
    assert [server.popen.returncode for server in started] == [-signal.SIGKILL] * count


def test_an_early_server_ends_with_its_launcher() -> None:
    program = """if True:
        import time
        from rtgraph.launch.process import server_process
        with server_process.EarlyServer() as early:
            print(early._process.popen.pid, flush=True)
            time.sleep(60)
    """
    launcher = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    server = os.pidfd_open(int(launcher.stdout.readline()))
    launcher.kill()
    launcher.communicate()
    assert select.select([server], [], [], 10.0)[0], "the server lives on"
    os.close(server)


def test_only_the_standard_library_is_imported_for_it() -> None:
    program = "import rtgraph.launch.verbs.launch, sys; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "zmq", "yaml", "msgpack"} & {*imported.stdout.split()}


def test_descriptors_get_the_numbers_of_the_launcher() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    free = max(map(int, os.listdir("/proc/self/fd"))) + 10
    # The number of the channel is wanted, too: the channel makes way.
    wanted = (free, theirs.fileno())
    send_descriptors(ours, (reading, writing))
    channel = take_descriptors(theirs, wanted)
    assert channel.fileno() not in wanted
    os.write(wanted[1], b"through")
    assert os.read(wanted[0], 10) == b"through"
    ours.sendall(b"still")
    assert channel.recv(10) == b"still"
    assert not os.get_inheritable(wanted[0])
    for descriptor in (reading, writing, *wanted):
        os.close(descriptor)
    channel.close()
    ours.close()


def test_a_number_in_use_is_never_taken() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    send_descriptors(ours, (reading,))
    with theirs, ours, pytest.raises(OSError, match=f"in this process {writing} is in use"):
        take_descriptors(theirs, (writing,))
    os.close(reading)
    os.close(writing)

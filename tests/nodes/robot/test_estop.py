import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.host import estop
from rtgraph.launch.host.bases import Base
from rtgraph.launch.host.estop import ROBOTS, Running, launches
from rtgraph.launch.host.runtime_directory import LONGEST_NAME
from rtgraph.nodes.robot.estop import PREFIX, EStopServer, socket_path


def ask(folder, request):
    """Return what the robots of one folder answer."""
    return [answer.text for answer in estop.ask([Running(folder, "arm", None)], request)]


def served(folder, asked, node="plant"):
    return EStopServer(
        socket_path(folder, node),
        asked.append,
        lambda: asked.append("reset"),
        lambda: node,
    )


def test_a_request_reaches_every_robot_of_a_folder_and_is_answered(tmp_path):
    asked = []
    servers = [served(tmp_path, asked, node) for node in ("left", "right")]
    assert sorted(ask(tmp_path, "stop button")) == ["left", "right"]
    assert asked == ["button", "button"]
    ask(tmp_path, "reset")
    assert asked[2:] == ["reset", "reset"]
    assert ask(tmp_path, "dance") == ["unknown request 'dance'"] * 2
    for server in servers:
        server.close()
    assert not list(tmp_path.glob(ROBOTS))


def test_a_client_that_says_nothing_or_leaves_does_not_keep_others_out(tmp_path):
    asked = []
    server = served(tmp_path, asked)
    path = os.fsencode(socket_path(tmp_path, "plant"))
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as gone:
        silent.connect(path)
        gone.connect(path)
        gone.close()
        answers = []
        thread = threading.Thread(target=lambda: answers.extend(ask(tmp_path, "stop button")))
        thread.start()
        thread.join(5)
        assert (asked, answers) == (["button"], ["plant"])
    server.close()


def test_a_client_that_cannot_be_accepted_does_not_end_the_emergency_stop(tmp_path, monkeypatch, caplog):
    accept, failed = socket.socket.accept, threading.Event()

    def fails_once(server):
        if failed.is_set():
            return accept(server)
        failed.set()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket.socket, "accept", fails_once)
    asked = []
    server = served(tmp_path, asked)
    assert failed.wait(5)
    assert ask(tmp_path, "stop button") == ["plant"]
    assert asked == ["button"]
    assert "Too many open files" in caplog.text
    server.close()


def test_a_restarted_plant_takes_its_socket_over(tmp_path):
    asked = []
    socket_path(tmp_path, "plant").touch()
    server = served(tmp_path, asked)
    assert ask(tmp_path, "state") == ["plant"]
    server.close()


def test_both_sides_name_the_sockets_alike():
    assert f"{PREFIX}*" == ROBOTS
    assert len(socket_path(Path("/r"), "plant").name) == len(LONGEST_NAME)


def test_the_verb_imports_nothing_heavy():
    program = "import sys, rtgraph.launch.cli as cli; cli.main(['estop', 'nobody']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "zmq", "rich", "yaml"} & set(done.stdout.split())


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Return the only folder in which launches are looked for."""
    monkeypatch.setattr(estop, "bases", lambda: [Base(tmp_path)])
    return tmp_path


def announced(base, name, pid=None):
    folder = base / f"rtgraph-{name}"
    folder.mkdir(mode=0o700)
    described = {
        "name": name,
        "pid": os.getpid() if pid is None else pid,
        "directory": str(base / f"out-{name}"),
    }
    (folder / "session.json").write_text(json.dumps(described))
    return folder


def test_launches_are_found_by_name_process_and_session_folder(base):
    announced(base, "arm")
    (arm,) = launches()
    for wanted in ("arm", str(os.getpid()), str(base / "out-arm")):
        assert arm.is_called(wanted)
    assert not arm.is_called("leg")


def test_the_verb_names_the_launches_that_it_stopped(base, capsys):
    asked = []
    servers = [served(announced(base, name), asked) for name in ("arm", "leg")]
    assert main(["estop", "leg"]) == 0
    assert capsys.readouterr().out == "leg: plant\n"
    assert main(["estop"]) == 0
    assert capsys.readouterr().out == "arm: plant\nleg: plant\n"
    assert asked == ["rtgraph estop"] * 3
    for server in servers:
        server.close()


@pytest.mark.parametrize("waiting", [0, 2])
def test_a_robot_that_hangs_delays_no_other_and_is_a_failure(base, waiting, capsys, monkeypatch):
    monkeypatch.setattr(estop, "TIMEOUT_S", 0.05)
    asked = []
    path = os.fsencode(socket_path(announced(base, "arm"), "plant"))
    with socket.socket(socket.AF_UNIX) as hangs, contextlib.ExitStack() as clients:
        hangs.bind(path)
        hangs.listen(1)
        for _ in range(waiting):  # two fill the queue, so a third cannot connect
            clients.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        server = served(announced(base, "leg"), asked)
        assert main(["estop"]) == 1
        said = capsys.readouterr()
        assert said.out == "leg: plant\n"
        assert said.err == "error: arm: a robot does not answer. hint: cut the power of its motors\n"
        server.close()


@pytest.mark.parametrize(
    ("given", "pid", "problem"),
    [
        ([], None, "there is no robot in catch. hint: running: catch"),
        (["leg"], None, "no launch 'leg' is running. hint: running: catch"),
        ([], 2**22 + 1, "no launch of yours is running"),
    ],
)
def test_without_a_robot_there_is_one_line(base, given, pid, problem, capsys):
    announced(base, "catch", pid)
    assert main(["estop", *given]) == 1
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1

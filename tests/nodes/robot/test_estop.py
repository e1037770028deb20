import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from rtgraph.launch.host.estop import ROBOTS, ask, runtime_folders
from rtgraph.launch.host.runtime_directory import LONGEST_NAME
from rtgraph.nodes.robot.estop import PREFIX, EStopServer, socket_path


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


def test_runtime_folders_are_found_by_name_process_and_session_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "rtgraph-x"
    folder.mkdir(mode=0o700)
    (folder / "session.json").write_text(f'{{"name": "arm", "pid": 12, "directory": "{tmp_path / "out"}"}}')
    for wanted in ("arm", "12", str(tmp_path / "out")):
        assert folder in runtime_folders(wanted)
    assert folder not in runtime_folders("leg")
    assert folder in runtime_folders(None)

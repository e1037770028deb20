import socket

import numpy as np
import pytest

from rtgraph.nodes.robot.process import DriverProcess
from rtgraph.nodes.robot.process.driver import _Process, end_kept
from rtgraph.nodes.robot.process.frames import receive, send


def test_numbers_texts_arrays_and_paths_that_are_no_text_come_as_they_were_sent():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    frame = {
        "folders": ["/opt/\udcff"],
        "values": {"pan.pos": np.float64(1.5), "wrist": picture},
        "none": None,
    }
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, frame)
        got = receive(theirs, 5.0)
    assert (got["folders"], got["values"]["pan.pos"], got["none"]) == (["/opt/\udcff"], 1.5, None)
    assert got["values"]["wrist"].dtype == np.uint8
    assert (got["values"]["wrist"] == picture).all()


def test_a_parameter_that_cannot_be_sent_leaves_no_process(monkeypatch):
    made = []
    close = _Process.close
    monkeypatch.setattr(_Process, "close", lambda self: (made.append(self), close(self)))
    with pytest.raises(
        TypeError,
        match="the int 1180591620717411303424 cannot be sent between a plant and its driver's process",
    ):
        DriverProcess("support.robot_device:SimulatedDriver", {"count": 2**70}, 5.0)
    end_kept()
    assert [process._popen.returncode for process in made] == [-9]

"""An arm behind real ROS 2 topics, on the loopback only.

``RTGRAPH_ROS2_PYTHON`` names an interpreter with rclpy and this rtgraph; without it there is nothing to test.
"""

import json
import os
import signal
import subprocess

import pytest
from support.launching import TESTS, Launch

PYTHON = os.environ.get("RTGRAPH_ROS2_PYTHON", "")
PLACES = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(10 + os.getpid() % 90)}


@pytest.mark.skipif(not PYTHON, reason="RTGRAPH_ROS2_PYTHON names no interpreter with rclpy and rtgraph")
def test_topics_drive_the_graph_commands_come_back_and_a_silent_robot_is_stale(tmp_path, monkeypatch):
    for name, value in PLACES.items():
        monkeypatch.setenv(name, value)
    peer = subprocess.Popen(
        [PYTHON, str(TESTS / "support" / "ros2_robot.py"), str(tmp_path / "log"), "100", "120"]
    )
    try:
        with Launch(
            *("launch", "arm", "plant=ros2", f"python={PYTHON}", "amplitude=0.05", "--duration", "10"),
            *("--out", "out", "--no-plots"),
        ) as launch:
            launch.popen.wait(90)
            robot = json.loads((launch.session / "summary.json").read_text())["nodes"]["plant"]["robot"]
    finally:
        peer.send_signal(signal.SIGTERM)
        peer.wait(10)
    counts = json.loads((tmp_path / "log").read_text())
    assert counts["commands"] == robot["sent"]
    assert counts["moved"] > 0.1
    assert robot["time_s"]["stale"] > 0.5
    assert robot["time_s"]["running"] > 3
    assert robot["faults"] == 0

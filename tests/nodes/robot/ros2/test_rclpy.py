"""An arm behind real ROS 2 topics, and a graph in ROS 2 by its bridge, on the loopback only.

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


pytestmark = pytest.mark.skipif(
    not PYTHON, reason="RTGRAPH_ROS2_PYTHON names no interpreter with rclpy and rtgraph"
)

BRIDGED = """
description: The simulated arm, in ROS 2.
includes:
  - {graph: arm, expose: true}
  - graph: ros2_bridge
    arguments:
      python: PYTHON
      topics: observation applied robot
      from_ros:
        estop: {topic: /emergency_stop, type: std_msgs/msg/Empty, message: EStop, values: {reason: ROS}}
"""
HEARD = (
    "/rtgraph/observation/tick:std_msgs/Int64",
    "/rtgraph/observation:sensor_msgs/JointState",
    "/rtgraph/robot/state:std_msgs/String",
)


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


def test_ros_hears_topics_of_the_graph_without_a_gap_and_its_button_stops_the_robot(tmp_path, monkeypatch):
    pytest.importorskip("mujoco", reason="pip install 'rtgraph[twin]'")
    for name, value in PLACES.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "bridged.yaml").write_text(BRIDGED.replace("PYTHON", PYTHON))
    listener = subprocess.Popen(
        [
            PYTHON,
            str(TESTS / "support" / "ros2_listener.py"),
            str(tmp_path / "log"),
            "120",
            *HEARD,
            "--press",
            "/emergency_stop",
            "120",
        ],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        with Launch(
            *("launch", str(tmp_path / "bridged.yaml"), "--duration", "8", "--out", "out", "--no-plots")
        ) as launch:
            launch.popen.wait(90)
            nodes = json.loads((launch.session / "summary.json").read_text())["nodes"]
    finally:
        listener.send_signal(signal.SIGTERM)
        listener.wait(10)
    ticks, joints, states = json.loads((tmp_path / "log").read_text()).values()
    assert 200 < ticks["count"] <= nodes["ros2_bridge"]["to_ros"]["/rtgraph/observation/tick"]
    assert ticks["gaps"] == 0
    assert joints["names"][0] == "shoulder_pan.pos"
    assert joints["frame"] == "plant"
    assert states["count"] > 0
    assert nodes["ros2_bridge"]["from_ros"]["/emergency_stop"] == {"messages": 1, "lost": 0, "refused": 0}
    assert nodes["plant"]["robot"]["time_s"]["stopped"] > 1

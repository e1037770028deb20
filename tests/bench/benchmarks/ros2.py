"""A robot of ROS 2 that drives a graph, and the graph heard in ROS 2: what is lost on the way, and how old it is.

Robot and listener are the peers of ``tests.support``, nodes of rclpy that publish JointState at 100 Hz and Image at 20 Hz.
``RTGRAPH_ROS2_PYTHON`` names an interpreter with rclpy and this rtgraph; without it there are no rows. A round takes two
seconds: ``--rounds 300`` is ten minutes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.msgs import Applied
from rtgraph.msgs.bag.bag import Bag
from tests.bench.rows import Row, Say

TESTS = Path(__file__).parents[2]
LAUNCH = TESTS / "bench" / "ros2_arm.yaml"
COMMAND = "import sys; from rtgraph.launch.cli import main; sys.exit(main(sys.argv[1:]))"
ROUND_S = 2.0
SPARE_S = 90.0
TICKS = "/rtgraph/observation/tick"
HEARD = (
    f"{TICKS}:std_msgs/Int64",
    "/rtgraph/observation/joints:sensor_msgs/JointState",
    "/rtgraph/observation/camera:sensor_msgs/Image",
)


def run(rounds: int, say: Say) -> list[Row]:
    """Let a robot of ROS 2 drive the graph, and listen to the graph in ROS 2."""
    python = os.environ.get("RTGRAPH_ROS2_PYTHON")
    if not python:
        say("RTGRAPH_ROS2_PYTHON names no interpreter with rclpy and rtgraph")
        return []
    seconds = rounds * ROUND_S
    say(f"{seconds:g} s")
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        folder = Path(name)
        robot, heard = _launched(folder, python, seconds)
        ages = _ages_ms(folder / "out" / "session.mcap")
        nodes = json.loads((folder / "out" / "summary.json").read_text())["nodes"]
        log = (folder / "out" / "logs" / "plant.log").read_text()
    rows = []
    for topic, received, lost in re.findall(r"(/\w+): (\d+) messages, (\d+) lost", log):
        rows.append(Row(f"ROS to graph, {topic}: lost", "messages", int(lost), note=f"of {int(received):,}"))
    sent = nodes["plant"]["robot"]["sent"]
    rows.append(Row("commands back in ROS: lost", "messages", sent - robot["commands"], note=f"of {sent:,}"))
    for part, found in ages.items():
        rows += _percentiles(f"age of {part} at the tick", *np.percentile(found, [50, 99]))
    ticks = heard.pop(TICKS)
    rows.append(Row("graph to ROS, ticks: gaps", "gaps", ticks["gaps"], note=f"of {ticks['count']:,}"))
    for topic, one in heard.items():
        rows += _percentiles(f"age of {topic} in ROS", one["age_ms"]["p50"], one["age_ms"]["p99"])
    return rows


def _percentiles(case: str, p50: float, p99: float) -> list[Row]:
    return [Row(f"{case}, p50", "ms", float(p50)), Row(f"{case}, p99", "ms", float(p99))]


def _launched(folder: Path, python: str, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Launch the graph between its peers; return what the peers counted."""
    environment = {
        **os.environ,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(10 + os.getpid() % 90),
        "XDG_RUNTIME_DIR": str(folder),
    }
    most = str(seconds + SPARE_S)
    support = TESTS / "support"
    peers = [
        subprocess.Popen([python, str(support / program), str(folder / log), most, *more], env=environment)
        for program, log, more in (
            ("ros2_robot.py", "robot.json", ()),
            ("ros2_listener.py", "heard.json", HEARD),
        )
    ]
    given = [str(LAUNCH), f"python={python}", "--duration", str(seconds), "--no-plots", "--record"]
    try:
        ran = subprocess.run(
            [sys.executable, "-c", COMMAND, "launch", *given, "--recorder", "topics=applied", "--out", "out"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for peer in peers:
            peer.send_signal(signal.SIGTERM)
        for peer in peers:
            peer.wait(10)
    if ran.returncode:
        raise SystemExit(f"the arm did not run to its end: {ran.stderr}")
    robot, heard = (json.loads((folder / log).read_text()) for log in ("robot.json", "heard.json"))
    return robot, heard


def _ages_ms(file: Path) -> dict[str, list[float]]:
    """Return the ages of each part of the observation at each tick."""
    found: dict[str, list[float]] = {}
    for recorded in Bag.open(file).messages(topics=["applied"]):
        message = recorded.message()
        if isinstance(message, Applied):
            for part, age_ns in message.captured_age_ns.items():
                found.setdefault(part, []).append(age_ns / 1e6)
    return found

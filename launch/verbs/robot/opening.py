"""Command-line options that select an arm of Feetech servos, and the servo ids of the joints."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_S = 0.1
"""Maximum wait for a servo's reply, in seconds. It is longer than in a launch, because these commands have no tick rate to keep."""


def add_port(parser: argparse.ArgumentParser) -> None:
    """Add the options ``--port``, the serial port of an arm, and ``--file``, the calibration file of the arm."""
    parser.add_argument("--port", metavar="PATH", required=True, help="serial port, such as /dev/ttyACM0")
    parser.add_argument("--file", metavar="PATH", type=Path, help="calibration file, as LeRobot writes it")


def joints_of(file: Path | None) -> Mapping[str, int]:
    """Return the servo ids, by name of the joint, from a calibration file. Without a file, return the ids of an SO-101 arm."""
    from rtgraph.nodes.robot.servo.calibration import Calibration  # noqa: PLC0415 - so that --help is instant
    from rtgraph.nodes.robot.servo.joints import JOINTS  # noqa: PLC0415

    if file is None:
        return JOINTS
    return {name: joint.id for name, joint in Calibration.read(file).joints.items()}

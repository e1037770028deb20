"""``rtgraph robot read``: Show the state of each servo of an arm. Nothing is written."""

from __future__ import annotations

import argparse

from rtgraph.launch.verbs.robot.opening import TIMEOUT_S, add_port, joints_of

EXAMPLE = """\
examples:
  rtgraph robot read --port /dev/ttyACM0
  rtgraph robot read --port /dev/ttyACM0 --file arm.json --json

Positions are raw: 4,096 per turn, without a calibration.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph robot read`` to its parser."""
    add_port(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the state of each servo."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.bus import ServoBus  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.joints import read_states  # noqa: PLC0415

    joints = joints_of(args.file)
    with ServoBus(args.port, timeout_s=TIMEOUT_S) as bus:
        states = read_states(bus, joints)
    if args.json:
        print_json([state.model_dump() for state in states])
        return 0
    numbers = ("id", "position", "goal", "load", "volts", "°C")
    made = table("joint", "id", "position", "range", "goal", "torque", "load", "volts", "°C", right=numbers)
    for state in states:
        row(
            made,
            state.joint,
            state.id,
            state.position,
            f"{state.range_min} to {state.range_max}",
            state.goal,
            "on" if state.torque else "off",
            f"{state.load_percent:.1f} %",
            f"{state.voltage:.1f}",
            state.temperature,
        )
    console().print(made)
    return 0

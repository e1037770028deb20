"""``rtgraph robot torque``: Switch the torque of all servos of an arm. With torque on, the arm holds its position; with torque off, it falls."""

from __future__ import annotations

import argparse

from rtgraph.launch.verbs.robot.opening import TIMEOUT_S, add_port, joints_of

EXAMPLE = """\
examples:
  rtgraph robot torque off --port /dev/ttyACM0
  rtgraph robot torque on --port /dev/ttyACM0
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph robot torque`` to its parser."""
    parser.add_argument("switch", choices=("on", "off"), help="on: the arm holds its position; off: it falls")
    add_port(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Switch the torque of all servos on or off."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.arm import set_torque  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.bus import ServoBus  # noqa: PLC0415

    joints = joints_of(args.file)
    with ServoBus(args.port, timeout_s=TIMEOUT_S) as bus:
        set_torque(bus, joints.values(), on=args.switch == "on")
    if args.json:
        print_json({"port": args.port, "torque": args.switch, "joints": list(joints)})
    else:
        print(f"torque {args.switch}: {', '.join(joints)}")
    return 0

"""``rtgraph robot scan``: Find the servos on one serial port, or on all ports of USB devices. No register of a servo is written."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.typed import whole

TIMEOUT_S = 0.05
"""Maximum wait for the reply of a servo, in seconds. It is short, because most of the tried ids belong to no servo."""
EXAMPLE = """\
examples:
  rtgraph robot scan
  rtgraph robot scan --port /dev/ttyACM0 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph robot scan`` to its parser."""
    parser.add_argument("--port", metavar="PATH", help="serial port (default: all with a USB device)")
    parser.add_argument(
        "--most",
        metavar="ID",
        type=whole,
        default=20,
        help="largest id that is tried (default: 20; at most 253)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the servos that answer."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415
    from rtgraph.nodes.robot.connection.serial_port import port_names  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.bus import ServoBus  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.packets import MOST_ID  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.registers import MODEL  # noqa: PLC0415

    ports = [(args.port, "")] if args.port else port_names()
    if not ports:
        raise RobotError(
            "no serial port of a USB device is found", hint="plug the arm in, or name its port with --port"
        )
    rows = []
    for path, description in ports:
        with ServoBus(path, timeout_s=TIMEOUT_S, tries=1) as bus:
            found = bus.scan(range(min(args.most, MOST_ID) + 1))
        rows += [
            {"port": path, "device": description, "id": servo, "model": model}
            for servo, model in found.items()
        ]
    if args.json:
        print_json(rows)
        return 0
    if not rows:
        raise RobotError(
            f"no servo answers on {', '.join(path for path, _ in ports)}",
            hint="check the arm's power supply and cables, or try larger ids: --most 253",
        )
    made = table("port", "id", "model", right=("id",))
    for one in rows:
        row(made, one["port"], one["id"], "STS3215" if one["model"] == MODEL else f"model {one['model']}")
    console().print(made)
    return 0

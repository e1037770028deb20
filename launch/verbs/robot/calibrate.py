"""``rtgraph robot calibrate``: Calibrate an arm by hand, and write the result to its servos and to a file. Hold the arm: its torque is switched off."""

from __future__ import annotations

import argparse
import select
import sys
from collections.abc import Callable

from rtgraph.launch.verbs.robot.opening import TIMEOUT_S, add_port

EXAMPLE = """\
examples:
  rtgraph robot calibrate --port /dev/ttyACM0 --file arm.json
  rtgraph robot calibrate --port /dev/ttyACM0 --file arm.json --restore

The file has LeRobot's format. --restore writes it to the servos.
"""
POLL_S = 0.01


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph robot calibrate`` to its parser."""
    add_port(parser)
    parser.add_argument("--restore", action="store_true", help="write the file's calibration to the servos")
    parser.add_argument("--json", action="store_true", help="print the calibration as JSON")


def run(args: argparse.Namespace) -> int:
    """Calibrate the arm, and write the result to its servos and to a file. With ``--restore``, copy the file to the servos instead."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.bus import ServoBus  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.calibrating import calibrate  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.calibration import Calibration  # noqa: PLC0415
    from rtgraph.nodes.robot.servo.joints import JOINTS, write_calibration  # noqa: PLC0415

    if args.file is None:
        raise RobotError("no file for the calibration is given", hint="add --file arm.json")
    if not args.restore and not args.file.parent.is_dir():
        raise RobotError(f"{args.file}: its folder does not exist", hint="make the folder first")
    with ServoBus(args.port, timeout_s=TIMEOUT_S) as bus:
        if args.restore:
            found = Calibration.read(args.file)
            write_calibration(bus, found)
        else:
            found = calibrate(bus, JOINTS, _Terminal())
            found.write(args.file)
    if args.json:
        print_json({name: joint.model_dump() for name, joint in found.joints.items()})
    else:
        print(
            f"{args.file}: {'written to' if args.restore else 'the calibration of'} {len(found.joints)} servos"
        )
    return 0


class _Terminal:
    """Prompts the operator at the terminal. Prompts go to stderr, so that stdout holds only the calibration."""

    def wait(self, text: str, attend: Callable[[], str]) -> None:
        from rtgraph.msgs.errors import RobotError  # noqa: PLC0415 - so that --help is instant

        print(text, file=sys.stderr, flush=True)
        shown = ""
        while not select.select([sys.stdin], [], [], POLL_S)[0]:
            if (state := attend()) != shown:
                print(state, file=sys.stderr, flush=True)
                shown = state
        if not sys.stdin.readline():
            raise RobotError(
                "the calibration was cancelled: the input ended", hint="the servos keep the old calibration"
            )

"""``rtgraph robot``: commands for arms of Feetech servos. Each action is a module, imported only to run the action or show its help."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.actions import add_actions, perform

ACTIONS = {
    "scan": "find the servos on serial ports",
    "read": "show positions, limits, torque and temperature of an arm",
    "calibrate": "calibrate an arm by hand, or restore a calibration",
    "torque": "switch the torque of an arm",
}
"""The actions of ``rtgraph robot``, each with a summary for the help."""

EXAMPLE = """\
examples:
  rtgraph robot scan
  rtgraph robot read --port /dev/ttyACM0
  rtgraph robot calibrate --port /dev/ttyACM0 --file arm.json
"""
run = perform


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``rtgraph robot`` to its parser."""
    parser.description = "Find, read and calibrate arms of Feetech STS3215 servos, such as SO-100 and SO-101."
    parser.epilog = EXAMPLE
    add_actions(parser, __name__, ACTIONS)

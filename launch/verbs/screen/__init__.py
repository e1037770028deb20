"""``rtgraph screen``: commands for a camera in front of a screen. Each action is a module, imported only to run it or show its help."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.actions import add_actions, perform

ACTIONS = {
    "mark": "mark the corners of the screen in the camera's picture",
    "grab": "keep rectified pictures of the screen",
    "learn-digits": "learn to read numbers from a few pictures",
    "latency": "measure the time from a button to the picture",
}
"""The actions of ``rtgraph screen``, each with a summary for the help."""

EXAMPLE = """\
examples:
  rtgraph screen mark 0 --out screen.yaml
  rtgraph screen grab 0 --file screen.yaml --out shots --count 20 --every 2
  rtgraph screen learn-digits screen.yaml shots/01.png score=120 shots/07.png score=3456
  rtgraph screen latency 0 --file screen.yaml --port /dev/ttyACM0 --buttons LEFT,RIGHT --region 8,186,144,10
"""
run = perform


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``rtgraph screen`` to its parser."""
    parser.description = "Set up a camera that films a screen, for the plant FilmedGame."
    parser.epilog = EXAMPLE
    add_actions(parser, __name__, ACTIONS)

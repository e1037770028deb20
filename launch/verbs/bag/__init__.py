"""``rtgraph bag``: commands for recordings. Each action is a module, imported only to run the action or show its help."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.actions import add_actions, perform

ACTIONS = {
    "info": "show what a recording contains",
    "play": "publish a recording for subscribers",
    "ctl": "control a player: pause, resume, step, seek, rate",
    "record": "record a running graph",
    "keep": "write the contents of a ring-buffer recorder to a file",
    "recover": "make a complete recording from a damaged one",
    "verify": "run nodes again on a recording, and compare every byte",
    "latency": "fit inference and transport times, and write a latency file",
    "graph": "draw the graph that made a recording",
    "export": "convert a recording for other tools",
}
"""The actions of ``rtgraph bag``, each with a summary for the help."""

EXAMPLE = """\
examples:
  rtgraph launch boxing --duration 10 --record --out session
  rtgraph bag info session/session.mcap
  rtgraph bag verify session/session.mcap
"""
run = perform


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``rtgraph bag`` to its parser."""
    parser.description = "Inspect, play and verify recordings, and convert them to other formats."
    parser.epilog = EXAMPLE
    add_actions(parser, __name__, ACTIONS)

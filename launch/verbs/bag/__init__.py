"""``rtgraph bag``: recordings. One module per action, imported only for that action or its help."""

from __future__ import annotations

import argparse
import importlib

ACTIONS = {
    "info": "say what is in a recording",
    "play": "publish what was recorded, for whoever listens",
    "ctl": "steer a player: pause, resume, step, seek, rate",
    "record": "record a graph that is running",
    "keep": "have a ring-buffer recorder write what it holds",
    "recover": "make a whole recording of a damaged one",
    "verify": "run nodes again on a recording, and compare every byte",
    "graph": "draw the graph that made a recording",
    "export": "turn a recording into what other tools read",
}
"""Each action and its summary."""

EXAMPLE = """\
examples:
  rtgraph launch boxing --duration 10 --record --out session
  rtgraph bag info session/session.mcap
  rtgraph bag verify session/session.mcap
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    parser.description = "Look into recordings, play them, verify them, and turn them into other formats."
    parser.epilog = EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, description in ACTIONS.items():
        module = importlib.import_module(f"{__name__}.{name}")
        action = actions.add_parser(
            name,
            help=description,
            description=(module.__doc__ or "").partition(": ")[2].strip(),
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(action)
        action.set_defaults(perform=module.run)


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    code: int = args.perform(args)
    return code

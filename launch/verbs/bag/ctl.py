"""``rtgraph bag ctl``: Control a running player: pause, resume, step, seek, rate."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.typed import above_zero, count, from_start

EXAMPLE = """\
examples:
  rtgraph bag ctl pause
  rtgraph bag ctl step 3
  rtgraph bag ctl step --ticks 1
  rtgraph bag ctl seek 12.5
  rtgraph bag ctl rate 0.5
  rtgraph bag ctl resume
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag ctl`` to its parser."""
    from rtgraph.launch.introspection.commands.options import add_session  # noqa: PLC0415

    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_text in (("pause", "pause the player"), ("resume", "resume playing")):
        add_session(commands.add_parser(name, help=help_text))
    step = commands.add_parser("step", help="play a few messages or ticks of the plant, then pause")
    step.add_argument("messages", type=count, nargs="?", metavar="N", help="number of messages (default: 1)")
    step.add_argument("--ticks", type=count, metavar="N", help="number of ticks of the plant")
    seek = commands.add_parser("seek", help="go to a time in the recording")
    seek.add_argument("seconds", type=from_start, metavar="S", help="seconds from the start of the recording")
    rate = commands.add_parser("rate", help="set the speed")
    rate.add_argument(
        "rate", type=above_zero, metavar="X", help="speed relative to the recording; 1: original speed"
    )
    for command in (step, seek, rate):
        add_session(command)


def run(args: argparse.Namespace) -> int:
    """Send a command, such as pause or seek, to the node that plays a recording in a running graph."""
    from rtgraph.launch.bags.player_console import control_player  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415
    from rtgraph.msgs.session import PlayControl  # noqa: PLC0415

    match args.command:
        case "pause":
            control = PlayControl(pause=True)
        case "resume":
            control = PlayControl(pause=False)
        case "step":
            if args.messages and args.ticks:
                raise GraphError("both a number of messages and --ticks are given", hint="give one of them")
            control = PlayControl(ticks=args.ticks) if args.ticks else PlayControl(step=args.messages or 1)
        case "seek":
            control = PlayControl(seek_s=args.seconds)
        case _:
            control = PlayControl(rate=args.rate)
    control_player(args.session, control)
    return 0

"""``rtgraph bag play``: Publish a recording for subscribers: `rtgraph topic echo`, a recorder, a graph.

In a terminal: space pauses and resumes, → plays one message, ↓ one tick of the plant, + and - change the rate,
the comma key goes back five seconds, the dot key goes forward five seconds, q ends it. From elsewhere: `rtgraph bag ctl`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.console.typed import above_zero
from rtgraph.launch.verbs.bag.options import add_recording, add_span

EXAMPLE = """\
examples:
  rtgraph bag play session/session.mcap
  rtgraph bag play session/session.mcap --rate 0.5 --start 3 --duration 10 --loop
  rtgraph bag play session/session.mcap --topics observation 'applied*' --remap observation=camera
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag play`` to its parser."""
    add_recording(parser)
    parser.add_argument(
        "--rate",
        type=above_zero,
        default=1.0,
        metavar="X",
        help="speed relative to the recording (default: 1)",
    )
    add_span(parser, "play")
    parser.add_argument("--loop", action="store_true", help="play repeatedly")
    parser.add_argument("--paused", action="store_true", help="start paused")
    parser.add_argument(
        "--topics", action="extend", nargs="+", default=[], metavar="GLOB", help="play only these topics"
    )
    parser.add_argument(
        "--exclude", action="extend", nargs="+", default=[], metavar="GLOB", help="leave out these topics"
    )
    parser.add_argument(
        "--remap",
        action="extend",
        nargs="+",
        default=[],
        metavar="OLD=NEW",
        help="publish a topic under another name",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the session folder of the player")


def run(args: argparse.Namespace) -> int:
    """Launch a player node that publishes the recording, and return the launch's exit code."""
    from rtgraph.launch.bags.player_console import play, player_plan  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.verbs.bag.opening import opened, start_in  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    remap: dict[str, str] = {}
    for text in args.remap:
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise GraphError(f"--remap {text!r} is not OLD=NEW", hint="such as --remap action=old_action")
        remap[old] = new
    bag = opened(args.file, check=True)
    start_in(bag, args.start)
    plan = player_plan(
        bag,
        rate=args.rate,
        start_s=args.start,
        duration_s=args.duration,
        loop=args.loop,
        paused=args.paused,
        topics=args.topics or ["*"],
        exclude=args.exclude,
        remap=remap,
    )
    return play(plan, bag, args.out)

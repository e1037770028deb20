"""``rtgraph bag record``: Record a graph that is running already. It is one more subscriber: nobody waits for it.

Ctrl-C ends it. Exit code 3: something did not reach it (in `bag info`, how much of what). A graph that is to record
itself from its first message on, without any loss, is launched with --record.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.console.typed import above_zero

EXAMPLE = """\
examples:
  rtgraph bag record --duration 10
  rtgraph bag record --topics observation applied --out look.mcap
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action's arguments."""
    from rtgraph.launch.introspection.commands.arguments import add_session  # noqa: PLC0415

    parser.add_argument("--topics", nargs="+", default=["*"], metavar="GLOB", help="only these topics")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="GLOB", help="not these topics")
    parser.add_argument("--duration", type=above_zero, metavar="S", help="end after so many seconds")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (default: NAME-DATE-TIME.mcap)")
    add_session(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Record."""
    from rtgraph.launch.bags.attach_recorder import record  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    return record(
        pick(args.session),
        args.out,
        topics=args.topics,
        exclude=args.exclude,
        duration_s=args.duration,
        as_json=args.json,
    )

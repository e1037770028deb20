"""``rtgraph top``: a continuously updated table of a running graph's nodes."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.typed import count
from rtgraph.launch.introspection.commands.options import add_session

EXAMPLE = """\
examples:
  rtgraph top
  rtgraph top --sort cpu
  rtgraph top --once --json

IN and OUT are messages per second over the last two seconds; LOST and OVERWR count since the node started; QUEUE is
the number of unread messages; AGE is the age of the newest message at any input; RSS includes memory shared with
other nodes.
"""
COLUMNS = ("node", "cpu", "rss", "in", "out", "lost", "overwr", "queue", "age")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph top`` to its parser."""
    parser.description = "Watch the nodes of a running graph. q or Ctrl-C quits; the graph continues."
    parser.epilog = EXAMPLE
    add_session(parser)
    parser.add_argument(
        "--sort", choices=COLUMNS, help="sort by this column, largest first (default: order in the graph)"
    )
    parser.add_argument("--once", action="store_true", help="print the table once")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per update")
    parser.add_argument("--count", type=count, metavar="N", help="end after N updates")


def run(args: argparse.Namespace) -> int:
    """Show the table of nodes until the user presses q or Ctrl-C, the launch ends, or the wanted number of updates is shown."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.introspection.commands.watching import watch  # noqa: PLC0415
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    return watch(pick(args.session), sort=args.sort, times=1 if args.once else args.count, as_json=args.json)

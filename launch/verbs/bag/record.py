"""``rtgraph bag record``: Record a running graph, as one more subscriber that no node waits for.

Ctrl-C ends the recording. Exit code 3: some messages did not reach it (`rtgraph bag info` shows how many of each topic). To
record a graph from its first message and without loss, launch it with --record.
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
    """Add the arguments of ``rtgraph bag record`` to its parser."""
    from rtgraph.launch.introspection.commands.options import add_session  # noqa: PLC0415

    parser.add_argument(
        "--topics", action="extend", nargs="+", default=[], metavar="GLOB", help="record only these topics"
    )
    parser.add_argument(
        "--exclude", action="extend", nargs="+", default=[], metavar="GLOB", help="leave out these topics"
    )
    parser.add_argument("--duration", type=above_zero, metavar="S", help="end after S seconds")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (default: NAME-DATE-TIME.mcap)")
    add_session(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Record the running graph, and return the exit code."""
    from rtgraph.launch.bags.attach_recorder import record  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    return record(
        pick(args.session),
        args.out,
        topics=args.topics or ["*"],
        exclude=args.exclude,
        duration_s=args.duration,
        as_json=args.json,
    )

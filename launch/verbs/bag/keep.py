"""``rtgraph bag keep``: Make a ring-buffer recorder write the last seconds, which it keeps in memory, to a file."""

from __future__ import annotations

import argparse

EXAMPLE = """\
examples:
  rtgraph launch boxing --recorder keep_s=60
  rtgraph bag keep --reason "the arm jerked"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag keep`` to its parser."""
    from rtgraph.launch.introspection.commands.options import add_session  # noqa: PLC0415

    parser.add_argument("--reason", default="", metavar="TEXT", help="a reason, stored in the file")
    add_session(parser)


def run(args: argparse.Namespace) -> int:
    """Make a recorder node of a running graph write its ring buffer, which holds the last seconds, to a file."""
    from rtgraph.launch.bags.player_console import send_message  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.session import KeepRecording  # noqa: PLC0415

    send_message(args.session, "keep_recording", KeepRecording(reason=args.reason), "recorder")
    return 0

"""Command-line arguments of all verbs that inspect running graphs."""

from __future__ import annotations

import argparse


def add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help_text: str, example: str
) -> argparse.ArgumentParser:
    """Add an action of a verb, such as ``list`` of ``rtgraph topic``, with an example, ``--session`` and ``--json``."""
    parser = actions.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog=f"example:\n  {example}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_session(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def add_session(parser: argparse.ArgumentParser) -> None:
    """Add ``--session``, which selects one of several running graphs."""
    parser.add_argument(
        "--session",
        metavar="WHICH",
        help="the name, process or session folder of a running graph, if several run",
    )

"""``rtgraph bag recover``: Make a whole recording of a damaged or unfinished one, of all that can be read."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """\
example:
  rtgraph bag recover session/session.mcap --out recovered.mcap
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the action's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an MCAP file")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the new file (default: NAME-recovered.mcap)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")

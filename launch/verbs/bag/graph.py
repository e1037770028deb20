"""``rtgraph bag graph``: Draw the graph that made a recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.verbs.bag.options import add_recording

EXAMPLE = """\
examples:
  rtgraph bag graph session/session.mcap
  rtgraph bag graph session/session.mcap --format svg --out graph.svg
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag graph`` to its parser."""
    add_recording(parser)
    parser.add_argument(
        "--format", choices=("mermaid", "svg", "dot"), help="default: the suffix of --out, or mermaid"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to this file instead of stdout")


def run(args: argparse.Namespace) -> int:
    """Draw the recorded graph, and print or write the picture."""
    from rtgraph.graphs import Plan  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.verbs.bag.opening import opened  # noqa: PLC0415
    from rtgraph.launch.verbs.files.graph import draw  # noqa: PLC0415

    bag = opened(args.file)
    plan = bag.plan("only what `rtgraph launch` recorded has one")
    return draw(Plan.from_yaml(plan), args.format, args.out)

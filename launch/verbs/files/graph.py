"""``rtgraph graph``: draws a graph."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.file_options import add_file, load
from rtgraph.launch.introspection.commands.options import add_session

if TYPE_CHECKING:
    from rtgraph.graphs import Plan
    from rtgraph.graphs.drawing.text import Notes

EXAMPLE = """\
examples:
  rtgraph graph boxing workers=6 --format svg --out boxing.svg
  rtgraph graph --live --out now.svg
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph graph`` to its parser."""
    parser.description = (
        "Draw the graph of a launch or graph file, or with --live a running graph. Replicas share one box."
    )
    parser.epilog = EXAMPLE
    add_file(parser, optional=True)
    parser.add_argument(
        "--live", action="store_true", help="draw a running graph, with rates and losses on its edges"
    )
    add_session(parser)
    parser.add_argument(
        "--format", choices=("mermaid", "svg", "dot"), help="default: the suffix of --out, or mermaid"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to this file instead of stdout")


def run(args: argparse.Namespace) -> int:
    """Draw the graph, and print or write the picture."""
    plan, notes = _live(args) if args.live else (_loaded(args), None)
    return draw(plan, args.format, args.out, notes)


def draw(plan: Plan, wanted: str | None, out: Path | None, notes: Notes | None = None) -> int:
    """Draw a graph, and print or write the picture.

    Args:
        plan: the resolved launch file of the graph.
        wanted: the format: mermaid, svg or dot. None to choose it by the suffix of ``out``; without a known suffix, mermaid.
        out: file to write; None to print.
        notes: texts to add to edges, such as their message rates; None for no texts.

    Raises:
        LaunchError: the file cannot be written.
    """
    from rtgraph.graphs import dot, mermaid, svg  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.atomic import write_atomically  # noqa: PLC0415
    from rtgraph.msgs.errors import LaunchError  # noqa: PLC0415

    writers = {"mermaid": mermaid, "svg": svg, "dot": dot}
    suffix = out.suffix[1:] if out else ""
    picture = writers[wanted or (suffix if suffix in writers else "mermaid")](plan, notes)
    if out is None:
        print(picture, end="")
        return 0
    write_atomically(out, picture, LaunchError)
    print(f"wrote {out}")
    return 0


def _loaded(args: argparse.Namespace) -> Plan:
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    if args.file is None:
        raise GraphError(
            "no graph is given", file="command line", hint="name a file, or --live for a running one"
        )
    return load(args)


def _live(args: argparse.Namespace) -> tuple[Plan, Notes]:
    from rtgraph.graphs import Plan  # noqa: PLC0415
    from rtgraph.launch.introspection.live import edge_notes, snapshot  # noqa: PLC0415
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    if args.file is not None:
        raise GraphError(
            "both a file and --live are given", file="command line", hint="leave out one of them"
        )
    session = pick(args.session)
    return Plan.from_yaml(session.description.plan), edge_notes(snapshot(session))

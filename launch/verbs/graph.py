"""``rtgraph graph``: a picture of what is wired."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.arguments import add_file, load

EXAMPLE = """\
example:
  rtgraph graph demo.yaml workers=6 --format svg --out demo.svg
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Draw the graph of a launch or graph file: replicas are one box."
    parser.epilog = EXAMPLE
    add_file(parser)
    parser.add_argument(
        "--format", choices=("mermaid", "svg", "dot"), help="mermaid, or what the name of --out ends in"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")


def run(args: argparse.Namespace) -> int:
    """Draw, and print or write the picture."""
    from rtgraph.graphs import dot, mermaid, svg  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.errors import LaunchError  # noqa: PLC0415

    writers = {"mermaid": mermaid, "svg": svg, "dot": dot}
    suffix = args.out.suffix[1:] if args.out else ""
    picture = writers[args.format or (suffix if suffix in writers else "mermaid")](load(args))
    if args.out is None:
        print(picture, end="")
        return 0
    try:
        args.out.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise LaunchError(f"{args.out} cannot be written: {error.strerror}") from error
    print(f"wrote {args.out}")
    return 0

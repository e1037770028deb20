"""``rtgraph plan``: prints a launch file after its includes, arguments and references are resolved."""

from __future__ import annotations

import argparse

from rtgraph.launch.file_options import add_file, load

EXAMPLE = """\
example:
  rtgraph plan boxing workers=6 --world virtual
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph plan`` to its parser."""
    parser.description = "Print the plan of a launch or graph file as YAML. Starts nothing."
    parser.epilog = EXAMPLE
    add_file(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the resolved launch file."""
    from rtgraph.launch.console.streams import is_utf8  # noqa: PLC0415 - so that --help is instant

    written = load(args).to_json if args.json else load(args).to_yaml
    print(written(ascii_only=not is_utf8()), end="")
    return 0

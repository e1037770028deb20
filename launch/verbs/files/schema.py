"""``rtgraph schema``: prints the JSON Schema of launch and graph files."""

from __future__ import annotations

import argparse
import json

EXAMPLE = """\
examples:
  rtgraph schema > launch.schema.json
  rtgraph schema graph > graph.schema.json

An editor with a YAML language server completes and checks a file that begins with:
  # yaml-language-server: $schema=launch.schema.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph schema`` to its parser."""
    parser.description = "Print the JSON Schema (draft 2020-12) of launch files or graph files, for editors."
    parser.epilog = EXAMPLE
    parser.add_argument(
        "kind",
        nargs="?",
        choices=("launch", "graph"),
        default="launch",
        help="kind of file (default: launch)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    from rtgraph.graphs import graph_schema, launch_schema  # noqa: PLC0415 - so that --help is instant

    print(json.dumps(launch_schema() if args.kind == "launch" else graph_schema(), indent=2))
    return 0

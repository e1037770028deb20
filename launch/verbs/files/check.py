"""``rtgraph check``: checks a launch file."""

from __future__ import annotations

import argparse
import json

from rtgraph.launch.preparing import add_launch, prepared

EXAMPLE = """\
example:
  rtgraph check boxing workers=6
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph check`` to its parser."""
    parser.description = (
        "Run all checks that `rtgraph launch` makes before it starts, with the same options. Starts nothing."
    )
    parser.epilog = EXAMPLE
    add_launch(parser)
    parser.add_argument("--json", action="store_true", help="print the counts or the errors as JSON")


def run(args: argparse.Namespace) -> int:
    """Check the file, print one line about its graph, and return the exit code. With ``--json``, the line, or the error, is JSON."""
    from rtgraph.msgs.errors import GraphError, RtgraphError  # noqa: PLC0415 - so that --help is instant

    try:
        plan = prepared(args).plan
    except RtgraphError as error:
        if not args.json:
            raise
        print(json.dumps({"error": error.as_json()}))
        return 2 if isinstance(error, GraphError) else 1
    counts = {
        "nodes": len(plan.nodes),
        "topics": len({topic for node in plan.nodes for topic in node.outputs.values()}),
        "edges": sum(len(source.publishers) for node in plan.nodes for source in node.inputs.values()),
        "networks": len(plan.weights),
        "faults": len(plan.faults),
        "delays": len(plan.delays),
    }
    if args.json:
        print(json.dumps({"name": plan.name, "world": plan.world, "seed": plan.seed, **counts}))
    else:
        counted = ", ".join(
            f"{count} {name if count != 1 else name[:-1]}" for name, count in counts.items() if count
        )
        print(f"OK {plan.name}: {counted}; {plan.world} world, seed {plan.seed}")
    return 0

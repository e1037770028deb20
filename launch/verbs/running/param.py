"""``rtgraph param``: the parameters of running nodes."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.typed import key_value
from rtgraph.launch.introspection.commands.options import add_action

EXAMPLE = """\
examples:
  rtgraph param list --changeable
  rtgraph param get worker/0 policy.epsilon
  rtgraph param set 'worker/*' policy.epsilon=0.2
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph param`` to its parser."""
    parser.description = (
        "List, read and change the parameters of running nodes. A node declares which ones are changeable."
    )
    parser.epilog = EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_action(actions, "list", "list parameters", "rtgraph param list 'worker/*' --changeable")
    listing.add_argument(
        "nodes", metavar="NODES", nargs="?", default="*", help="a node, or a pattern (default: all)"
    )
    listing.add_argument("--changeable", action="store_true", help="list only changeable parameters")
    get = add_action(actions, "get", "print parameters", "rtgraph param get worker/0 policy.epsilon")
    get.add_argument("nodes", metavar="NODES", help="a node, or a pattern such as 'worker/*'")
    get.add_argument("keys", metavar="KEY", nargs="+", help="a parameter, by dotted path")
    change = add_action(
        actions, "set", "change parameters", "rtgraph param set 'worker/*' policy.epsilon=0.2"
    )
    change.add_argument("nodes", metavar="NODES", help="a node, or a pattern such as 'worker/*'")
    change.add_argument(
        "changes",
        metavar="KEY=VALUE",
        nargs="+",
        type=key_value,
        help="values, parsed as the declared types",
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action of ``rtgraph param``, and return the exit code."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.introspection.commands import params  # noqa: PLC0415
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    session = pick(args.session)
    if args.action == "list":
        return params.print_list(session, args.nodes, changeable_only=args.changeable, as_json=args.json)
    if args.action == "get":
        return params.print_values(session, args.nodes, args.keys, as_json=args.json)
    return params.change(session, args.nodes, args.changes, as_json=args.json)

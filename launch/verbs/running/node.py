"""``rtgraph node``: the node classes for graph files, and the nodes of a running graph."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtgraph.launch.introspection.commands.options import add_session

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLE = """\
examples:
  rtgraph node list
  rtgraph node info rtgraph.nodes.inference:Worker
  rtgraph node list --live
  rtgraph node info worker/0
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph node`` to its parser."""
    parser.description = (
        "List the node classes of rtgraph and of installed packages, or describe one: its params and ports. "
        "Or list the nodes of a running graph, or show the state of one node."
    )
    parser.epilog = EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="list node classes, or running nodes", epilog="example:\n  rtgraph node list --live\n"
    )
    listing.add_argument("--live", action="store_true", help="list the nodes of a running graph")
    info = actions.add_parser(
        "info",
        help="describe a class, or a running node",
        epilog="examples:\n  rtgraph node info Worker\n  rtgraph node info worker/0\n",
    )
    info.add_argument(
        "what",
        metavar="CLASS|NODE",
        help="package.module:Class, or Class alone if `node list` shows it; or the name of a running node",
    )
    for action in (listing, info):
        action.formatter_class = argparse.RawDescriptionHelpFormatter
        add_session(action)
        action.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print a list of node classes, a list of running nodes, or the description of one of them."""
    if args.action == "list":
        return _list_running(args) if args.live or args.session else _list(as_json=args.json)
    # A node's name begins with a small letter, a class name with a capital.
    if ":" in args.what or args.what[:1].isupper():
        return _info(args.what, as_json=args.json)
    return _info_running(args)


def _list_running(args: argparse.Namespace) -> int:
    from rtgraph.launch.introspection.commands.nodes import print_list  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    return print_list(pick(args.session), as_json=args.json)


def _info_running(args: argparse.Namespace) -> int:
    from rtgraph.launch.introspection.commands.nodes import print_info  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    return print_info(pick(args.session), args.what, as_json=args.json)


def _list(*, as_json: bool) -> int:
    from rtgraph.launch.catalog import described, node_classes  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415

    found = node_classes()
    rows: list[dict[str, Any]] = [
        {"name": item.name, "from": item.origin}
        | (
            described(item.path, item.node_type)
            if item.node_type
            else {"class": item.path, "problem": item.problem}
        )
        for item in found
    ]
    if as_json:
        print_json(rows)
        return 0
    shown = table("class", "what it is", "from")
    # One line each, whatever the width: `node info` shows the rest.
    for column in shown.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    shown.columns[0].min_width = max((len(one["class"]) for one in rows), default=0)
    for one in rows:
        what = f"not here: {one['problem']}" if "problem" in one else one["description"]
        row(shown, one["class"], what.partition("\n")[0], one["from"])
    console().print(shown)
    return 0


def _info(node_class: str, *, as_json: bool) -> int:
    from rtgraph.launch.catalog import described  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415
    from rtgraph.nodes.runtime import load_class  # noqa: PLC0415

    path = node_class if ":" in node_class else _path(node_class)
    description = described(path, load_class(path))
    if as_json:
        print_json(description)
        return 0
    out = console()
    out.print(f"[bold]{path}[/bold]{'  (a plant)' if description['plant'] else ''}", highlight=False)
    out.print(f"\n{_prose(description['description'])}\n", markup=False, highlight=False)
    params = table("param", "type", "default", "")
    _add_params(params, description["params"])
    ports = table("port", "direction", "message", "policy", "")
    for port in description["inputs"]:
        flags = ", ".join(flag for flag in ("many", "optional", "keyed") if port[flag])
        row(ports, port["name"], "input", port["message"], port["policy"], flags)
    for port in description["outputs"]:
        row(ports, port["name"], "output", port["message"], "", "keyed" if port["keyed"] else "")
    for made in (params, ports):
        if made.row_count:
            out.print(made)
    for line in _changeable(description):
        out.print(line, markup=False, highlight=False)
    return 0


def _changeable(description: dict[str, Any]) -> list[str]:
    return (
        [f"changeable while it runs: {', '.join(description['changeable'])}"]
        if description["changeable"]
        else []
    )


def _prose(docstring: str) -> str:
    return docstring.replace("``", "`")


def _path(name: str) -> str:
    from rtgraph.launch.catalog import node_classes  # noqa: PLC0415
    from rtgraph.msgs.errors import LaunchError  # noqa: PLC0415
    from rtgraph.msgs.typed.nearest import nearest  # noqa: PLC0415

    paths = {item.name: item.path for item in node_classes()}
    if name not in paths:
        raise LaunchError(f"there is no node class {name!r}", hint=nearest(name, paths))
    return paths[name]


def _add_params(shown: Table, params: Sequence[dict[str, Any]], indent: str = "") -> None:
    """For each param of a node class, add a row to the table.

    If a param accepts one of several kinds of value, the kinds and their params follow below it.
    """
    from rtgraph.launch.console.tables import row  # noqa: PLC0415 - so that --help is instant

    for param in params:
        default = "required" if param["required"] else _shown(param.get("default"))
        kinds = param.get("kinds", ())
        row(
            shown,
            indent + param["name"],
            "one of:" if kinds else param["type"],
            default,
            _prose(" ".join(param["description"].split())),
        )
        for kind in kinds:
            row(
                shown,
                f"{indent}  kind: {kind['kind']}",
                "",
                "",
                _prose(kind["description"].partition("\n")[0]),
            )
            _add_params(shown, kind["params"], indent + "    ")


def _shown(value: object) -> str:
    import json  # noqa: PLC0415

    return json.dumps(value, ensure_ascii=False)

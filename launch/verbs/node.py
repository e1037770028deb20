"""``rtgraph node``: the classes that a graph file can name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

EXAMPLE = """\
examples:
  rtgraph node list
  rtgraph node info rtgraph.nodes.inference.worker:Worker
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = (
        "List the node classes that come with rtgraph, or describe one: its params and ports."
    )
    parser.epilog = EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list node classes")
    info = actions.add_parser("info", help="describe one class")
    info.add_argument(
        "node_class", metavar="CLASS", help="package.module:Class, or just Class for one of rtgraph's"
    )
    for action in (listing, info):
        action.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the list, or the description."""
    return _list(as_json=args.json) if args.action == "list" else _info(args.node_class, as_json=args.json)


def _list(*, as_json: bool) -> int:
    from rtgraph.launch.catalog import described, node_classes  # noqa: PLC0415 - so that --help is instant

    found = node_classes()
    rows: list[dict[str, Any]] = [
        described(item.path, item.node_type)
        if item.node_type
        else {"class": item.path, "problem": item.problem}
        for item in found
    ]
    if as_json:
        _print_json(rows)
        return 0
    console = _console()
    table = _table("class", "what it is", "params", "inputs", "outputs")
    for row in rows:
        if "problem" in row:
            table.add_row(row["class"], f"not here: {row['problem']}", "", "", "")
            continue
        table.add_row(
            row["class"],
            row["description"].partition("\n")[0],
            "\n".join(_param(param) for param in row["params"]),
            "\n".join(f"{port['name']}: {port['message']} {port['policy']}" for port in row["inputs"]),
            "\n".join(f"{port['name']}: {port['message']}" for port in row["outputs"]),
        )
    console.print(table)
    return 0


def _info(node_class: str, *, as_json: bool) -> int:
    from rtgraph.launch.catalog import described  # noqa: PLC0415 - so that --help is instant
    from rtgraph.nodes.runtime import load_class  # noqa: PLC0415

    path = node_class if ":" in node_class else _path(node_class)
    row = described(path, load_class(path))
    if as_json:
        _print_json(row)
        return 0
    console = _console()
    console.print(f"[bold]{path}[/bold]{'  (a plant)' if row['plant'] else ''}", highlight=False)
    console.print(f"\n{row['description']}\n", markup=False, highlight=False)
    params = _table("param", "type", "default", "")
    for param in row["params"]:
        default = "required" if param["required"] else _shown(param.get("default"))
        params.add_row(param["name"], param["type"], default, param["description"])
    ports = _table("port", "direction", "message", "policy", "")
    for port in row["inputs"]:
        flags = ", ".join(flag for flag in ("many", "optional", "keyed") if port[flag])
        ports.add_row(port["name"], "input", port["message"], port["policy"], flags)
    for port in row["outputs"]:
        ports.add_row(port["name"], "output", port["message"], "", "keyed" if port["keyed"] else "")
    for table in (params, ports):
        if table.row_count:
            console.print(table)
    return 0


def _path(name: str) -> str:
    from rtgraph.graphs.names import nearest  # noqa: PLC0415
    from rtgraph.launch.catalog import node_classes  # noqa: PLC0415
    from rtgraph.msgs.errors import LaunchError  # noqa: PLC0415

    paths = {item.path.partition(":")[2]: item.path for item in node_classes()}
    if name not in paths:
        raise LaunchError(f"there is no node class {name!r}", hint=nearest(name, paths))
    return paths[name]


def _param(param: dict[str, Any]) -> str:
    return f"{param['name']}: {param['type']}" + (
        "" if param["required"] else f" = {_shown(param.get('default'))}"
    )


def _shown(value: object) -> str:
    import json  # noqa: PLC0415

    return json.dumps(value, ensure_ascii=False)


def _print_json(value: object) -> None:
    import json  # noqa: PLC0415

    print(json.dumps(value, indent=2, ensure_ascii=False))


def _console() -> Console:
    import sys  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    # Where nobody looks at a terminal there is no width to keep to.
    return Console(width=None if sys.stdout.isatty() else 200, markup=True)


def _table(*columns: str) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table

"""``rtgraph param``: lists and changes the parameters of running nodes."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from rtgraph.launch.console.printing import print_json
from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.sessions import COMMAND_LINE, LiveSession
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.introspection import AskParams, NodeParams, ParamsAnswer, ParamsSet, SetParams
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.typed.text import readable

LONGEST = 60


def print_list(session: LiveSession, nodes: str, *, changeable_only: bool, as_json: bool) -> int:
    """Print the parameters of nodes: in a table, or with ``as_json`` as JSON.

    In the table, nodes of the same class with equal parameters share one entry.
    """
    found = _ask(session, nodes)
    if as_json:
        print_json(
            [
                {
                    "node": one.node,
                    "class": one.node_class,
                    "params": _paths(one, changeable_only=True) if changeable_only else one.values,
                    "changeable": one.changeable,
                }
                for one in found
            ]
        )
        return 0
    alike: dict[str, list[NodeParams]] = {}
    for one in found:
        alike.setdefault(json.dumps([one.node_class, one.values], sort_keys=True), []).append(one)
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415 - only to print a table

    shown = table("node", "parameter", "value", "")
    for group in alike.values():
        first, last = group[0], group[-1]
        name = first.node if first is last else f"{first.node} … {last.node} ({len(group)})"
        for path, value in _paths(first, changeable_only=changeable_only).items():
            row(shown, name, path, _shown(value), "changeable" if path in first.changeable else "")
            name = ""
    if shown.row_count:
        console().print(shown)
    else:
        print("nothing can be changed" if changeable_only else "no parameters")
    return 0


def print_values(session: LiveSession, nodes: str, keys: Sequence[str], *, as_json: bool) -> int:
    """Print parameters with node, name and value. Of a single parameter of a single node, print only the value."""
    found = {}
    for one in _ask(session, nodes):
        known = _paths(one) | _branches(one.values)
        for key in keys:
            if key not in known:
                raise GraphError(
                    f"{one.node} has no parameter {key!r}", file=COMMAND_LINE, hint=nearest(key, known)
                )
        found[one.node] = {key: known[key] for key in keys}
    if as_json:
        print_json(found)
    elif len(found) == len(keys) == 1:
        print(_text(next(iter(found.values()))[keys[0]]))
    else:
        for node, values in found.items():
            for key, value in values.items():
                print(f"{node} {key} {_text(value)}")
    return 0


def change(session: LiveSession, nodes: str, changes: Sequence[tuple[str, str]], *, as_json: bool) -> int:
    """Change parameters of nodes, and print the resulting values.

    Values are sent as text. The launcher parses each as the type that the node declares.

    Returns:
        The exit code: 0, or 1 if a node refused the change, ended, or did not answer in time.

    Raises:
        GraphError: a parameter is unknown or read-only, or a value is wrong; nothing was changed.
    """
    values = dict(changes)
    if len(values) < len(changes):
        [(twice, _)] = Counter(key for key, _ in changes).most_common(1)
        raise GraphError(f"the parameter {twice!r} is given twice", file=COMMAND_LINE)
    for text in values.values():
        try:
            readable(text)
        except ValueError as error:
            raise GraphError(str(error), file=COMMAND_LINE) from error
    with Client(session) as client:
        answer = client.ask(SetParams(nodes=nodes, values=values), ParamsSet)
    if as_json:
        print_json({"values": answer.values, "problems": answer.problems})
    else:
        for node, in_force in sorted(answer.values.items()):
            for key, value in in_force.items():
                print(f"{node} {key} {_text(value)}")
        for node, problem in sorted(answer.problems.items()):
            print(f"error: {node} {problem}", file=sys.stderr)
    return 1 if answer.problems else 0


def _ask(session: LiveSession, nodes: str) -> list[NodeParams]:
    with Client(session) as client:
        return client.ask(AskParams(nodes=nodes), ParamsAnswer).nodes


def _paths(one: NodeParams, *, changeable_only: bool = False) -> dict[str, object]:
    leaves = _leaves(one.values)
    return (
        {path: value for path, value in leaves.items() if path in one.changeable}
        if changeable_only
        else leaves
    )


def _leaves(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= _leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _branches(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found[f"{prefix}{key}"] = value
            found |= _branches(value, f"{prefix}{key}.")
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(value: object) -> str:
    text = _text(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

"""Lists the available node classes by reading source: only modules that define one are imported."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rtgraph.nodes.runtime.changeable import changeable_paths
from rtgraph.nodes.runtime.node import Node, port_message
from rtgraph.nodes.runtime.ports import Input

PACKAGE = "rtgraph.nodes"
TAG = "kind"
"""The field that selects one of several models."""


@dataclass(frozen=True)
class Found:
    """A node class, or the reason why its module cannot be imported here."""

    path: str
    node_type: type[Node[Any]] | None
    problem: str = ""


def node_classes(package: str = PACKAGE) -> list[Found]:
    """Return the node classes of a package, by path, without private classes and generic bases."""
    found = []
    for path in _candidates(package):
        module, _, name = path.partition(":")
        try:
            node_type = getattr(importlib.import_module(module), name)
        except ImportError as error:  # an optional dependency is not installed
            found.append(Found(path, None, str(error)))
            continue
        if issubclass(node_type, Node) and not node_type.__parameters__:
            found.append(Found(path, node_type))
    return found


def described(path: str, node_type: type[Node[Any]]) -> dict[str, Any]:
    """Return the description of a node class, as JSON values."""
    return {
        "class": path,
        "description": inspect.cleandoc(node_type.__doc__ or ""),
        "plant": hasattr(node_type, "spec"),
        "params": _params(node_type.params_type),
        "changeable": changeable_paths(node_type.params_type),
        "inputs": [_input(name, port) for name, port in node_type.input_ports.items()],
        "outputs": [
            {"name": name, "message": port_message(port).__name__, "keyed": port.keyed}
            for name, port in node_type.output_ports.items()
        ],
    }


def _input(name: str, port: Input[Any]) -> dict[str, Any]:
    flags = {flag: getattr(port, flag) for flag in ("many", "optional", "keyed")}
    return {"name": name, "message": port_message(port).__name__, "policy": str(port.policy), **flags}


def _params(model: type[BaseModel], *, without: str = "") -> list[dict[str, Any]]:
    rows = []
    for name, field in model.model_fields.items():
        if name == without:
            continue
        kinds = _kinds(field.annotation)
        row: dict[str, Any] = {
            "name": field.alias or name,
            "type": " | ".join(kinds) if kinds else _type(field.annotation),
            "required": field.is_required(),
            "description": field.description or "",
        }
        if kinds:
            row["kinds"] = [
                {
                    "kind": kind,
                    "description": inspect.cleandoc(member.__doc__ or ""),
                    "params": _params(member, without=TAG),
                }
                for kind, member in kinds.items()
            ]
        default = field.get_default(call_default_factory=True, validated_data={})
        if default is not PydanticUndefined:
            row["default"] = (
                default.model_dump(mode="json") if isinstance(default, BaseModel) else _plain(default)
            )
        rows.append(row)
    return rows


def _kinds(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the models that a param accepts, by their ``kind``; empty if the param takes no such model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        tag = annotation.model_fields.get(TAG)
        return {str(get_args(tag.annotation)[0]): annotation} if tag and get_args(tag.annotation) else {}
    found: dict[str, type[BaseModel]] = {}
    for inner in get_args(annotation):
        found |= _kinds(inner)
    return found


def _type(annotation: Any) -> str:
    """Return a type in short notation: without modules, bounds and runtime-only annotations."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " | ".join(map(_type, inner))
    if origin is not None and inner:
        return f"{_type(origin)}[{', '.join(map(_type, inner))}]"
    names = {type(None): "None", Ellipsis: "..."}
    return names[annotation] if annotation in names else str(getattr(annotation, "__name__", annotation))


def _plain(value: object) -> object:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (bool, int, float, str, dict, type(None))) else str(value)


def _candidates(package: str) -> list[str]:
    """Return the paths of classes that derive from ``Node``, by name, directly or through other candidates."""
    spec = importlib.util.find_spec(package)
    classes: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).rglob("*.py")):
            module = ".".join([package, *path.relative_to(folder).with_suffix("").parts]).removesuffix(
                ".__init__"
            )
            for name, bases in _class_bases(path):
                classes.setdefault(name, []).append((module, bases))
    nodes = _derived(classes)
    return sorted(
        f"{module}:{name}"
        for name in nodes - {"Node"}
        for module, _ in classes.get(name, ())
        if not name.startswith("_")
    )


def _derived(classes: Mapping[str, Sequence[tuple[str, Sequence[str]]]]) -> set[str]:
    nodes = {"Node"}
    while True:
        more = {name for name, found in classes.items() for _, bases in found if nodes & set(bases)}
        if more <= nodes:
            return nodes
        nodes |= more


def _class_bases(path: Path) -> list[tuple[str, list[str]]]:
    """Return the names of a module's top-level classes, with the names of their bases."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (item.name, [_name(base) for base in item.bases])
        for item in tree.body
        if isinstance(item, ast.ClassDef)
    ]


def _name(base: ast.expr) -> str:
    match base:
        case ast.Subscript(value=value):
            return _name(value)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""

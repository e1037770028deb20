"""Lists and describes the node classes that rtgraph and installed packages declare as entry points."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rtgraph.msgs.errors import ExtensionError, LaunchError
from rtgraph.msgs.typed.choices import OneOf
from rtgraph.msgs.wire.field_docs import field_docs
from rtgraph.nodes.extensions import OWN, extensions
from rtgraph.nodes.runtime.interface.changeable import changeable_paths
from rtgraph.nodes.runtime.interface.node import Node, port_message
from rtgraph.nodes.runtime.interface.ports import Input

GROUP = "rtgraph.nodes"
"""Entry point group. The name of an entry is the name of a node class; the value is the import path of the class."""
TAG = "kind"
"""The field that says which of several pydantic models a parameter holds (pydantic's discriminator)."""


@dataclass(frozen=True)
class NodeClassEntry:
    """A node class, or the reason why the class cannot be imported here.

    ``origin`` is the installed package that declares the class, with the package's version.
    """

    name: str
    path: str
    origin: str
    node_type: type[Node[Any]] | None
    problem: str = ""


def node_classes() -> list[NodeClassEntry]:
    """Return the node classes of rtgraph and of installed packages, sorted by path.

    If a class cannot be imported here, its entry holds the reason, for example a missing optional package.

    Raises:
        LaunchError: rtgraph itself has no entry points, as after an update of an editable installation.
    """
    found: list[NodeClassEntry] = []
    listed = extensions(GROUP)
    if not any(extension.distribution == OWN for extension in listed.values()):
        raise LaunchError(
            "the installation of rtgraph lacks its list of node classes (entry points)",
            hint="install it again: pip install --editable .",
        )
    for name, extension in listed.items():
        try:
            node_type = extension.load()
            if not (isinstance(node_type, type) and issubclass(node_type, Node)):
                raise extension.error("this is not a node class (a subclass of Node)")
        except ExtensionError as error:
            found.append(NodeClassEntry(name, extension.target, extension.origin, None, error.problem))
        else:
            found.append(NodeClassEntry(name, extension.target, extension.origin, node_type))
    return sorted(found, key=lambda item: item.path)


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
    rows, docs = [], field_docs(model)
    for name, field in model.model_fields.items():
        if name == without:
            continue
        kinds = _kinds(field.annotation)
        row: dict[str, Any] = {
            "name": field.alias or name,
            "type": " | ".join(kinds or _names(field)) or _type(field.annotation),
            "required": field.is_required(),
            "description": docs.get(name, ""),
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


def _names(field: FieldInfo) -> Sequence[str]:
    """Return the allowed values of a parameter that is a choice among names, such as algorithms; empty for other parameters."""
    return next((one.names() for one in field.metadata if isinstance(one, OneOf)), ())


def _kinds(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return the pydantic models that a parameter accepts, a dict by their ``kind``; empty if the parameter takes no such model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        tag = annotation.model_fields.get(TAG)
        return {str(get_args(tag.annotation)[0]): annotation} if tag and get_args(tag.annotation) else {}
    found: dict[str, type[BaseModel]] = {}
    for inner in get_args(annotation):
        found |= _kinds(inner)
    return found


def _type(annotation: Any) -> str:
    """Return the text of a type, without module names and without the bounds and other additions of ``Annotated``."""
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

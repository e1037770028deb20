"""Load node classes by their class paths, and validate their parameters."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeGuard

from pydantic import TypeAdapter, ValidationError

from rtgraph.msgs import Message
from rtgraph.msgs.declaration import built
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.strict import complaint, strict
from rtgraph.nodes.runtime.classes.imports import class_at, file_of, module_of, passed_over
from rtgraph.nodes.runtime.classes.sources import normalised
from rtgraph.nodes.runtime.interface.node import Node, Params
from rtgraph.nodes.runtime.interface.ports import Output

_stand_ins: dict[str, type[Node[Any]]] = {}


def stand_in(classes: Mapping[str, type[Node[Any]]]) -> None:
    """Make ``load_class`` return these classes for these class paths, in place of classes that only other interpreters have."""
    _stand_ins.clear()
    _stand_ins.update(classes)


def load_class(path: str) -> type[Node[Any]]:
    """Import a node class by its class path, ``package.module:Class``.

    The path ``package.module:Player[package.module:Class]`` gives a player of recordings that replaces nodes of ``Class``.

    Raises:
        NodeError: the module or class does not exist, the import fails, or the class is not a node class.
    """
    if path in _stand_ins:
        return _stand_ins[path]
    path, bracket, inner = path.partition("[")
    if bracket:
        return _standing_in(path, inner.removesuffix("]"))
    module_name, _, class_name = path.partition(":")
    if not module_name or not class_name:
        raise NodeError(f"{path!r} is not a class path", hint="write package.module:Class")
    module = module_of(module_name)
    found = getattr(module, normalised(class_name), None)
    if found is None:
        known = dict.fromkeys([*getattr(module, "__all__", ()), *vars(module)])  # some only on use
        names = [n for n in known if _is_node(getattr(module, n, None)) and getattr(module, n) is not Node]
        raise NodeError(
            f"module {module_name!r} has no class {class_name!r} ({file_of(module)})",
            hint=passed_over(module) or f"its nodes are {', '.join(names) or 'none'}",
        )
    if not _is_node(found):
        raise NodeError(f"{path!r} is not a node class", hint="derive the class from rtgraph.nodes.Node")
    return found


def _is_node(value: object) -> TypeGuard[type[Node[Any]]]:
    return isinstance(value, type) and issubclass(value, Node)


def _standing_in(path: str, other: str) -> type[Node[Any]]:
    """Return a node class that replaces the nodes of another class and plays back their recorded messages.

    Args:
        path: the class path of the player.
        other: the class path of the nodes that are replaced.

    Raises:
        NodeError: ``path`` is not the path of a player of recordings.
    """
    maker = getattr(load_class(path), "standing_in_for", None)
    if maker is None:
        raise NodeError(
            f"{path} takes no class in brackets, because it is not a player of recordings",
            hint="write package.module:Class",
        )
    made: type[Node[Any]] = maker(load_class(other))
    return made


def validated_params(node_type: type[Node[Any]], params: dict[str, Any]) -> Params:
    """Validate the parameters of a node against the model of its class.

    Raises:
        NodeError: a parameter is unknown, missing or invalid. The error names the first such parameter.
    """
    try:
        return strict(TypeAdapter(built(node_type.params_type)), params)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "params"
        problem, hint = complaint(first)
        raise NodeError(f"{node_type.__name__}: {place}: {problem}", hint=hint) from error
    except ValueError as error:
        raise NodeError(f"{node_type.__name__}: {error}") from error


def load_message(path: str) -> type[Message]:
    """Import a message class by its path, ``package.module:Class``.

    Raises:
        NodeError: the module or class does not exist, the import fails, or the class is not a message class for topics.
    """
    found = class_at(path)
    if not issubclass(found, Message):
        raise NodeError(f"{path!r} is not a message class", hint="derive one from rtgraph.msgs.Message")
    if not found.on_topics:
        raise NodeError(
            f"{path!r} is a control message, which the launcher and its nodes exchange without a topic",
            hint="name a class of messages for topics",
        )
    return found


def planned_outputs(path: str, params: dict[str, Any]) -> Mapping[str, Output[Any]]:
    """Return a dict of the outputs, by name, of a node with this class path and these parameters.

    Raises:
        NodeError: the class cannot be loaded. If its outputs depend on the parameters: the parameters are invalid, or
            ``outputs_of`` raises this error.
    """
    node_type = load_class(path)
    if not node_type.has_outputs_of_params():
        return node_type.output_ports
    return node_type.outputs_of(validated_params(node_type, params))


def call_problem(called: type, /, *args: object, **keywords: object) -> str:
    """Return why a class cannot be called with these arguments, as text. Empty if it can, or if its signature is unknown."""
    try:
        inspect.signature(called).bind(*args, **keywords)
    except TypeError as error:
        return str(error)
    except ValueError:  # a class written in C does not report its signature
        return ""
    return ""

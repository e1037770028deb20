"""Checks of what a node class declares. A mistake raises an error when the class is defined, so that a check of a graph finds it."""

from __future__ import annotations

import inspect
import re
from collections import deque
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any, get_origin

import numpy as np

from rtgraph.msgs import Message
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.where import declared_at

LIFECYCLE = {"on_prepare": 0, "on_start": 0, "on_params": 1, "on_stop": 0, "on_failure": 1}
"""The lifecycle methods, and the number of arguments of each besides ``self``."""
_OF_THE_RUNTIME = frozenset(
    [
        "context",
        "params",
        "inputs",
        "outputs",
        "name",
        "now_ns",
        "rng",
        "log",
        "spend",
        "after",
        "at",
        "every",
        "finish",
    ]
)
"""Names of members of every node. A node class must not define them again."""
_ASKED_OF_THE_CLASS = ("spec", "check", "outputs_of")
_PORT_NAME = re.compile("[a-z][a-z0-9_]*")
_MUTABLE = (list, dict, set, bytearray, deque, np.ndarray)


def check_class(cls: type, base: type, port_type: tuple[type, ...], inputs: Iterable[str]) -> None:
    """Check the declarations in the body of a node class.

    Args:
        cls: the class. Its bases are already checked.
        base: the class ``Node``.
        port_type: the classes of ports.
        inputs: the names of the input ports of ``cls``, including inherited ports.

    Raises:
        NodeError: a port, a handler or an attribute is invalid.
    """
    body = dict(vars(cls))
    try:
        _check_annotations(body, port_type)
        for name, value in body.items():
            if isinstance(value, port_type):
                _check_port_name(name, value, base)
            elif name.startswith("on_"):
                _check_handler(name, value, set(inputs))
            else:
                _check_attribute(name, value, body, port_type)
        _check_init(body.get("__init__"))
    except NodeError as error:
        raise NodeError(f"{declared_at()}{cls.__name__}{error.problem}", hint=error.hint) from None


def check_params_type(cls: type, argument: object, params: type) -> None:
    """Check the argument of ``Node[...]``.

    Raises:
        NodeError: the argument is not a subclass of ``Params``.
    """
    if not (isinstance(argument, type) and issubclass(argument, params)):
        shown = argument.__name__ if isinstance(argument, type) else repr(argument)
        raise NodeError(
            f"{declared_at()}{cls.__name__}: {shown} in brackets is not a subclass of Params",
            hint="derive the class in brackets from rtgraph.nodes.Params, which is a pydantic model",
        )


def check_message_type(port: str, message_type: object) -> None:
    """Check the message class of a port.

    Raises:
        NodeError: ``message_type`` is not a message class, or its messages are not for topics.
    """
    shown = message_type.__name__ if isinstance(message_type, type) else f"{message_type!r:.60}"
    if not (isinstance(message_type, type) and issubclass(message_type, Message)):
        instance = isinstance(message_type, Message)
        raise NodeError(
            f"{declared_at()}{port}({shown}): {shown} is not a message class",
            hint=f"write the class {type(message_type).__name__}, not a message of this class"
            if instance
            else "derive one from rtgraph.msgs.Message and annotate its fields",
        )
    if not message_type.on_topics:
        raise NodeError(
            f"{declared_at()}{port}({shown}): {shown} is a control message, which only the launcher and its nodes exchange",
            hint="declare another message class for the port",
        )


def _check_annotations(body: Mapping[str, Any], port_type: tuple[type, ...]) -> None:
    names = tuple(f"{kind.__name__}(" for kind in port_type)
    for name, annotation in body.get("__annotations__", {}).items():
        meant = isinstance(annotation, port_type) or (
            isinstance(annotation, str) and annotation.startswith(names)
        )
        if meant and name not in body:
            raise NodeError(
                f".{name} is an annotation, which declares no port",
                hint=f"write {name} = ..., not {name}: ...",
            )


def _check_port_name(name: str, port: Any, base: type) -> None:
    kind = "output" if type(port).__name__ == "Output" else "input"
    if hasattr(base, name) or name in _OF_THE_RUNTIME:
        raise NodeError(
            f": a port cannot be named {name!r}, which is the name of a member of every node",
            hint=f"rename the {kind}; `remap` in the graph file can map it to any topic",
        )
    if not _PORT_NAME.fullmatch(name):
        raise NodeError(
            f": a port cannot be named {name!r}",
            hint="use lower-case letters, digits and _, and begin with a letter",
        )
    if port.name != name:
        raise NodeError(
            f": {port.name!r} and {name!r} are the same port object",
            hint="call Input(...) or Output(...) once for each port",
        )


def _check_handler(name: str, handler: object, inputs: set[str]) -> None:
    if name not in LIFECYCLE and name[3:] not in inputs:
        raise NodeError(
            f".{name} is named as the handler of an input {name[3:]!r}, which does not exist",
            hint=f"the inputs are {', '.join(sorted(inputs)) or 'none'}; the lifecycle methods are "
            f"{', '.join(LIFECYCLE)}",
        )
    arguments = LIFECYCLE.get(name, 1)
    _check_method(name, handler, arguments, "message" if name[3:] in inputs else "changed")


def _check_method(name: str, method: object, arguments: int, argument: str = "") -> None:
    wanted = f"def {name}(self{f', {argument}' if arguments else ''})"
    if not isinstance(method, FunctionType):
        raise NodeError(f".{name} is a {type(method).__name__}, not a method", hint=f"write {wanted}")
    check_at_one_instant(f".{name}", method)
    if not takes(method, 1 + arguments):
        raise NodeError(
            f".{name}{inspect.signature(method)} does not take the arguments with which the runtime calls it",
            hint=f"write {wanted}",
        )


def check_at_one_instant(name: str, method: FunctionType) -> None:
    """Check that a method does its work when called, and is not a coroutine or a generator.

    Raises:
        NodeError: the method is async, or yields.
    """
    inner = inspect.unwrap(method)
    kind = "async" if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner) else ""
    kind = kind or ("a generator" if inspect.isgeneratorfunction(inner) else "")
    if kind:
        raise NodeError(
            f"{name} is {kind}, but a handler must do its work when it is called",
            hint="to continue later, call self.after(delay_ns, self.method); to take time, call self.spend(duration_ns, self.method)",
        )


def takes(method: FunctionType, arguments: int) -> bool:
    """Return whether a function can be called with this number of positional arguments."""
    try:
        inspect.signature(method).bind(*[None] * arguments)
    except TypeError:
        return False
    return True


def _check_attribute(name: str, value: object, body: Mapping[str, Any], port_type: tuple[type, ...]) -> None:
    if name in _OF_THE_RUNTIME:
        raise NodeError(f".{name} overrides a member of every node", hint="rename the attribute")
    if any(kind in (value if isinstance(value, type) else None, get_origin(value)) for kind in port_type):
        raise NodeError(
            f".{name} is a class of ports, not a port", hint=f"write {name} = Input(Message, latest)"
        )
    if name in _ASKED_OF_THE_CLASS and isinstance(value, FunctionType):
        raise NodeError(
            f".{name} is not a class method, but the runtime calls it on the class, before a node exists",
            hint="write @classmethod above it",
        )
    if name == "result":
        _check_method(name, value, 0)
    annotation = str(body.get("__annotations__", {}).get(name, ""))
    constant = name.startswith("__") or name.isupper() or "ClassVar" in annotation or "Final" in annotation
    if isinstance(value, _MUTABLE) and not constant:
        raise NodeError(
            f".{name} is a {type(value).__name__} that all replicas in one process share",
            hint=f"make it in on_start (self.{name} = ...), or name it in capitals if it is a constant",
        )


def _check_init(init: object) -> None:
    if init is None:
        return
    way = "set attributes in on_start, or in on_prepare if it takes long"
    if not isinstance(init, FunctionType) or not takes(init, 3):
        raise NodeError(".__init__ does not take (self, context, params), as the runtime calls it", hint=way)
    if "__init__" not in init.__code__.co_names:
        raise NodeError(".__init__ does not call super().__init__(context, params)", hint=way)

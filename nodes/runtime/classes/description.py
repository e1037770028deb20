"""Descriptions of node classes that run in another Python interpreter, and classes made from these descriptions.

A node may need a package that only another interpreter has, such as a driver. Then that interpreter runs the node and describes
its class: the ports, the parameters and, for a plant (environment or robot), the shapes and dtypes of observations and actions.
All other processes cannot import the class. They use a class made from the description.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from rtgraph.msgs import Message, PlantSpec, Record, message_types, schema, schema_hash
from rtgraph.msgs.wire.schemas import as_described
from rtgraph.nodes.runtime.interface.node import Node, Params, port_message
from rtgraph.nodes.runtime.interface.policy import InputPolicy
from rtgraph.nodes.runtime.interface.ports import Input, Output


class PortDescription(Record):
    """The description of a port: its message class and, for an input, its policy (which messages it keeps)."""

    message: str
    """The name of the message class."""
    module: str
    hash: str
    """The schema hash of the message class, in hex."""
    json_schema: dict[str, Any]
    keyed: bool
    policy: tuple[str, int | None, int] | None = None
    """The policy of an input: its name, the maximum number of messages, the maximum number of bytes. None for an output."""
    many: bool = False
    optional: bool = False


class NodeDescription(Record):
    """The description of a node class, made by the interpreter that runs its nodes."""

    path: str
    bases: tuple[str, ...]
    """The rtgraph classes from which the class derives, as ``package.module:Class``. The nearest base class is first."""
    description: str
    stop_rank: int
    hardware: bool = False
    plant: bool
    inputs: dict[str, PortDescription]
    outputs: dict[str, PortDescription]
    specs: dict[str, PlantSpec] = Field(default_factory=dict)
    """For a plant (environment or robot): its spec for each set of parameters, by ``params_digest``. Empty for other nodes."""


class GivenParams(Params):
    """The parameters of a node class that cannot be imported here. The node's interpreter has already validated them."""

    model_config = ConfigDict(extra="allow")


def describe(path: str, node_type: type[Node[Any]]) -> NodeDescription:
    """Return the description of a node class, for a process that cannot import the class."""
    return NodeDescription(
        path=path,
        bases=tuple(
            f"{base.__module__}:{base.__qualname__}"
            for base in node_type.__mro__
            if base.__module__.startswith("rtgraph.") and issubclass(base, Node)
        ),
        description=node_type.__doc__ or "",
        stop_rank=node_type.stop_rank,
        hardware=node_type.hardware,
        plant=hasattr(node_type, "spec"),
        inputs={name: _described_port(port) for name, port in node_type.input_ports.items()},
        outputs={name: _described_port(port) for name, port in node_type.output_ports.items()},
    )


def is_as_described(node_type: type[Node[Any]], description: NodeDescription) -> bool:
    """Return whether an imported class has the ports of a description from another interpreter."""
    here = describe(description.path, node_type)
    return (here.inputs, here.outputs) == (description.inputs, description.outputs)


def params_digest(params: Mapping[str, Any]) -> str:
    """Return a digest, as hex text, of a node's parameters, given as JSON values."""
    text = repr(sorted(params.items(), key=lambda item: item[0]))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def class_of(description: NodeDescription) -> type[Node[Any]]:
    """Return a node class with the ports of a description, for checks of a graph. Nodes of this class cannot run."""
    module, _, name = description.path.partition(":")
    members: dict[str, Any] = {
        "__module__": module,
        "__doc__": description.description,
        "stop_rank": description.stop_rank,
        "hardware": description.hardware,
        "params_type": GivenParams,
        "described": description,
        **{name: _input(port) for name, port in description.inputs.items()},
        **{name: Output(_message(port), keyed=port.keyed) for name, port in description.outputs.items()},
    }
    if description.plant:
        members["spec"] = classmethod(_spec)
    made: type[Node[Any]] = type(name, (_nearest(description.bases),), members)
    return made


def _spec(cls: Any, params: Params) -> PlantSpec:
    description: NodeDescription = cls.described
    return description.specs[params_digest(params.model_dump(mode="json"))]


def _nearest(bases: tuple[str, ...]) -> type[Node[Any]]:
    for path in bases:
        module, _, name = path.partition(":")
        found = getattr(importlib.import_module(module), name, None)
        if isinstance(found, type) and issubclass(found, Node):
            return found
    return Node


def _described_port(port: Input[Any] | Output[Any]) -> PortDescription:
    message_type = port_message(port)
    of_input: dict[str, Any] = {}
    if isinstance(port, Input):
        policy = port.policy
        of_input = {
            "policy": (policy.name, policy.depth, policy.budget_bytes),
            "many": port.many,
            "optional": port.optional,
        }
    return PortDescription(
        message=message_type.schema_name,
        module=message_type.__module__,
        hash=schema_hash(message_type).hex(),
        json_schema=schema(message_type),
        keyed=port.keyed,
        **of_input,
    )


def _input(port: PortDescription) -> Input[Any]:
    name, depth, budget_bytes = port.policy or ("latest", 1, 1 << 30)
    return Input(
        _message(port),
        InputPolicy(name, depth, budget_bytes),
        many=port.many,
        optional=port.optional,
        keyed=port.keyed,
    )


_messages: dict[tuple[str, str], type[Message]] = {}
"""Message classes made from descriptions, by name and schema hash."""


def _message(port: PortDescription) -> type[Message]:
    """Return the message class of a described port: the local class with this name and schema, or else a new class."""
    here = message_types().get(port.message)
    if here is not None and schema_hash(here).hex() == port.hash:
        return here
    key = port.message, port.hash
    if key not in _messages:
        made: type[Message] = type(port.message, (Message,), {"__module__": port.module})
        as_described(made, port.json_schema, bytes.fromhex(port.hash))
        _messages[key] = made
    return _messages[key]

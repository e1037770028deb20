"""Which world a plant is: what was learned in one must not be mistaken for what was learned in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

Identity = dict[str, JsonValue]
"""The path of a plant's class, as ``class``, and the parameters that make its world. Empty: not known."""

CLASS = "class"


def identity_of(node_class: str, node_type: type, params: object) -> Identity:
    """Return which world a plant is: its class, and what its class says of its parameters."""
    describe: Any = getattr(node_type, "identity", None)
    return {CLASS: node_class, **({} if describe is None else describe(params))}


def recorded_identity(node: Mapping[str, Any], here: Identity) -> Identity:
    """Return which world a node of a recorded plan was, as far as it can be compared with another."""
    params = node["params"]
    return {CLASS: node["node"], **{name: params[name] for name in here if name in params}}


def differences(there: Identity, here: Identity) -> str:
    """Say how two worlds differ; nothing if they do not, or if one is not known.

    A parameter that only one of them has is not compared: it came with another version of the class.
    """
    if there and here and there[CLASS] != here[CLASS]:
        return f"{there[CLASS]} there, {here[CLASS]} here"
    return ", ".join(
        f"{name} is {there[name]} there, {here[name]} here"
        for name in here
        if name in there and there[name] != here[name]
    )

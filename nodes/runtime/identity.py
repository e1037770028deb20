"""Identify the world of a plant, so that what was learned in one world is not used in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

Identity = dict[str, JsonValue]
"""The path of a plant's class, as ``class``, and the parameters that define its world. Empty if unknown."""

CLASS = "class"


def identity_of(node_class: str, node_type: type, params: object) -> Identity:
    """Return a plant's identity: its class, and the parameters that its class selects."""
    describe: Any = getattr(node_type, "identity", None)
    return {CLASS: node_class, **({} if describe is None else describe(params))}


def recorded_identity(node: Mapping[str, Any], here: Identity) -> Identity:
    """Return the identity of a recorded plan's node, limited to the parameters that ``here`` has."""
    params = node["params"]
    return {CLASS: node["node"], **{name: params[name] for name in here if name in params}}


def differences(there: Identity, here: Identity) -> str:
    """Describe how two identities differ; an empty string if they do not, or if one is unknown.

    A parameter that only one of them has is not compared: another version of the class added it.
    """
    if there and here and there[CLASS] != here[CLASS]:
        return f"{there[CLASS]} there, {here[CLASS]} here"
    return ", ".join(
        f"{name} is {there[name]} there, {here[name]} here"
        for name in here
        if name in there and there[name] != here[name]
    )

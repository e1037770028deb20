"""Identify a plant's environment, so that weights and transitions of one environment are not used in another.

A *plant* is a node with an environment or a robot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from pydantic import JsonValue, TypeAdapter, ValidationError

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.strict import complaint

Identity = dict[str, JsonValue]
"""Identifies an environment: the class path of its node, under ``class``, and the parameters that matter. Empty if unknown."""

CLASS = "class"
_IDENTITY: TypeAdapter[Identity] = TypeAdapter(Identity)


def identity_of(node_class: str, node_type: type, params: object) -> Identity:
    """Return what identifies the environment of a plant (environment or robot): its class, and parameters that the class selects.

    Raises:
        NodeError: the class returns something else than a dict of JSON values.
        Exception: any error that the code of the class raises.
    """
    describe: Any = getattr(node_type, "identity", None)
    if describe is None:
        return {CLASS: node_class}
    try:
        selected = _IDENTITY.validate_python(describe(params), strict=True)
    except ValidationError as error:
        problem, _ = complaint(error.errors(include_url=False)[0])
        raise NodeError(
            f"{node_type.__name__}.identity does not return a dict of JSON values: {problem}",
            hint="return a dict of text, numbers, true or false, lists, and dicts with text keys",
        ) from error
    return {CLASS: node_class, **selected}


def spec_of(node_type: type, params: object) -> PlantSpec:
    """Return the spec of a plant (environment or robot) with these parameters: shapes and dtypes of observations and actions.

    Raises:
        NodeError: the class returns something else than a ``PlantSpec``.
        Exception: any error that the code of the class raises.
    """
    describe: Any = node_type
    spec: object = describe.spec(params)
    if not isinstance(spec, PlantSpec):
        raise NodeError(
            f"{node_type.__name__}.spec returns a {type(spec).__name__}, not a PlantSpec",
            hint="return a PlantSpec",
        )
    return spec


def is_identity(value: object) -> TypeGuard[Identity]:
    """Return whether a JSON value is an identity: an object with the path of a class."""
    return isinstance(value, dict) and isinstance(value.get(CLASS), str)


def recorded_identity(node: Mapping[str, Any], here: Identity) -> Identity:
    """Return the identity of a node's environment in a recorded plan (resolved launch file).

    The result contains only parameters that the identity ``here`` has, too.
    """
    params = node["params"]
    return {CLASS: node["node"], **{name: params[name] for name in here if name in params}}


def differences(there: Identity, here: Identity) -> str:
    """Describe how two environments differ, given their identities. Empty if they do not differ, or if an identity is empty.

    A parameter that only one identity has is not compared, because the versions of the class differ in this parameter.
    """
    if there and here and there[CLASS] != here[CLASS]:
        return f"{there[CLASS]} there, {here[CLASS]} here"
    return ", ".join(
        f"{name} is {there[name]} there, {here[name]} here"
        for name in here
        if name in there and there[name] != here[name]
    )

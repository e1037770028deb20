"""Algorithms by name: algorithms of rtgraph, of other installed packages, and of the user.

To add an algorithm, write a folder with classes for its parameters, its loss and its actions. Add the class of parameters to
`_Ours`. Another package adds an algorithm with an entry point in the group ``rtgraph.algorithms``: the name, and a subclass of
`AlgorithmParams`. A class path, ``package.module:Class``, needs no entry point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from rtgraph.msgs import Continuous, PlantSpec
from rtgraph.msgs.errors import LearningError, RtgraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.algorithms.c51.params import C51Params
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.algorithms.munchausen.params import MunchausenParams
from rtgraph.nodes.algorithms.params import AlgorithmParams, ValueParams
from rtgraph.nodes.algorithms.sac.params import SacParams
from rtgraph.nodes.extensions import ALGORITHMS, extensions
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.classes.imports import class_at

_Ours = DqnParams | C51Params | MunchausenParams | SacParams
_KINDS: dict[str, type[AlgorithmParams]] = {
    each.model_fields["kind"].default: each for each in get_args(_Ours)
}


def algorithm_names() -> tuple[str, ...]:
    """Return the names of all algorithms. The algorithms of other installed packages come last."""
    return (*_KINDS, *extensions(ALGORITHMS, _KINDS))


def algorithm_for(network: NetworkSpec, plant: PlantSpec) -> str:
    """Return the name of the default algorithm for a network and the actions of an environment."""
    if isinstance(plant.action, Continuous):
        return "sac"
    return "dqn" if network.head.support is None else "c51"


def usual_for(plant: PlantSpec) -> Mapping[str, float]:
    """Return default values, by name, for arguments that a launch file leaves null. They depend on the environment's actions."""
    return (SacParams if isinstance(plant.action, Continuous) else ValueParams).usual


def params_class(name: str) -> type[AlgorithmParams]:
    """Return the class of an algorithm's parameters, by the algorithm's name.

    Args:
        name: the algorithm's name, or the import path of a class of parameters.

    Raises:
        LearningError: there is no such algorithm.
        NodeError: there is no class at the class path.
        ExtensionError: the class cannot be loaded from its package.
    """
    if name in _KINDS:
        return _KINDS[name]
    others = extensions(ALGORITHMS, _KINDS)
    if name not in others and ":" not in name:
        raise LearningError(f"unknown algorithm {name!r}", hint=nearest(name, algorithm_names()))
    found = others[name].load() if name in others else class_at(name)
    if not (isinstance(found, type) and issubclass(found, AlgorithmParams)):
        problem = "it is not a subclass of AlgorithmParams"
        raise others[name].error(problem) if name in others else LearningError(f"{name}: {problem}")
    return found


class _AlsoOthers:
    """An annotation for pydantic, so that a field also accepts the parameters of algorithms of other packages."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a schema for pydantic. It accepts rtgraph's algorithms, and passes all others to a validator."""
        ours = handler.generate_schema(Annotated[_Ours, Field(discriminator="kind")])
        serialization = core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True)
        return core_schema.no_info_wrap_validator_function(_validated, ours, serialization=serialization)


def _validated(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(value, AlgorithmParams) or not isinstance(kind, str) or kind in _KINDS:
        return value if isinstance(value, AlgorithmParams) else handler(value)
    try:
        return TypeAdapter(params_class(kind)).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(": ".join(filter(None, (kind, where, first["msg"])))) from error
    except RtgraphError as error:
        raise ValueError(f"{error.problem}. hint: {error.hint}" if error.hint else error.problem) from error


def _dumped(value: AlgorithmParams, info: core_schema.SerializationInfo) -> dict[str, Any]:
    return value.model_dump(mode=info.mode)


AnyAlgorithm = Annotated[_Ours, _AlsoOthers()]
"""The type of any algorithm's parameters. The field ``kind`` names the algorithm."""

"""Finds the `Acting` object of an algorithm (how it acts) by the algorithm's name. Separate from ``acting``, which algorithms import."""

from __future__ import annotations

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import LearningError, NodeError
from rtgraph.nodes.algorithms.acting import Acting
from rtgraph.nodes.algorithms.registry import algorithm_for, params_class
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.classes.imports import class_at


def acting_of(algorithm: str | None, network: NetworkSpec, plant: PlantSpec) -> Acting:
    """Return the ``Acting`` object of an algorithm. It makes the network, and turns the network's outputs into actions.

    Args:
        algorithm: the algorithm's name or class path; None for the default of this network and plant.
        network: the network's spec.
        plant: the spec of observations and actions.

    Raises:
        LearningError: there is no such algorithm, or its class for acting cannot be imported or is not a subclass of `Acting`.
    """
    name = algorithm or algorithm_for(network, plant)
    try:
        path = params_class(name).acting
        found = class_at(path)
    except AttributeError as error:
        raise LearningError(
            f"algorithm {name!r} names no class that chooses actions: the class of its parameters lacks `acting`",
            hint="set the class variable `acting` of this class to the path of a subclass of Acting, package.module:Class",
        ) from error
    except NodeError as error:
        raise LearningError(f"algorithm {name!r}: {error.problem}", hint=error.hint) from error
    if not issubclass(found, Acting):
        raise LearningError(f"algorithm {name!r}: its `acting` is {path}, which is not a subclass of Acting")
    made: Acting = found(network, plant)
    return made

"""Resolves shared weights: their network, their algorithm, and the checkpoint that they begin with."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import TypeAdapter

from rtgraph.graphs.reading.expand import PlacedWeights, Raw, Scope
from rtgraph.graphs.reading.positions import Place, Value
from rtgraph.graphs.reading.validation import adapted
from rtgraph.graphs.resolving.hooks import calling
from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import CheckpointError
from rtgraph.msgs.pending import with_later, with_pending
from rtgraph.msgs.typed.extras import must_be_installed
from rtgraph.nodes.runtime.identity import Identity
from rtgraph.nodes.weights.plan import WeightsPlan

if TYPE_CHECKING:
    from rtgraph.nodes.networks import NetworkSpec

_LOG = logging.getLogger("rtgraph.graphs")


class Plants(Protocol):
    """The methods of a ``Resolver`` that are needed to resolve weights: specs of plants, and values of references."""

    def spec(self, name: str, place: Place) -> PlantSpec:
        """Return a plant's spec."""
        ...

    def identity(self, name: str, place: Place) -> Identity:
        """Return the parameters that identify a plant's environment."""
        ...

    def substituted(self, raw: Raw, scope: Scope) -> Value:
        """Return a value with its references replaced."""
        ...


def network_of(entry: PlacedWeights, plants: Plants) -> NetworkSpec:
    """Validate the spec of the network that the weights belong to, and return the spec.

    Raises:
        GraphError: the network is wrong, or a reference in it cannot be resolved.
    """
    from rtgraph.nodes.networks import NetworkSpec  # noqa: PLC0415 - needed only by graphs with networks

    spec: NetworkSpec = adapted(
        TypeAdapter(NetworkSpec),
        NetworkSpec,
        plants.substituted(entry.network, entry.scope),
        entry.network.place,
    )
    return spec


def spec_of(entry: PlacedWeights, plants: Plants) -> PlantSpec:
    """Return the spec of the plant on which the network with these weights acts.

    Raises:
        GraphError: there is no such plant.
    """
    return plants.spec(entry.scope.full(entry.entry.plant), entry.place / "plant")


def algorithm_of(entry: PlacedWeights, plants: Plants) -> str:
    """Return the learning algorithm of weights: the algorithm in ``entry``, else the default for the network and the plant.

    Raises:
        GraphError: the network or the plant is wrong.
    """
    from rtgraph.nodes.algorithms.registry import algorithm_for  # noqa: PLC0415 - only for learners

    if entry.entry.algorithm is not None:
        return entry.entry.algorithm
    return algorithm_for(network_of(entry, plants), spec_of(entry, plants))


def weights_plan(entry: PlacedWeights, seed: int, plants: Plants) -> WeightsPlan:
    """Return the plan of shared weights.

    Args:
        entry: the weights, as the files describe them.
        seed: the seed of the launch; used if ``entry`` has no seed.
        plants: the plants of the graph.

    Raises:
        GraphError: the network is wrong, ``plant`` names a node that is not a plant, or the checkpoint is invalid or does not
            fit.
    """
    with calling("the network", entry.network.place):
        must_be_installed("torch")
    network, spec = _as_used(entry, network_of(entry, plants)), _seen(entry, spec_of(entry, plants))
    _check_fit(entry, network, spec)
    plant = entry.scope.full(entry.entry.plant)
    plan = WeightsPlan(
        network=network.model_dump(mode="json"),
        algorithm=entry.entry.algorithm,
        plant=plant,
        spec=spec,
        seed=seed if entry.entry.seed is None else entry.entry.seed,
        sharing=entry.entry.sharing,
        identity=plants.identity(plant, entry.place / "plant"),
    )
    return _with_checkpoint(plan, entry)


def _as_used(entry: PlacedWeights, network: NetworkSpec) -> NetworkSpec:
    """Return the network's spec. Add prediction if ``entry`` says ``delay_aware: predict``, and stages if ``entry`` has a pipeline."""
    given = entry.entry
    changes: dict[str, object] = {"predict": True} if given.delay_aware.kind == "predict" else {}
    if given.pipeline.depth:
        changes |= {"stages": given.pipeline.depth, "skip": given.pipeline.skip}
    return network.model_copy(update=changes) if changes else network


def _seen(entry: PlacedWeights, spec: PlantSpec) -> PlantSpec:
    """Return the plant's spec with extended observations: all that the network reads.

    Besides the plant's observation, a network may read pending actions (decided but not yet applied). The later stages of a
    pipeline may also read newer observations.
    """
    key = "delay_aware"
    try:
        seen = with_pending(spec, entry.entry.delay_aware.all_slots)
        key = "pipeline"
        return with_later(seen, entry.entry.pipeline.later)
    except ValueError as error:
        problem, _, hint = str(error).partition(". hint: ")
        raise (entry.place / key).error(problem, hint=hint) from error


def _check_fit(entry: PlacedWeights, network: NetworkSpec, spec: PlantSpec) -> None:
    """Check that a network fits a plant, and that its algorithm fits the plant's actions."""
    from rtgraph.nodes.algorithms.registry import algorithm_for, params_class  # noqa: PLC0415
    from rtgraph.nodes.networks.fit import check_fit  # noqa: PLC0415 - needed only by graphs with networks

    try:
        check_fit(network, spec)
    except ValueError as error:
        problem, _, hint = str(error).partition(". hint: ")
        raise entry.network.place.error(problem, hint=hint or None) from error
    with calling("the algorithm", entry.place / "algorithm"):
        params_class(entry.entry.algorithm or algorithm_for(network, spec)).check_plant(spec)


def _with_checkpoint(plan: WeightsPlan, entry: PlacedWeights) -> WeightsPlan:
    """If ``entry`` names a checkpoint, return the plan with this checkpoint as the first version; else return the plan."""
    from rtgraph.nodes.weights.checkpoint_reader import checkpoint_parameters  # noqa: PLC0415

    checkpoint, resume = entry.entry.checkpoint, entry.entry.resume
    if checkpoint and resume:
        raise (entry.place / "checkpoint").error(
            "both checkpoint and resume are given", hint="leave out one of them"
        )
    first = checkpoint or resume
    if not first:
        return plan
    try:
        kept = checkpoint_parameters(Path(first))
        kept.must_be_of(plan.network, plan.spec)
        kept.must_be_finite()
        # A resumed run must continue in the same environment.
        if not kept.identity:
            _LOG.warning(
                "%s does not name its environment, so it is not compared: an older version of rtgraph wrote it",
                kept.folder,
            )
        elif resume or not entry.entry.transfer:
            kept.must_be_in(plan.identity)
    except CheckpointError as error:
        place = entry.place / ("checkpoint" if checkpoint else "resume")
        raise place.error(error.problem, hint=error.hint) from error
    begun = kept.begun if resume else kept.version
    return plan.model_copy(update={"checkpoint": str(kept.folder), "version": kept.version, "begun": begun})

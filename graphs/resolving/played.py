"""Checks the nodes of a launch that are played from a recording.

Finds settings of this launch that have no effect, and plants of this launch that differ from the recorded plants.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rtgraph.graphs.reading.expand import PlacedNode
from rtgraph.graphs.reading.validation import validated
from rtgraph.graphs.resolving.latencies import own_params
from rtgraph.graphs.resolving.recording import PLAYER_CLASS
from rtgraph.graphs.resolving.resolve import Resolver, imported
from rtgraph.graphs.resolving.wire import instances
from rtgraph.msgs import PlantSpec
from rtgraph.msgs.typed.text import shortened
from rtgraph.nodes.runtime.classes.loading import load_class, validated_params
from rtgraph.nodes.runtime.identity import differences, recorded_identity, spec_of
from rtgraph.nodes.runtime.interface.node import Node, Params
from rtgraph.nodes.runtime.wiring import NodePlan

_LOG = logging.getLogger("rtgraph.graphs")


def players(nodes: Sequence[PlacedNode], resolver: Resolver) -> dict[str, PlacedNode]:
    """Return the nodes that are played from a recording, by the names of their instances."""
    return {
        instance: node
        for node in nodes
        if hasattr(resolver.node_type(node), "stands_in_for")
        for instance in instances(node)
    }


def check_played(nodes: Sequence[PlacedNode], plans: Sequence[NodePlan], resolver: Resolver) -> None:
    """Compare played nodes (each replaced by a player of a recording) with this launch.

    The class and params that this launch gives to a replaced node have no effect. Log a warning if they differ from the recorded
    ones. Log a warning if a plant (emulator or robot) gets messages of a played node that were recorded with another environment.

    Raises:
        GraphError: a plant gets messages of a played node that were recorded with a plant of other actions.
    """
    playing = players(nodes, resolver)
    played = {node.name: node for node in playing.values()}
    inputs = {plan.name: plan.inputs.values() for plan in plans}
    for node in nodes:
        if node.name in played or not hasattr(resolver.node_type(node), "spec"):
            continue
        publishers = {name for own in instances(node) for end in inputs[own] for name in end.publishers}
        for name in sorted({playing[name].name for name in publishers & playing.keys()}):
            _compare_plants(node, played[name], resolver)
    for node in played.values():  # those with at least one instance
        _compare_settings(node, resolver)


def _compare_settings(node: PlacedNode, resolver: Resolver) -> None:
    """Warn if this launch gives the replaced node another class or other params than the recorded ones."""
    replaced = node.replaces
    if replaced is None:
        return
    file, name, recorded = _recording(node, resolver)
    there = recorded.get(name)
    if there is None:
        return
    try:
        node_type = imported(replaced.entry.node_class, replaced.class_place)
        given = resolver.substituted(replaced.params, replaced.scope)
        params = validated(node_type.params_type, given, replaced.params.place, noun="param")
        here = own_params(_written(params), instances(node)[0])
    except Exception as error:  # the replaced node does not run, so its settings may be wrong
        _LOG.debug("the settings of %s are not compared with the recorded ones: %s", node.name, error)
        return
    if there["node"] == replaced.entry.node_class:
        found = _differences(_params(node_type, there["params"]), here)
    else:
        found = _differences({"class": there["node"]}, {"class": replaced.entry.node_class})
    if found:
        text = f"{node.name} is played from {file}, so its settings here have no effect: {found}"
        _LOG.warning("%s", text)


def _compare_plants(plant: PlacedNode, node: PlacedNode, resolver: Resolver) -> None:
    """Compare a plant of this launch with the plant of the same name in the recording of a played node.

    The plant of this launch gets messages of the played node. Log a warning if the two plants are different environments.

    Raises:
        GraphError: the actions of the two plants differ.
    """
    file, _, recorded = _recording(node, resolver)
    there = recorded.get(instances(plant)[0])
    if there is None:
        return
    spec, actions = _spec(there), resolver.spec(plant.name, plant.place).action
    if spec is not None and spec.action != actions:
        found = _differences(spec.action.model_dump(), actions.model_dump())
        raise node.class_place.error(
            f"{node.name!r} is played from {file}, where {plant.name!r} had other actions: {found}",
            hint=f"play {plant.name!r} from the recording too, or launch the recorded plant",
        )
    identity = resolver.identity(plant.name, plant.place)
    if found := differences(recorded_identity(there, identity), identity):
        text = f"{node.name} is played from {file}, where {plant.name} was another environment: {found}"
        _LOG.warning("%s", text)


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Describe how values differ, by name. A name that only one side has is not compared."""
    return ", ".join(
        f"{name} is {shortened(value)} there, {shortened(here[name])} here"
        for name, value in there.items()
        if name in here and here[name] != value
    )


def _recording(node: PlacedNode, resolver: Resolver) -> tuple[str, str, Mapping[str, Any]]:
    """Return the recording that a player plays, the name of the played node in it, and the recorded nodes by name.

    Nodes that were played from another recording are left out, because their recorded params are those of the player.
    """
    from rtgraph.msgs.bag.bag import Bag  # noqa: PLC0415 - needed only for a replay
    from rtgraph.nodes.recorder.recorded import recorded_nodes  # noqa: PLC0415

    params: Any = resolver.params(node)
    recorded = {
        name: there
        for name, there in recorded_nodes(Bag.open(Path(params.file))).items()
        if not there["node"].startswith(f"{PLAYER_CLASS}[")
    }
    return params.file, params.node or instances(node)[0], recorded


def _params(node_type: type[Node[Any]], recorded: dict[str, Any]) -> dict[str, Any]:
    """Return recorded params as this version of rtgraph writes them, or unchanged if the class refuses them now."""
    with contextlib.suppress(Exception):  # whatever a validator of the class raises
        return _written(validated_params(node_type, recorded))
    return recorded


def _written(params: Params) -> dict[str, Any]:
    return params.model_dump(mode="json", by_alias=True)


def _spec(recorded: Mapping[str, Any]) -> PlantSpec | None:
    """Return the spec of a recorded plant. Return None if the class of the plant cannot be loaded here, or raises an error.

    For example, the class raises an error if it refuses the recorded params, or if the plant's game is missing here.
    """
    with contextlib.suppress(Exception):  # whatever the code of the class raises
        node_type = load_class(recorded["node"])
        return spec_of(node_type, validated_params(node_type, recorded["params"]))
    return None

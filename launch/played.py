"""The plan (the resolved launch file) for ``rtgraph play``: a person or a script acts instead of the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.graphs.reading.positions import Document
from rtgraph.graphs.resolving.hooks import described_spec
from rtgraph.graphs.resolving.recording import with_recorder
from rtgraph.launch.replanning import without
from rtgraph.msgs import Discrete, PlantSpec
from rtgraph.msgs.errors import GraphError, MissingPackage, NodeError
from rtgraph.nodes.emulator import Gymnasium
from rtgraph.nodes.inference import Coordinator
from rtgraph.nodes.learner.batch_client import Batches
from rtgraph.nodes.metrics import Metrics
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.play import Human, HumanParams
from rtgraph.nodes.play.bindings import idle_action
from rtgraph.nodes.replay import Replay
from rtgraph.nodes.runtime import InputPlan, NodePlan, Placement, load_class, validated_params

HUMAN_CLASS = "rtgraph.nodes.play:Human"
AGENT: tuple[type[Any], ...] = (Coordinator, Batches, Replay, Metrics)
"""Classes of nodes that act or learn.

``played`` removes the nodes of these classes, and all other nodes that publish decisions for the plant (the environment).
"""


def played(plan: Plan, *, script: str | None, record: bool | Mapping[str, Any] | None) -> Plan:
    """Return a plan in which a person or a script plays.

    The plant (the environment) applies an action on the next tick. Without a new action it repeats the last one. In
    real time it publishes its image, for the window. The nodes of the agent and the network weights are removed; all other nodes
    stay.

    Args:
        plan: the plan of the launch, without a recorder.
        script: path of the script that acts, or the name of a shipped script; None if a person acts.
        record: the recording options, or False for no recording. By default all messages are recorded, except images
            that are only for the window.

    Raises:
        GraphError: there is not exactly one plant, its actions are not discrete, the script cannot be read, a person would play
            in virtual time, or pygame is missing in real time.
    """
    plants = [node for node in plan.nodes if issubclass(load_class(node.node), Plant)]
    if len(plants) != 1:
        raise GraphError(
            f"cannot be played: it has {len(plants)} plants, and a person or script plays exactly one",
            file=plan.name,
        )
    shown = plan.world == "realtime"
    plant, spec = _played_plant(plants[0], shown=shown)
    human = _human(plant, spec, plan.name, script)
    _check(human, realtime=shown)
    decisions = plant.inputs["decision"].topic
    agent = {
        node.name
        for node in plan.nodes
        if decisions in node.outputs.values() or issubclass(load_class(node.node), AGENT)
    }
    nodes = [plant if node.name == plant.name else node for node in plan.nodes]
    hidden = shown and not plants[0].params.get("publish_screen")
    return plan.model_copy(
        update={
            "name": f"{plan.name}-play",
            "nodes": _recorded(
                without(nodes, agent, human), record, plant.outputs["screen"] if hidden else None
            ),
            "weights": {},
        }
    )


def _played_plant(plant: NodePlan, *, shown: bool) -> tuple[NodePlan, PlantSpec]:
    params = plant.params | {"gate": {"kind": "latest"}, "default": "repeat_last"}
    if shown:
        params |= {"publish_screen": True}
    if shown and issubclass(load_class(plant.node), Gymnasium):
        try:
            spec = _spec(plant, params | {"render": True})
            params |= {"render": True}
        except GraphError:  # the environment draws no images: the window shows the keys only
            spec = _spec(plant, params)
    else:
        spec = _spec(plant, params)
    topic = "/".join([*plant.name.split("/")[:-1], "decision"])
    inputs = {"decision": InputPlan(topic=topic), **plant.inputs}
    return plant.model_copy(update={"params": params, "inputs": inputs}), spec


def _spec(plant: NodePlan, params: dict[str, Any]) -> PlantSpec:
    plant_type = load_class(plant.node)
    return described_spec(plant_type, validated_params(plant_type, params), Document(plant.name, {}, {}).top)


def _human(plant: NodePlan, spec: PlantSpec, title: str, script: str | None) -> NodePlan:
    params = HumanParams(
        plant=spec,
        idle=_idle(plant, spec),
        script=script,
        title=title,
    )
    return NodePlan(
        name="/".join([*plant.name.split("/")[:-1], "human"]),
        index=0,
        node=HUMAN_CLASS,
        priority="nice",
        params=params.model_dump(mode="json"),
        inputs={
            port: InputPlan(topic=plant.outputs[port], publishers=(plant.name,))
            for port in ("observation", "screen")
        },
        outputs={"decision": plant.inputs["decision"].topic},
    )


def _idle(plant: NodePlan, spec: PlantSpec) -> int:
    """Return the action while no button is held: the plant's parameter ``noop``, else the action that does nothing."""
    given = plant.params.get("noop")
    if isinstance(given, int):
        return given
    return idle_action(spec.action) if isinstance(spec.action, Discrete) else 0


def _check(human: NodePlan, *, realtime: bool) -> None:
    params = HumanParams.model_validate(human.params)
    try:
        Human.check(params)
        Human.check_placement(params, Placement(human.name, realtime))
    except (NodeError, MissingPackage) as error:
        raise GraphError(error.problem, file="command line", hint=error.hint) from error


def _recorded(
    nodes: tuple[NodePlan, ...], record: bool | Mapping[str, Any] | None, hidden: str | None
) -> tuple[NodePlan, ...]:
    """Return the nodes with a recorder added, or without one if ``record`` is False.

    Unless ``record`` sets ``topics`` or ``exclude``, the recorder leaves out ``hidden``, the topic of images that are published only
    for the window.
    """
    if record is False:
        return nodes
    settings = dict(record) if isinstance(record, Mapping) else {}
    if hidden is not None and not {"topics", "exclude"} & settings.keys():
        settings["exclude"] = (hidden,)
    return with_recorder(nodes, settings, Document("command line", {}, {}).top / "record")

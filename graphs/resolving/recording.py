"""Adds a recorder to a graph, selects the topics of taps, and decides which nodes keep a journal.

A tap is an input that receives many topics; recorders and bridges have one. A journal lists the messages that a node consumed.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rtgraph.graphs.names import unmatched
from rtgraph.graphs.plan import Plan
from rtgraph.graphs.reading.positions import Place
from rtgraph.graphs.reading.validation import adapted, validated
from rtgraph.graphs.resolving.resolve import imported
from rtgraph.msgs.errors import BagError, GraphError, NodeError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.classes.loading import load_class, planned_outputs
from rtgraph.nodes.runtime.interface.edges import Tapped
from rtgraph.nodes.runtime.interface.node import port_message
from rtgraph.nodes.runtime.journal import OUTPUT
from rtgraph.nodes.runtime.wiring import InputPlan, NodePlan

RECORDER = "session/recorder"
RECORDER_CLASS = "rtgraph.nodes.recorder:Recorder"
PLAYER_CLASS = "rtgraph.nodes.recorder:Player"


def with_recorder(
    plans: Sequence[NodePlan], record: bool | Mapping[str, Any], place: Place
) -> tuple[NodePlan, ...]:
    """Return the nodes, plus a recorder if the graph is recorded. For every tap, its topics are filled in.

    Args:
        plans: the wired nodes.
        record: whether to record; or a mapping of the recorder's parameters and ``journal``. ``journal`` says whether nodes keep
            a journal, i.e. a list of the messages that they consume.
        place: where the value of ``record`` comes from (the launch file or the command line), for errors.

    Raises:
        GraphError: a parameter of the recorder is unknown or wrong, or another node has the recorder's name.
    """
    nodes = list(plans)
    if record is not False:
        given = dict(record) if isinstance(record, Mapping) else {}
        if adapted(TypeAdapter(bool), bool, given.pop("journal", True), place / "journal"):
            nodes = [node.model_copy(update={"journal": True}) if _keeps(node) else node for node in nodes]
        if any(node.name == RECORDER for node in nodes):
            raise place.error(
                f"a node is named {RECORDER!r}, but the node that records needs this name",
                hint="rename it, or do not record",
            )
        node_type = imported(RECORDER_CLASS, place)
        try:
            params = validated(node_type.params_type, given, place, noun="key")
        except NodeError as error:  # raised by a validator of the recorder
            raise place.error(error.problem, hint=error.hint) from error
        written = params.model_dump(mode="json")
        _check_patterns(written, nodes, place)
        inputs = {port: InputPlan(topic=port) for port in node_type.input_ports}
        nodes.append(
            NodePlan(name=RECORDER, index=len(nodes), node=RECORDER_CLASS, params=written, inputs=inputs)
        )
    nodes = [
        node.model_copy(update={"outputs": {**node.outputs, OUTPUT: OUTPUT}}) if node.journal else node
        for node in nodes
    ]
    return tuple(_tapping(node, nodes) for node in nodes)


def stand_ins(file: str, nodes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the ``replace`` argument of ``load_launch`` that replaces nodes by players of a recording.

    Args:
        file: the recording.
        nodes: full names of nodes. The common name of replicas selects all of them.

    Raises:
        GraphError: the recording has no such node, or has no plan.
        BagError: the file is not a recording.
    """
    from rtgraph.msgs.bag.bag import Bag  # noqa: PLC0415 - needed only for a replay

    bag = Bag.open(Path(file))
    try:
        plan = bag.plan("only recordings of `rtgraph launch` can replace nodes")
    except BagError as error:
        raise GraphError(error.problem, hint=error.hint) from error
    recorded = {re.sub(r"/\d+$", "", node.name): node.node for node in Plan.from_yaml(plan).nodes}
    found: dict[str, dict[str, Any]] = {}
    for name in nodes:
        if name not in recorded:
            raise GraphError(f"{file} has no node {name!r}", hint=nearest(name, recorded))
        found[name] = {"class": f"{PLAYER_CLASS}[{recorded[name]}]", "params": {"file": file}}
    return found


def _keeps(node: NodePlan) -> bool:
    """Return whether a node can keep a journal, i.e. a list of the messages that the node consumes.

    A node cannot keep a journal if it is not reproducible or drives a device, or if it has a tap, i.e. an input of many topics.
    """
    node_type = load_class(node.node)
    return node_type.reproducible and not node_type.hardware and not node_type.tap_ports


def _tapping(node: NodePlan, nodes: Sequence[NodePlan]) -> NodePlan:
    taps = load_class(node.node).tap_ports
    if not taps:
        return node
    wanted, unwanted = node.params.get("topics", ["*"]), node.params.get("exclude", [])
    tapped = tuple(
        Tapped(
            publisher=other.name,
            node=other.node,
            port=port,
            topic=topic,
            message=_message_of_params(other, port),
        )
        for other in nodes
        for port, topic in other.outputs.items()
        if other is not node
        and (topic == OUTPUT or _matches(topic, wanted))
        and not _matches(topic, unwanted)
    )
    without_journals = tuple(one for one in tapped if one.port != OUTPUT)
    received = {name: tapped if tap.journals else without_journals for name, tap in taps.items()}
    return node.model_copy(update={"taps": received})


def _message_of_params(node: NodePlan, port: str) -> str:
    """Return the path of an output's message class if it depends on the node's parameters, else an empty text."""
    if port in load_class(node.node).output_ports or port == OUTPUT:
        return ""
    message = port_message(planned_outputs(node.node, node.params)[port])
    return f"{message.__module__}:{message.__qualname__}"


def _check_patterns(params: Mapping[str, Any], nodes: Sequence[NodePlan], place: Place) -> None:
    """Check that every pattern matches a topic, and that at least one topic is recorded.

    Raises:
        GraphError: a pattern matches no topic, or no topic is left.
    """
    topics = sorted({topic for node in nodes for topic in node.outputs.values()})
    journals = [OUTPUT]  # even if no node keeps one: a pattern for journals is always valid
    for key in ("topics", "exclude"):
        pattern = unmatched(params[key], [*topics, *journals] if topics else [])
        if pattern is not None:
            raise (place / key).error(f"{pattern!r} matches no topic", hint=nearest(pattern, topics))
    wanted, unwanted = params["topics"], params["exclude"]
    if topics and not any(_matches(topic, wanted) and not _matches(topic, unwanted) for topic in topics):
        raise place.error("leaves no topic to record", hint=f"the topics are {', '.join(topics)}")


def _matches(topic: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(topic, pattern) for pattern in patterns)

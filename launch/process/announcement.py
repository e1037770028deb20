"""The description of a running launch, which clients such as ``rtgraph topic`` read to find the launch and its sockets."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path

from rtgraph.graphs import Plan
from rtgraph.launch.introspection.sessions import TAP_POLICY, Description, Stream, SubscribedInput
from rtgraph.msgs import Message, schema_hash
from rtgraph.msgs.session import Journal
from rtgraph.nodes.runtime import NodePlan, load_class
from rtgraph.nodes.runtime.classes.imports import pinned
from rtgraph.nodes.runtime.classes.loading import planned_outputs
from rtgraph.nodes.runtime.interface.node import port_message
from rtgraph.nodes.runtime.realtime.bus import BusPlan


def describe(
    plan: Plan, directory: Path, buses: Mapping[str, BusPlan], epoch_ns: int, introspection: str
) -> Description:
    """Return the description of a running launch. This process is the launcher.

    Args:
        plan: the plan (the resolved launch file).
        directory: the session folder.
        buses: the sockets of every node, by node.
        epoch_ns: reading of the host's monotonic clock at time 0 of the graph.
        introspection: the endpoint at which the launcher answers questions.
    """
    return Description(
        name=plan.name,
        pid=os.getpid(),
        directory=str(directory.resolve()),
        started=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        epoch_ns=epoch_ns,
        introspection=introspection,
        plan=plan.to_yaml(),
        nodes=tuple(node.name for node in plan.nodes),
        streams=tuple(stream for node in plan.nodes for stream in _streams(node, buses[node.name].plain)),
        subscribers=tuple(subscriber for node in plan.nodes for subscriber in _subscribers(node)),
        modules=pinned(),
    )


def _streams(node: NodePlan, endpoint: str) -> list[Stream]:
    ports = planned_outputs(node.node, node.params)
    found = []
    for port, topic in node.outputs.items():
        # A journal has no port on the class: the runtime publishes it.
        message: type[Message] = port_message(ports[port]) if port in ports else Journal
        found.append(
            Stream(
                node=node.name,
                port=port,
                topic=topic,
                keyed=port in ports and ports[port].keyed,
                endpoint=endpoint,
                message=_path(message),
                schema_hash=schema_hash(message).hex(),
            )
        )
    return found


def _subscribers(node: NodePlan) -> list[SubscribedInput]:
    ports = load_class(node.node).input_ports
    found = [
        SubscribedInput(
            node=node.name,
            port=port,
            topic=source.topic,
            keyed=ports[port].keyed,
            policy=str(ports[port].policy),
            message=_path(port_message(ports[port])),
            publishers=source.publishers,
        )
        for port, source in node.inputs.items()
    ]
    for port, taps in node.taps.items():
        for topic in dict.fromkeys(tapped.topic for tapped in taps):
            publishers = tuple(tapped.publisher for tapped in taps if tapped.topic == topic)
            found.append(
                SubscribedInput(
                    node=node.name,
                    port=port,
                    topic=topic,
                    keyed=False,
                    policy=TAP_POLICY,
                    message=_path(Message),
                    publishers=publishers,
                )
            )
    return found


def _path(message_type: type[Message]) -> str:
    return f"{message_type.__module__}:{message_type.__qualname__}"

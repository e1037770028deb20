"""Chooses the endpoints of all sockets. The launcher knows the whole graph, so no broker is needed."""

from __future__ import annotations

import socket
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.console.typed import MOST_PORT
from rtgraph.launch.host.runtime_directory import RuntimeDirectory
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime import Node, NodePlan, load_class
from rtgraph.nodes.runtime.classes.loading import planned_outputs
from rtgraph.nodes.runtime.realtime.bus import BusPlan

LOOPBACK = "127.0.0.1"


def bus_plans(plan: Plan, runtime: RuntimeDirectory, tcp_port: int | None = None) -> dict[str, BusPlan]:
    """Return the endpoints of the sockets of every node, by node name.

    Args:
        plan: the plan (the resolved launch file).
        runtime: the folder for ipc sockets.
        tcp_port: the first port, to use tcp on loopback with two ports per node; None for ipc.

    Raises:
        LaunchError: there are too few ports, or one cannot be used.
    """
    if tcp_port is not None:
        check_ports(plan, tcp_port)
    endpoints = {node.name: _endpoints(node, runtime, tcp_port) for node in plan.nodes}
    types = {node.name: load_class(node.node) for node in plan.nodes}
    return {node.name: _bus_plan(node, plan, types, endpoints) for node in plan.nodes}


def check_ports(plan: Plan, tcp_port: int) -> None:
    """Check that all nodes get ports, counted upwards from ``tcp_port``, and that these ports are free.

    Raises:
        LaunchError: there are too few ports, or one of the ports cannot be used.
    """
    for node in plan.nodes:
        for endpoint in _tcp_endpoints(node, tcp_port):
            _must_be_free(endpoint)


def _bus_plan(
    node: NodePlan, plan: Plan, types: dict[str, type[Node[Any]]], endpoints: dict[str, tuple[str, str]]
) -> BusPlan:
    ports_by_topic = {topic: port for port, topic in node.outputs.items()}
    lossless: set[str] = set()
    keys: dict[str, list[str]] = {
        port: []
        for port, output in planned_outputs(node.node, node.params).items()
        if output.keyed and port in node.outputs
    }
    for other in plan.nodes:
        for name, source in other.inputs.items():
            if node.name in source.publishers:
                output = ports_by_topic[source.topic]
                if types[other.name].input_ports[name].policy.depth is None:
                    lossless.add(output)
                if output in keys:
                    keys[output].append(other.name)
        lossless |= {t.port for taps in other.taps.values() for t in taps if t.publisher == node.name}
    connect = {
        name: tuple(endpoints[p][_is_lossless(types[node.name], name)] for p in publishers)
        for name, publishers in node.publishers().items()
    }
    plain, everything = endpoints[node.name]
    return BusPlan(
        plain=plain,
        lossless=everything,
        topics=node.outputs,
        keys={output: tuple(names) for output, names in keys.items()},
        wanted_lossless=tuple(sorted(lossless)),
        inputs={name: source.topic for name, source in node.inputs.items()},
        connect=connect,
        taps={name: tuple(dict.fromkeys(t.topic for t in taps)) for name, taps in node.taps.items()},
    )


def _is_lossless(node_type: type[Node[Any]], port: str) -> bool:
    return port in node_type.tap_ports or node_type.input_ports[port].policy.depth is None


def _endpoints(node: NodePlan, runtime: RuntimeDirectory, tcp_port: int | None) -> tuple[str, str]:
    if tcp_port is None:
        return runtime.endpoint(f"{node.index}"), runtime.endpoint(f"{node.index}-all")
    return _tcp_endpoints(node, tcp_port)


def _tcp_endpoints(node: NodePlan, tcp_port: int) -> tuple[str, str]:
    port = tcp_port + 2 * node.index
    if port + 1 > MOST_PORT:
        raise LaunchError(
            f"node {node.name} would need the ports {port} and {port + 1}, but the highest port is {MOST_PORT}",
            hint="choose a lower --tcp-port: each node takes two",
        )
    return f"tcp://{LOOPBACK}:{port}", f"tcp://{LOOPBACK}:{port + 1}"


def _must_be_free(endpoint: str) -> None:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise LaunchError(
                f"{endpoint} is taken or not allowed: {error.strerror}", hint="choose another --tcp-port"
            ) from error

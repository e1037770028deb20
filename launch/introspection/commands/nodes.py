"""``rtgraph node list --live`` and ``rtgraph node info NODE``: the nodes of a running graph."""

from __future__ import annotations

from dataclasses import asdict

from rtgraph.launch.console.printing import print_json
from rtgraph.launch.console.tables import console, row, table
from rtgraph.launch.introspection.live import LiveNode, snapshot
from rtgraph.launch.introspection.sessions import COMMAND_LINE, LiveSession
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.realtime.host import private_bytes


def print_list(session: LiveSession, *, as_json: bool) -> int:
    """Print every node with its class, process and state."""
    nodes = snapshot(session).nodes
    if as_json:
        keys = ("node", "node_class", "state", "pid", "incarnation", "restarts")
        print_json([{key: getattr(node, key) for key in keys} for node in nodes])
        return 0
    shown = table("node", "class", "process", "state", "restarts", right=("process", "restarts"))
    for node in nodes:
        row(shown, node.node, node.node_class, node.pid or "–", node.state, node.restarts)
    console().print(shown)
    return 0


def print_info(session: LiveSession, name: str, *, as_json: bool) -> int:
    """Print a node's process, what its inputs received, and what it published.

    Raises:
        GraphError: there is no such node.
    """
    nodes = {node.node: node for node in snapshot(session).nodes}
    if name not in nodes:
        raise GraphError(
            f"there is no node {name!r} in {session.description.name}",
            file=COMMAND_LINE,
            hint=nearest(name, nodes),
        )
    node = nodes[name]
    # Read from the kernel here rather than by the node, because counting takes time.
    private = private_bytes(node.pid) if node.pid else 0
    topics = {stream.port: stream.topic for stream in session.description.streams if stream.node == name}
    if as_json:
        print_json(asdict(node) | {"private_bytes": private, "topics": topics})
        return 0
    _print(node, private, topics)
    return 0


def _print(node: LiveNode, private: int, topics: dict[str, str]) -> None:
    print(f"{node.node}: {node.node_class}")
    incarnation = (
        f", incarnation {node.incarnation}, restarted {node.restarts} times" if node.restarts else ""
    )
    print(f"{node.state}, process {node.pid or '–'}{incarnation}")
    cpu = "–" if node.cpu_percent is None else f"{node.cpu_percent:.1f} %"
    resident = "–" if node.resident_bytes is None else f"{node.resident_bytes / 2**20:,.1f} MiB"
    print(f"CPU {cpu}, memory {resident}, of which {private / 2**20:,.1f} MiB private")
    columns = ("received", "per s", "lost", "overwritten", "refused")
    came = table("input", "from", *columns, "unread", right=(*columns, "unread"))
    for edge in node.edges:
        rate = "–" if edge.rate_hz is None else f"{edge.rate_hz:,.1f}"
        counts = (edge.received, rate, edge.lost, edge.overwritten, edge.refused)
        row(came, edge.port, edge.publisher, *counts, node.waiting.get(edge.port, 0))
    went = table("output", "topic", "sent", right=("sent",))
    for port, sent in node.sent.items():
        row(went, port, topics.get(port, ""), sent)
    for made in (came, went):
        if made.row_count:
            console().print(made)

"""States, counts and rates of a running graph's nodes and edges, computed from the launcher's answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.sessions import LiveSession
from rtgraph.msgs.introspection import AskGraph, Graph, NodeState
from rtgraph.msgs.system import Beat

if TYPE_CHECKING:
    from rtgraph.graphs.drawing.text import Notes


@dataclass(frozen=True, slots=True)
class LiveEdge:
    """Message counts of one edge (connection) since the subscriber started, and the message rate over the last two seconds."""

    publisher: str
    port: str
    received: int
    lost: int
    overwritten: int
    refused: int
    rate_hz: float | None


@dataclass(frozen=True, slots=True)
class LiveNode:
    """State of a node. Rates are means over the last two seconds. Unknown values are None, but unknown counts are 0."""

    node: str
    node_class: str
    state: str
    pid: int
    incarnation: int
    restarts: int
    heard_s: float | None
    does: str = ""
    """The state of the robot that the node drives; empty for other nodes."""
    cpu_percent: float | None = None
    resident_bytes: int | None = None
    in_hz: float | None = None
    out_hz: float | None = None
    received: int = 0
    lost: int = 0
    overwritten: int = 0
    refused: int = 0
    unread: int = 0
    age_ms: float | None = None
    """Age of the newest message that any input had received, at the time of the node's last heartbeat, in ms."""
    sent: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    """Number of unread messages, by input."""
    edges: tuple[LiveEdge, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveProgress:
    """The newest progress report of the run: the tick, and how well the agent and the environment keep up."""

    tick: int
    tick_rate_hz: float | None
    inaction: float
    age_ticks: float | None
    lateness_most_ms: float
    overruns: int


@dataclass(frozen=True, slots=True)
class LiveGraph:
    """A running graph at one moment."""

    name: str
    now_s: float
    nodes: tuple[LiveNode, ...]
    progress: LiveProgress | None


def snapshot(session: LiveSession) -> LiveGraph:
    """Return the current state of a running graph.

    Raises:
        LaunchError: the graph's launcher does not answer.
    """
    with Client(session) as client:
        return figures(client.ask(AskGraph(), Graph))


def figures(graph: Graph) -> LiveGraph:
    """Compute the states, counts and rates of the nodes from the launcher's answer."""
    return LiveGraph(graph.name, graph.now_ns / 1e9, tuple(map(_node, graph.nodes)), _progress(graph))


def edge_notes(graph: LiveGraph) -> Notes:
    """Return notes for the edges in a drawing of the graph, such as "60.0 Hz, 3 lost".

    Replicas of a node are drawn as one box. Edges from one box to the same input share a note.
    """
    # Only drawings need it, and it imports graphs.
    from rtgraph.graphs.drawing.text import box_name  # noqa: PLC0415

    rates: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    gone: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for node in graph.nodes:
        for edge in node.edges:
            # A tap counts each publisher's channels separately, named after a colon.
            place = box_name(edge.publisher.partition(":")[0]), box_name(node.node), edge.port
            rates[place] += edge.rate_hz or 0.0
            gone[place][0] += edge.lost + edge.refused
            gone[place][1] += edge.overwritten
    return {place: _note(rate, *gone[place]) for place, rate in rates.items()}


def _note(rate_hz: float, lost: int, overwritten: int) -> str:
    parts = [f"{rate_hz:,.1f} Hz"]
    if lost:
        parts.append(f"{lost:,} lost")
    if overwritten:
        parts.append(f"{overwritten:,} overwritten")
    return ", ".join(parts)


def _node(state: NodeState) -> LiveNode:
    known = {
        name: getattr(state, name)
        for name in ("node", "node_class", "pid", "incarnation", "restarts", "heard_s", "does")
    }
    beat, earlier = state.beat, state.earlier
    if beat is None:
        return LiveNode(**known, state=state.state)
    edges = _edges(beat, earlier)
    return LiveNode(
        **known,
        state="busy" if state.state == "running" and beat.busy else state.state,
        cpu_percent=_scaled(100.0, _rate(beat, earlier, lambda b: b.cpu_s)),
        resident_bytes=beat.resident_bytes,
        in_hz=_rate(beat, earlier, lambda b: sum(edge[2] for edge in b.edges)),
        out_hz=_rate(beat, earlier, lambda b: sum(b.sent.values())),
        received=sum(edge.received for edge in edges),
        lost=sum(edge.lost for edge in edges),
        overwritten=sum(edge.overwritten for edge in edges),
        refused=sum(edge.refused for edge in edges),
        unread=sum(beat.unread.values()),
        age_ms=None if beat.age_ns is None else beat.age_ns / 1e6,
        sent=beat.sent,
        waiting=beat.unread,
        edges=edges,
    )


def _edges(beat: Beat, earlier: Beat | None) -> tuple[LiveEdge, ...]:
    before = {edge[:2]: edge[2] for edge in earlier.edges} if earlier is not None else {}
    span_s = (beat.at_ns - earlier.at_ns) / 1e9 if earlier is not None else 0.0
    return tuple(
        LiveEdge(
            publisher=publisher,
            port=port,
            received=received,
            lost=lost,
            overwritten=overwritten,
            refused=refused,
            rate_hz=(received - before.get((port, publisher), 0)) / span_s if span_s > 0 else None,
        )
        for port, publisher, received, lost, overwritten, refused in beat.edges
    )


def _rate(beat: Beat, earlier: Beat | None, count: Callable[[Beat], float]) -> float | None:
    if earlier is None or beat.at_ns <= earlier.at_ns:
        return None
    return 1e9 * (count(beat) - count(earlier)) / (beat.at_ns - earlier.at_ns)


def _scaled(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _progress(graph: Graph) -> LiveProgress | None:
    if not graph.progress:
        return None
    newest, before = graph.progress[-1], graph.progress[0]
    span_ns = newest.header.stamp_ns - before.header.stamp_ns
    ticks = newest.tick - before.tick
    return LiveProgress(
        tick=newest.tick,
        tick_rate_hz=1e9 * ticks / span_ns if span_ns > 0 and ticks > 0 else None,
        inaction=newest.inaction,
        age_ticks=newest.age_ticks,
        lateness_most_ms=newest.lateness_most_ms,
        overruns=newest.overruns,
    )

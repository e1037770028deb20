"""The durations in a recording: inference times, pauses between inferences, and transport times of messages.

Inference times are part of the recorded decisions. The source of transport times depends on the recording:

* In virtual time it is the nodes' journals (what each node consumed and published), which hold the arrival time of each message.
* In real time it is the time at which the recorder received the message, because the recorder is a subscriber, too. For a
  ``Claim`` (an observation assigned to a worker) it is the beginning of the inference, which the worker's decision holds.

In real time, transport times from and to a plant (environment or robot) are corrected for the lateness of its ticks, because
ticks in virtual time are never late. A message that the plant publishes at a tick counts as sent at the due time of the tick. A
message to the plant counts as arrived earlier, by the lateness of the tick that uses the message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from rtgraph.graphs import Plan
from rtgraph.launch.latency.pauses import pauses_of
from rtgraph.msgs import Applied, Claim, Decision
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.format.channel import Recorded
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.session import Journal
from rtgraph.msgs.wire.envelope import Envelope, envelope
from rtgraph.nodes.runtime.journal import DELIVERY_LENGTH, Kind

RECORDER, RECEIVER = "recorder", "receiver"
_TICKING = "tick"

Stream = tuple[str, str, str]
"""A stream of messages: the name of the publisher, the topic, and the key of the messages (empty without a key)."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """An edge: a connection from an output of one node to another node."""

    source: str
    port: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} → {self.target}: {self.port}"


@dataclass
class Durations:
    """The inference times, pauses and transport times in a recording, in ms."""

    plan: Plan
    workers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """The inference times in ms, by worker."""
    pauses: dict[str, list[float]] = field(default_factory=dict)
    """The pauses between two inferences in ms, by worker. Workers that receive observations from a coordinator are left out."""
    edges: dict[Edge, list[float]] = field(default_factory=lambda: defaultdict(list))
    seen_by: dict[Edge, str] = field(default_factory=dict)
    """Who measured the arrival of an edge's messages: ``receiver`` or ``recorder``."""


def durations_of(bag: Bag) -> Durations:
    """Return the inference times, pauses and transport times in a recording.

    Raises:
        BagError: the recording has no plan (the resolved launch file), or no decisions.
    """
    plan = Plan.from_yaml(bag.plan("only what `rtgraph launch` recorded has one"))
    found = Durations(plan)
    edges = _edges(plan)
    ticks = {name: _Ticks() for name in _publishers(bag, Applied)}
    for recorded in bag.messages(publishers=list(ticks), topics=_topics(bag, Applied)):
        ticks[recorded.channel.publisher].add(recorded.fields())
    if plan.world == "virtual":
        _arrived_by_journals(bag, edges, found)
    else:
        _received_by_recorder(bag, edges, ticks, found)
    _decisions(bag, edges, found)
    found.pauses.update(pauses_of(bag, plan))
    if not found.workers:
        raise BagError(f"{bag.path} holds no decisions", hint="record the topic `decision`")
    return found


def rate_of(plan: Plan) -> float | None:
    """Return the rate of the plant (environment or robot) in Hz, from the first node with a plant's spec; None if there is none."""
    for node in plan.nodes:
        plant = node.params.get("plant")
        if isinstance(plant, dict) and "rate_hz" in plant:
            return float(plant["rate_hz"])
    return None


class _Ticks:
    """The times at which the ticks of a plant were due, and the times at which they began."""

    def __init__(self) -> None:
        self.due_ns: dict[int, int] = {}
        self._began_ns: list[int] = []
        self._late_ns: list[int] = []

    def add(self, applied: Mapping[str, Any]) -> None:
        self.due_ns[applied["tick"]] = applied["due_ns"]
        self._began_ns.append(applied["due_ns"] + applied["lateness_ns"])
        self._late_ns.append(applied["lateness_ns"])

    def lateness_at(self, arrived_ns: int) -> int:
        """Return the lateness, in ns, of the first tick that began at or after ``arrived_ns``; 0 if there is no such tick."""
        index = bisect_left(self._began_ns, arrived_ns)
        return self._late_ns[index] if index < len(self._late_ns) else 0


def _edges(plan: Plan) -> dict[Stream, list[tuple[Edge, str]]]:
    """Return the edges over which each stream of messages travels, with the name of the receiving input.

    Edges to nodes without subscribers, such as a monitor, are left out. Their transport times do not change any action.
    """
    heard = {name for node in plan.nodes for source in node.inputs.values() for name in source.publishers}
    ports = {(node.name, topic): port for node in plan.nodes for port, topic in node.outputs.items()}
    found: dict[Stream, list[tuple[Edge, str]]] = defaultdict(list)
    for node in plan.nodes:
        for name, source in node.inputs.items():
            for publisher in source.publishers if node.name in heard else ():
                edge = Edge(publisher, ports[publisher, source.topic], node.name)
                for key in ("", node.name):
                    found[publisher, source.topic, key].append((edge, name))
    return found


def _received_by_recorder(
    bag: Bag,
    edges: Mapping[Stream, list[tuple[Edge, str]]],
    ticks: Mapping[str, _Ticks],
    found: Durations,
) -> None:
    for recorded in _of_edges(bag, edges):
        stream, published_ns = _stream(recorded), recorded.publish_ns
        if (of_plant := ticks.get(stream[0])) is not None:
            tick = recorded.fields().get(_TICKING)
            published_ns = of_plant.due_ns.get(tick, published_ns) if isinstance(tick, int) else published_ns
        for edge, _ in edges[stream]:
            late_ns = ticks[edge.target].lateness_at(recorded.log_ns) if edge.target in ticks else 0
            found.edges[edge].append(max(0, recorded.log_ns - published_ns - late_ns) / 1e6)
            found.seen_by[edge] = RECORDER


def _arrived_by_journals(bag: Bag, edges: Mapping[Stream, list[tuple[Edge, str]]], found: Durations) -> None:
    published: dict[tuple[Stream, int, int], int] = {}
    for recorded in _of_edges(bag, edges):
        head = _head(recorded)
        published[_stream(recorded), head.incarnation, head.sequence] = recorded.publish_ns
    inputs = {
        (edge.target, port, stream[0], stream[2]): (edge, stream)
        for stream, ends in edges.items()
        for edge, port in ends
    }
    for recorded in bag.messages(topics=_topics(bag, Journal)):
        target = recorded.channel.publisher
        for at_ns, (port, source, incarnation, sequence, key, *_) in _deliveries(recorded.message()):
            edge, stream = inputs.get((target, port, source, key), (None, ("", "", "")))
            sent_ns = published.get((stream, incarnation, sequence))
            if edge is not None and sent_ns is not None:
                found.edges[edge].append((at_ns - sent_ns) / 1e6)
                found.seen_by[edge] = RECEIVER


def _deliveries(journal: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the arrival time (ns) and the description of each delivered message in a journal.

    A journal lists what a node consumed and published. ``journal`` must be of a run in virtual time.
    """
    for kind, at_ns, what, published in msgpack.unpackb(journal.entries.tobytes(), strict_map_key=False):
        if kind == Kind.DELIVERY:
            yield at_ns, what
        for item in published:
            if len(item) >= DELIVERY_LENGTH:
                yield at_ns, item


def _decisions(bag: Bag, edges: Mapping[Stream, list[tuple[Edge, str]]], found: Durations) -> None:
    """Add the inference times to ``found``; in real time also the transport times of claims (observations assigned to a worker)."""
    claimed: dict[tuple[str, int, int], tuple[Stream, int]] = {}
    read: dict[Edge, list[float]] = defaultdict(list)
    if found.plan.world == "realtime":
        for recorded in bag.messages(topics=_topics(bag, Claim)):
            claim: Claim = recorded.message()  # type: ignore[assignment]
            key = claim.worker, claim.observation.episode, claim.observation.tick
            claimed[key] = _stream(recorded), recorded.publish_ns
    for recorded in bag.messages(topics=_topics(bag, Decision)):
        decision: Decision = recorded.message()  # type: ignore[assignment]
        found.workers[decision.worker].append(decision.inference_ns / 1e6)
        lineage = decision.header.lineage
        if lineage is not None:
            stream, sent_ns = claimed.get((decision.worker, lineage.episode, lineage.tick), (("", "", ""), 0))
            for edge, _ in edges.get(stream, ()):
                read[edge].append(max(0, decision.began_ns - sent_ns) / 1e6)
    found.edges.update(read)
    found.seen_by.update(dict.fromkeys(read, RECEIVER))


def _of_edges(bag: Bag, edges: Mapping[Stream, list[tuple[Edge, str]]]) -> Iterator[Recorded]:
    topics = sorted({topic if not key else f"{topic}/{key}" for _, topic, key in edges})
    for recorded in bag.messages(topics=topics):
        if edges.get(_stream(recorded)):
            yield recorded


def _stream(recorded: Recorded) -> Stream:
    channel = recorded.channel
    return (
        channel.publisher,
        channel.topic.removesuffix(f"/{channel.key}") if channel.key else channel.topic,
        channel.key,
    )


def _head(recorded: Recorded) -> Envelope:
    return envelope(recorded.data)


def _topics(bag: Bag, message: type[Any]) -> list[str]:
    """Return the recorded topics of a message class. If there are none, return a pattern that no topic matches."""
    topics = [channel.topic for channel in bag.channels if channel.schema_name == message.schema_name]
    return sorted(set(topics)) or ["\0"]


def _publishers(bag: Bag, message: type[Any]) -> list[str]:
    return sorted({c.publisher for c in bag.channels if c.schema_name == message.schema_name})

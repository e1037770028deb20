"""``rtgraph topic list`` and ``info``: topics with their publishers and subscribers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from rtgraph.launch.console.printing import print_json
from rtgraph.launch.console.tables import console, row, table
from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.sessions import (
    COMMAND_LINE,
    TAP_POLICY,
    Description,
    LiveSession,
    SubscribedInput,
)
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.introspection import AskGraph, Graph
from rtgraph.msgs.system import Beat
from rtgraph.msgs.typed.nearest import nearest

MOST_NAMED = 4


def print_list(session: LiveSession, *, everything: bool, as_json: bool) -> int:
    """Print every topic of the graph. Internal topics of the runtime are printed only if ``everything`` is set."""
    description = session.description
    topics = [name for name in description.topics() if everything or not name.startswith("_")]
    overviews = [_Overview.of(description, topic) for topic in topics]
    if as_json:
        print_json([asdict(one) for one in overviews])
        return 0
    shown = table("topic", "message", "published by", "taken by")
    for one in overviews:
        keyed = " (keyed)" if one.keyed else ""
        row(
            shown,
            one.topic,
            f"{one.message}{keyed}",
            some(list(dict.fromkeys(one.publishers))),
            some(one.subscribers),
        )
    console().print(shown)
    return 0


def print_info(session: LiveSession, topic: str, *, as_json: bool) -> int:
    """Print a topic's publishers and subscribers, and their message counts."""
    description = session.description
    if topic not in description.topics():
        raise GraphError(
            f"there is no topic {topic!r} in {description.name}",
            file=COMMAND_LINE,
            hint=nearest(topic, [name for name in description.topics() if not name.startswith("_")]),
        )
    with Client(session) as client:
        graph = client.ask(AskGraph(), Graph)
    beats = {node.node: node.beat for node in graph.nodes if node.beat is not None}
    publishers = [
        {
            "node": stream.node,
            "output": stream.port,
            "message": stream.message,
            "schema_hash": stream.schema_hash,
            "endpoint": stream.endpoint,
            "sent": beats[stream.node].sent.get(stream.port, 0) if stream.node in beats else None,
        }
        for stream in description.streams
        if stream.topic == topic
    ]
    subscribers = [
        _subscriber(subscriber, beats.get(subscriber.node))
        for subscriber in description.subscribers
        if subscriber.topic == topic
    ]
    overview = _Overview.of(description, topic)
    if as_json:
        print_json(asdict(overview) | {"publishers": publishers, "subscribers": subscribers})
        return 0
    print(f"{topic}: {overview.message}{', keyed' if overview.keyed else ''}")
    sources = table("published by", "output", "class", "schema", "sent", right=("sent",))
    for one in publishers:
        row(sources, one["node"], one["output"], one["message"], one["schema_hash"], one["sent"])
    targets = table(
        "taken by",
        "input",
        "policy",
        "received",
        "lost",
        "overwritten",
        right=("received", "lost", "overwritten"),
    )
    for two in subscribers:
        row(
            targets, *(two.get(key) for key in ("node", "input", "policy", "received", "lost", "overwritten"))
        )
    for made in (sources, targets):
        if made.row_count:
            console().print(made)
    return 0


def _subscriber(subscriber: SubscribedInput, beat: Beat | None) -> dict[str, Any]:
    overviews = {
        "node": subscriber.node,
        "input": subscriber.port,
        "policy": subscriber.policy,
        "publishers": subscriber.publishers,
    }
    # A tap subscribes to several topics and counts them together.
    if beat is None or subscriber.policy == TAP_POLICY:
        return overviews
    edges = [edge for edge in beat.edges if edge[0] == subscriber.port]
    return overviews | {
        "received": sum(edge[2] for edge in edges),
        "lost": sum(edge[3] for edge in edges),
        "overwritten": sum(edge[4] for edge in edges),
        "refused": sum(edge[5] for edge in edges),
    }


def some(names: list[str]) -> str:
    """Join names to one text, such as "a, b and 5 more": the first few names, and the number of the remaining names."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class _Overview:
    """A topic with its publishers and subscribers."""

    topic: str
    message: str
    keyed: bool
    publishers: list[str]
    subscribers: list[str]

    @classmethod
    def of(cls, description: Description, topic: str) -> Self:
        streams = [stream for stream in description.streams if stream.topic == topic]
        subscribers = [subscriber for subscriber in description.subscribers if subscriber.topic == topic]
        return cls(
            topic=topic,
            message=(streams[0].message if streams else subscribers[0].message).rpartition(":")[2],
            keyed=any(s.keyed for s in streams) or any(t.keyed for t in subscribers),
            publishers=[stream.node for stream in streams],
            subscribers=[f"{subscriber.node}.{subscriber.port}" for subscriber in subscribers],
        )

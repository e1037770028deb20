"""The outcome of a launch, and the counts of messages that its nodes sent and received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtgraph.launch.process.supervision import Member
from rtgraph.msgs.system import EdgeReport, Statistics
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.interface.taps import edge_name


@dataclass(slots=True)
class Outcome:
    """The outcome of a launch: why it ended, which failures it had, and what happened to its nodes."""

    reason: str = ""
    failures: list[str] = field(default_factory=list)
    signal: int | None = None
    """The number of the signal that ended the launch; None if no signal ended it."""
    statistics: dict[str, Statistics] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    """The last error of each restarted node, by node."""
    down: dict[str, str] = field(default_factory=dict)
    """The last error of each node that was down at the end, by node."""
    silent_s: dict[str, float] = field(default_factory=dict)
    """The longest time without a heartbeat, in s, of each node that was reported as silent, by node."""
    left_behind: dict[str, list[str]] = field(default_factory=dict)
    """Command lines of the processes that nodes left running and that the launcher ended, by node."""
    import_s: float = 0.0
    start_s: float = 0.0
    duration_s: float = 0.0

    def fail(self, problem: str) -> None:
        """Record an unrecoverable problem, which ends the launch."""
        self.failures.append(problem)
        self.reason = self.reason or problem


def sent_to(member: Member, members: Mapping[str, Member]) -> dict[str, dict[str, int]]:
    """Return how many messages were sent to a node's lossless inputs, by input and publisher.

    For a tap (an input for messages of any class), the second key is ``PUBLISHER:CHANNEL`` in place of the publisher.

    Only publishers that have ended are counted, because a publisher reports its counts at its end.
    """
    ports = load_class(member.plan.node).input_ports
    found: dict[str, dict[str, int]] = {}
    for name, source in member.plan.inputs.items():
        if ports[name].policy.depth is not None:
            continue
        for publisher in source.publishers:
            statistics = members[publisher].statistics
            outputs = {topic: port for port, topic in members[publisher].plan.outputs.items()}
            if statistics is not None:
                output = outputs[source.topic]
                sent = statistics.sent.get(output, statistics.sent.get(f"{output}:{member.plan.name}", 0))
                found.setdefault(name, {})[publisher] = sent
    for name, taps in member.plan.taps.items():
        for tapped in taps:
            statistics = members[tapped.publisher].statistics
            for output, sent in statistics.sent.items() if statistics is not None else ():
                port, _, key = output.partition(":")
                if port == tapped.port:
                    channel = f"{tapped.topic}/{key}" if key else tapped.topic
                    found.setdefault(name, {})[edge_name(tapped.publisher, channel)] = sent
    return found


def statistics_of_all(members: Mapping[str, Member], *, began: bool) -> dict[str, Statistics]:
    """Return the message counts of the nodes, by node name.

    A node that was down at the end has reported no counts. Instead, the result counts all messages to the node's lossless inputs
    as lost. Such a node is not in the result if it has no inputs, or if the graph did not begin.
    """
    found = {}
    for name, member in members.items():
        if member.statistics is not None:
            found[name] = member.statistics
        elif began and (member.plan.inputs or member.plan.taps):
            found[name] = _of_the_missing(member, members)
    return found


def _of_the_missing(member: Member, members: Mapping[str, Member]) -> Statistics:
    return Statistics(
        node=member.plan.name,
        incarnation=member.incarnation,
        scheduling="unknown: the node was down at the end",
        edges=[
            EdgeReport(port=port, publisher=publisher, lost=sent)
            for port, publishers in sent_to(member, members).items()
            for publisher, sent in publishers.items()
        ],
    )

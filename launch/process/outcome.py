"""The outcome of a launch, and the messages sent and received in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtgraph.launch.process.supervision import Member
from rtgraph.msgs.system import EdgeReport, Statistics
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.interface.taps import edge_name


@dataclass(slots=True)
class Outcome:
    """The outcome of a launch."""

    reason: str = ""
    failures: list[str] = field(default_factory=list)
    signal: int | None = None
    """The signal that ended the launch; None if none did."""
    statistics: dict[str, Statistics] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    """The reason for each node's last restart."""
    down: dict[str, str] = field(default_factory=dict)
    """Nodes that were down at the end, with their last errors."""
    silent_s: dict[str, float] = field(default_factory=dict)
    """Nodes that were silent for too long, with the durations."""
    left_behind: dict[str, list[str]] = field(default_factory=dict)
    """Commands of processes that nodes left running, by node; they were ended."""
    import_s: float = 0.0
    start_s: float = 0.0
    duration_s: float = 0.0

    def fail(self, problem: str) -> None:
        """Record an unrecoverable problem, which ends the launch."""
        self.failures.append(problem)
        self.reason = self.reason or problem


def sent_to(member: Member, members: Mapping[str, Member]) -> dict[str, dict[str, int]]:
    """Return the number of messages sent to a node's lossless inputs by publishers that have ended, by input and publisher."""
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
    """Return the counts of every node. For a node that was down at the end, all messages to it count as lost."""
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

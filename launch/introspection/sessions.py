"""The launches that run on this computer, found by the descriptions that their launchers write."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from rtgraph.launch.host.runtime_directory import announced, is_in_use
from rtgraph.msgs import Record
from rtgraph.msgs.errors import GraphError, LaunchError
from rtgraph.msgs.typed.nearest import nearest

COMMAND_LINE = "command line"
TAP_POLICY = "everything"
"""The policy of taps: inputs that receive every message of many topics, such as that of a recorder."""


class Stream(Record):
    """An output of a node, and the ZeroMQ endpoint at which it publishes."""

    node: str
    port: str
    topic: str
    keyed: bool
    endpoint: str
    message: str
    """Path of the message class, ``package.module:Class``."""
    schema_hash: str


class SubscribedInput(Record):
    """An input of a node, and the nodes that publish to it."""

    node: str
    port: str
    topic: str
    keyed: bool
    policy: str
    message: str
    publishers: tuple[str, ...]


class Description(Record):
    """The description of a launch, which its launcher writes when the graph starts.

    ``epoch_ns`` is the reading of the host's monotonic clock at time 0 of the graph.
    """

    format: Literal[1] = 1
    name: str
    pid: int
    directory: str
    started: str
    """Date and time of the start, in ISO 8601."""
    epoch_ns: int
    introspection: str
    """The ZeroMQ endpoint at which the launcher answers questions about the graph."""
    plan: str
    """The plan (the launch file with all references resolved), as YAML."""
    nodes: tuple[str, ...]
    streams: tuple[Stream, ...]
    subscribers: tuple[SubscribedInput, ...]
    modules: dict[str, str] = Field(default_factory=dict)
    """Paths of the modules and packages that nodes use but that are not installed, by top-level name."""

    def topics(self) -> tuple[str, ...]:
        """Return all topics with a publisher or a subscriber. Internal topics of the runtime begin with an underscore."""
        return tuple(sorted({s.topic for s in self.streams} | {t.topic for t in self.subscribers}))

    def published(self, topic: str) -> tuple[Stream, ...]:
        """Return the outputs that publish on a topic.

        Raises:
            GraphError: the topic has no publisher.
        """
        found = tuple(stream for stream in self.streams if stream.topic == topic)
        if not found:
            known = [stream.topic for stream in self.streams if not stream.topic.startswith("_")]
            raise GraphError(
                f"no node of {self.name} publishes {topic!r}",
                file=COMMAND_LINE,
                hint=nearest(topic, known),
            )
        return found

    def subscribed(self, topic: str) -> str:
        """Return the path of the message class that subscribers of a topic expect.

        Raises:
            GraphError: no node subscribes to the topic, or only taps do. A tap, such as the input of a recorder, takes no messages
                from outside the graph.
        """
        subscribers = {
            subscriber.topic: subscriber.message
            for subscriber in self.subscribers
            if subscriber.policy != TAP_POLICY
        }
        if topic not in subscribers:
            taps = ", ".join(f"{one.node}.{one.port}" for one in self.subscribers if one.topic == topic)
            raise GraphError(
                f"{topic!r} is only recorded or forwarded, by {taps}, which takes no messages from outside the graph"
                if taps
                else f"no node of {self.name} subscribes to {topic!r}",
                file=COMMAND_LINE,
                hint=nearest(topic, subscribers),
            )
        return subscribers[topic]


class LiveSession:
    """A running launch: its description, and whether it still runs."""

    def __init__(self, runtime: Path, description: Description) -> None:
        self._runtime = runtime
        self.description = description

    def lives(self) -> bool:
        """Return whether the launch still runs."""
        return is_in_use(self._runtime)


def running() -> list[LiveSession]:
    """Return this user's running launches on this host, oldest first."""
    found = []
    for runtime, text in announced():
        try:
            found.append(LiveSession(runtime, Description.model_validate_json(text)))
        except ValidationError:
            continue  # written by another version of rtgraph
    return sorted(found, key=lambda session: (session.description.epoch_ns, session.description.pid))


def pick(wanted: str | None = None) -> LiveSession:
    """Return the running launch that a user selected.

    Args:
        wanted: name, process ID or session folder of the launch; None if only one launch runs.

    Raises:
        LaunchError: no launch runs, none matches, or several do.
    """
    sessions = running()
    if not sessions:
        raise LaunchError(
            "no graph is running",
            hint="start one with `rtgraph launch FILE`; a launch in virtual time cannot be inspected",
        )
    meant = sessions if wanted is None else [s for s in sessions if _is_meant(s.description, wanted)]
    if not meant:
        raise LaunchError(f"no running graph matches {wanted!r}", hint=f"running graphs: {_listed(sessions)}")
    if len(meant) > 1:
        raise LaunchError(
            f"{len(meant)} graphs {'are running' if wanted is None else f'match {wanted!r}'}: {_listed(meant)}",
            hint="choose one with --session PID",
        )
    return meant[0]


def _is_meant(description: Description, wanted: str) -> bool:
    if wanted in (description.name, str(description.pid)):
        return True
    return Path(wanted).resolve() == Path(description.directory)


def _listed(sessions: list[LiveSession]) -> str:
    described = [session.description for session in sessions]
    return ", ".join(f"{one.name} (process {one.pid}, {one.directory})" for one in described)

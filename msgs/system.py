"""What the system says about itself: the control channel between the launcher and its nodes, and progress."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rtgraph.msgs.base import ControlMessage, Message, Record


class Progress(Message):
    """How a run went since the last message of this kind."""

    tick: int
    episode: int
    inaction: float
    age_ticks: float | None = None
    lateness_most_ms: float
    overruns: int
    reward: float


class EdgeReport(Record):
    """What became of one publisher's messages at one input."""

    port: str
    publisher: str
    received: int = 0
    lost: int = 0
    overwritten: int = 0
    refused: int = 0
    unread: int = 0
    """Messages that a lossless input still held when its node had stopped."""


class Ready(ControlMessage):
    """A node's process is up, its sockets bound and connected."""

    node: str
    incarnation: int = Field(ge=0)
    pid: int


class Probe(ControlMessage):
    """The launcher asks a publisher to send this nonce through its real sockets."""

    nonce: int


class Proven(ControlMessage):
    """A nonce came in at an input: the edge from its publisher works."""

    node: str
    port: str
    publisher: str
    nonce: int


class Go(ControlMessage):
    """Begin: the graph's time is 0 when the host's monotonic clock reads ``epoch_ns``."""

    epoch_ns: int


class Stop(ControlMessage):
    """End in order, before ``deadline_ns`` of the graph's time.

    ``sent`` says for each lossless input how many messages each publisher that has ended sent to it in all.
    """

    reason: str
    deadline_ns: int
    sent: dict[str, dict[str, int]] = Field(default_factory=dict)


EdgeRow = tuple[str, str, int, int, int, int]
"""Port, publisher, received, lost, overwritten, refused: an ``EdgeReport`` that costs next to nothing to send."""


class Beat(Record):
    """How a node stands: its counters since its life began. ``at_ns`` is the host's monotonic clock."""

    at_ns: int
    busy: bool
    cpu_s: float
    resident_bytes: int
    """Memory that is mapped in, shared or not."""
    sent: dict[str, int] = Field(default_factory=dict)
    """Messages published, by output."""
    edges: list[EdgeRow] = Field(default_factory=list)
    unread: dict[str, int] = Field(default_factory=dict)
    """Messages that wait, by input; inputs where none do are left out."""
    age_ns: int | None = None
    """How long before the beat the newest message that came at any input was published."""


class Heartbeat(ControlMessage):
    """A node is alive."""

    node: str
    incarnation: int
    beat: Beat


class Inject(ControlMessage):
    """The launcher hands a node a message, as if a publisher had sent it to one of its inputs."""

    port: str
    source: str
    sequence: int = Field(ge=0)
    stamp_ns: int
    document: bytes


class ChangeParams(ControlMessage):
    """The launcher gives a node new values of parameters, by dotted path."""

    number: int
    values: dict[str, Any]


class ParamsChanged(ControlMessage):
    """A node's answer to ``ChangeParams``: what is in force now, or why nothing was changed."""

    number: int
    values: dict[str, Any] = Field(default_factory=dict)
    problem: str = ""


class Finish(ControlMessage):
    """A node asks for the whole graph to stop: the work is done."""

    node: str
    reason: str


class Failed(ControlMessage):
    """A node raised an error and is about to end."""

    node: str
    incarnation: int
    problem: str
    started: bool = True
    """False if it failed before ``on_start`` returned."""


class Statistics(ControlMessage):
    """A node's counters at its end, and what it has to say of itself."""

    node: str
    incarnation: int
    sent: dict[str, int] = Field(default_factory=dict)
    """Messages published, by output (and by key behind a colon)."""
    edges: list[EdgeReport] = Field(default_factory=list)
    scheduling: str = ""
    """The priority the process was given."""
    memory_bytes: int = 0
    """Private memory of the process."""
    cpu_s: float = 0.0
    result: dict[str, Any] = Field(default_factory=dict)
    problem: str = ""
    """Why the node failed at its end: its ``on_stop`` or ``result`` raised an error, or it says so itself."""

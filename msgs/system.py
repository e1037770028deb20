"""The control channel between the launcher and its nodes, and progress messages."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rtgraph.msgs.base import ControlMessage, Message, Record


class Progress(Message):
    """Progress of a run. ``tick`` and ``episode`` are the latest, ``overruns`` counts from the start of the run.

    The other fields are over the ticks since the last progress message.
    """

    tick: int
    episode: int
    inaction: float
    age_ticks: float | None = None
    lateness_most_ms: float
    overruns: int
    reward: float


class EdgeReport(Record):
    """The counts of one publisher's messages at one input."""

    port: str
    publisher: str
    received: int = 0
    lost: int = 0
    overwritten: int = 0
    refused: int = 0
    unread: int = 0
    """Number of messages that the input still held when its node stopped. Only counted for inputs that must not lose messages."""


class Ready(ControlMessage):
    """A node's process is running, with its sockets bound and connected."""

    node: str
    incarnation: int = Field(ge=0)
    pid: int


class Preparing(ControlMessage):
    """A node is not ready yet, and makes progress."""

    node: str
    incarnation: int = Field(ge=0)
    what: str
    """The node's activity, such as "pretraining"."""
    done: int = Field(ge=0)
    total: int = Field(ge=0)


class Probe(ControlMessage):
    """Tests the connections before the start: the launcher asks a publisher to send this nonce through its data sockets."""

    nonce: int


class Proven(ControlMessage):
    """Says that an input received a nonce, so that the connection from its publisher works."""

    node: str
    port: str
    publisher: str
    nonce: int


class Go(ControlMessage):
    """Starts the graph: the graph's time is 0 when the host's monotonic clock reads ``epoch_ns``."""

    epoch_ns: int


class Stop(ControlMessage):
    """Asks a node to stop in an orderly way, before ``deadline_ns`` of the graph's time.

    ``sent`` holds total numbers of messages sent to this node, by input and publisher. It contains only inputs that must not lose
    messages, and only publishers that have ended.
    """

    reason: str
    deadline_ns: int
    sent: dict[str, dict[str, int]] = Field(default_factory=dict)


EdgeRow = tuple[str, str, int, int, int, int]
"""A compact ``EdgeReport``: port, publisher, and the numbers of received, lost, overwritten and refused messages."""


class Beat(Record):
    """A node's counters since its latest start. ``at_ns`` is when they were read, in ns of the host's monotonic clock."""

    at_ns: int
    busy: bool
    cpu_s: float
    resident_bytes: int
    """Resident memory of the process in bytes, including memory that it shares with others."""
    sent: dict[str, int] = Field(default_factory=dict)
    """Number of messages published, by output."""
    edges: list[EdgeRow] = Field(default_factory=list)
    unread: dict[str, int] = Field(default_factory=dict)
    """Number of unread messages, by input. Inputs without unread messages are omitted."""
    age_ns: int | None = None
    """Age of the newest received message at ``at_ns``, in ns since its publication; None if no message was received."""


class Heartbeat(ControlMessage):
    """A node's periodic sign that it runs, with its counters."""

    node: str
    incarnation: int
    beat: Beat


class Inject(ControlMessage):
    """The launcher delivers a message to one input of a node, as if the message came from a publisher."""

    port: str
    source: str
    sequence: int = Field(ge=0)
    stamp_ns: int
    document: bytes


class ChangeParams(ControlMessage):
    """The launcher sends a node new values of parameters, by dotted path."""

    number: int
    values: dict[str, Any]


class ParamsChanged(ControlMessage):
    """A node's answer to ``ChangeParams``: the values now in force, or why nothing changed."""

    number: int
    values: dict[str, Any] = Field(default_factory=dict)
    problem: str = ""


class Finish(ControlMessage):
    """A node asks the whole graph to stop because the work is done."""

    node: str
    reason: str


class Failed(ControlMessage):
    """A node raised an error and is about to end."""

    node: str
    incarnation: int
    problem: str
    started: bool = True
    """False if the node failed before ``on_start`` returned."""


class Statistics(ControlMessage):
    """A node's counters and result when it ends."""

    node: str
    incarnation: int
    sent: dict[str, int] = Field(default_factory=dict)
    """Number of messages published, by output (with a key: ``output:key``)."""
    edges: list[EdgeReport] = Field(default_factory=list)
    scheduling: str = ""
    """The priority of the process."""
    memory_bytes: int = 0
    """Memory in bytes that only this process uses, not shared with others; 0 if the host does not report it."""
    cpu_s: float = 0.0
    result: dict[str, Any] = Field(default_factory=dict)
    problem: str = ""
    """What failed when the node ended: ``on_stop`` or ``result`` raised an error, or the node reports a failure. Empty if
    nothing failed."""


CONTROL_TYPES: tuple[type[Message], ...] = (
    ChangeParams,
    Failed,
    Finish,
    Go,
    Heartbeat,
    Inject,
    ParamsChanged,
    Preparing,
    Probe,
    Proven,
    Ready,
    Statistics,
    Stop,
)

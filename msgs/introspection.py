"""Messages for looking into a running graph: clients send requests to the launcher, which answers.

Every request has a ``number``; its answer has the same number.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rtgraph.msgs.base import ControlMessage, Message, Record
from rtgraph.msgs.system import Beat, Progress

State = Literal["starting", "running", "silent", "restarting", "ended"]


class Question(ControlMessage):
    """The base of all requests."""

    number: int = 0


class AskGraph(Question):
    """Ask for the state of every node."""


class AskParams(Question):
    """Ask for the parameters of nodes. ``nodes`` is a name or a pattern (``worker/*``)."""

    nodes: str = "*"


class SetParams(Question):
    """Set parameters of the matching nodes, by dotted path. If a value is invalid for one of the nodes, no node changes."""

    nodes: str
    values: dict[str, Any]


class Publish(Question):
    """Deliver a message to every running subscriber of a topic.

    If each message of the topic is for one node, ``key`` is the name of this node.
    """

    topic: str
    key: str = ""
    document: bytes
    """The encoded message."""


class NodeState(Record):
    """A node's state.

    ``beat`` holds the counters of the newest heartbeat. ``earlier`` holds the counters of a heartbeat up to two seconds
    before, so that rates can be computed. Both are since the same start of the node.
    """

    node: str
    node_class: str
    state: State
    pid: int = 0
    incarnation: int = 0
    restarts: int = 0
    heard_s: float | None = None
    """Seconds since the launcher received the node's last message."""
    does: str = ""
    """The state of a robot, such as ``running``; empty if the node is not a robot."""
    beat: Beat | None = None
    earlier: Beat | None = None


class Graph(ControlMessage):
    """The state of every node in the graph, and the last two progress messages of the run."""

    number: int
    name: str
    now_ns: int
    nodes: list[NodeState]
    progress: list[Progress] = Field(default_factory=list)


class NodeParams(Record):
    """A node's parameters as JSON values, and the dotted paths of the parameters that can be changed."""

    node: str
    node_class: str
    values: dict[str, Any]
    changeable: list[str] = Field(default_factory=list)


class ParamsAnswer(ControlMessage):
    """The parameters of nodes."""

    number: int
    nodes: list[NodeParams]


class ParamsSet(ControlMessage):
    """The answer to a change of parameters: for each node, by name, the new values, or why the node has not confirmed them.

    A node that is down gets the new values at its restart.
    """

    number: int
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    problems: dict[str, str] = Field(default_factory=dict)


class Published(ControlMessage):
    """The answer to ``Publish``: the inputs to which the launcher sent the message, as ``node.port``."""

    number: int
    inputs: list[str]


class Declined(ControlMessage):
    """Why a request failed. ``asked_wrongly`` is true if the request itself is invalid."""

    number: int
    problem: str
    hint: str = ""
    asked_wrongly: bool = True


QUESTIONS: tuple[type[Question], ...] = (AskGraph, AskParams, SetParams, Publish)
ANSWERS: tuple[type[Message], ...] = (Graph, ParamsAnswer, ParamsSet, Published, Declined)

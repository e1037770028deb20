"""What is asked of a launcher by those who look into its graph, and what it answers.

Every question and answer has a ``number``: the answer's is that of its question.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rtgraph.msgs.base import ControlMessage, Record
from rtgraph.msgs.system import Beat, Progress

State = Literal["starting", "running", "silent", "restarting", "ended"]


class Question(ControlMessage):
    """The base of what is asked."""

    number: int = 0


class AskGraph(Question):
    """How does every node stand?"""


class AskParams(Question):
    """Which parameters do these nodes have? ``nodes`` is a name or a pattern (``worker/*``)."""

    nodes: str = "*"


class SetParams(Question):
    """Change parameters of these nodes, by dotted path; of all of them or, where one cannot take it, of none."""

    nodes: str
    values: dict[str, Any]


class Publish(Question):
    """Hand a message to every node that takes a topic; of a keyed one, to the node of that name."""

    topic: str
    key: str = ""
    document: bytes
    """The message, on the wire."""


class NodeState(Record):
    """How a node stands. ``earlier`` is a beat of the same life from up to two seconds before, to tell rates by."""

    node: str
    node_class: str
    state: State
    pid: int = 0
    incarnation: int = 0
    restarts: int = 0
    heard_s: float | None = None
    """How long ago it was last heard."""
    beat: Beat | None = None
    earlier: Beat | None = None


class Graph(ControlMessage):
    """How every node stands, and what was last said of progress: the newest and the one before."""

    number: int
    name: str
    now_ns: int
    nodes: list[NodeState]
    progress: list[Progress] = Field(default_factory=list)


class NodeParams(Record):
    """A node's parameters as JSON values, and the dotted paths of those that may be changed while it runs."""

    node: str
    node_class: str
    values: dict[str, Any]
    changeable: list[str] = Field(default_factory=list)


class Params(ControlMessage):
    """The parameters of nodes."""

    number: int
    nodes: list[NodeParams]


class ParamsSet(ControlMessage):
    """What each node made of a change: the values now in force, or a problem."""

    number: int
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    problems: dict[str, str] = Field(default_factory=dict)


class Published(ControlMessage):
    """The inputs that a message was handed to, as ``node.port``."""

    number: int
    inputs: list[str]


class Declined(ControlMessage):
    """Why a question has no other answer. ``asked_wrongly``: it is the question that is to be mended."""

    number: int
    problem: str
    hint: str = ""
    asked_wrongly: bool = True

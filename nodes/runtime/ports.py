"""Ports: what a node takes and gives, declared on its class and bound to its instance.

::

    class Relay(Node[RelayParams]):
        observation = Input(Observation, latest)
        echo = Output(Observation)

        def on_observation(self, message: Observation) -> None:
            self.echo.publish(message)

An input's *policy* says what happens to messages that come faster than the node takes them: ``latest`` keeps the
newest, ``queue(n)`` the newest n, ``lossless`` all of them up to a byte budget. Whatever is not kept is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from rtgraph.msgs import Lineage, Message
from rtgraph.msgs.base import size_bytes
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.where import declared_at
from rtgraph.nodes.runtime.classes.declaration import check_message_type

if TYPE_CHECKING:
    from rtgraph.nodes.runtime.node import Node
    from rtgraph.nodes.runtime.taps import Tapped

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Policy:
    """How many messages an input keeps: ``depth`` of them, or all up to ``budget_bytes`` where depth is None."""

    name: str
    depth: int | None
    budget_bytes: int = 1 << 30

    def __str__(self) -> str:
        return f"queue({self.depth})" if self.name == "queue" else self.name


latest = Policy("latest", 1)
lossless = Policy("lossless", None)
"""Keep everything, up to 1 GiB; what is beyond counts as lost."""


def queue(depth: int) -> Policy:
    """Keep the newest ``depth`` messages.

    Raises:
        NodeError: the depth is not a whole number of at least one.
    """
    if type(depth) is not int:
        raise NodeError(f"{declared_at()}a queue holds a whole number of messages, not {depth!r:.60}")
    if depth < 1:
        raise NodeError(f"{declared_at()}a queue holds at least one message, not {depth}")
    return Policy("queue", depth)


def _check_policy(policy: object) -> None:
    if isinstance(policy, Policy):
        return
    hint = "write latest, lossless or queue(n)"
    if policy is queue:
        hint = "write queue(n): how many messages it keeps"
    elif policy in ("latest", "lossless"):
        hint = f"write {policy}, without quotes: from rtgraph.nodes import {policy}"
    shown = getattr(policy, "__name__", repr(policy))
    raise NodeError(f"{declared_at()}{shown:.60} is not an input's policy", hint=hint)


class Input(Generic[M]):
    """A port that takes messages of one class.

    If the node has a method ``on_<port>``, it is called with each message; otherwise the node takes them itself.

    Args:
        message_type: the class of the messages.
        policy: ``latest``, ``queue(n)`` or ``lossless``.
        many: several publishers may feed it. Fan-in is declared, never inferred.
        optional: it may stay unfed.
        keyed: of a publisher's keyed messages only those under this node's own name arrive.

    Raises:
        NodeError: what is given for messages is not a message class, or for the policy not a policy.
    """

    whole: ClassVar[bool] = False
    """Whether what was published before the first message that came counts as lost."""

    def __init__(
        self,
        message_type: type[M],
        policy: Policy = latest,
        *,
        many: bool = False,
        optional: bool = False,
        keyed: bool = False,
    ) -> None:
        check_message_type(type(self).__name__, message_type)
        _check_policy(policy)
        self.message_type = message_type
        self.policy = policy
        self.many = many
        self.optional = optional
        self.keyed = keyed
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Input[M]: ...
    @overload
    def __get__(self, node: Node[Any], owner: type) -> BoundInput[M]: ...
    def __get__(self, node: Node[Any] | None, owner: type) -> Input[M] | BoundInput[M]:
        return self if node is None else node.inputs[self.name]


class Output(Generic[M]):
    """A port that publishes messages of one class. ``keyed`` ones are addressed to one node by its name.

    Raises:
        NodeError: what is given for messages is not a message class.
    """

    def __init__(self, message_type: type[M], *, keyed: bool = False) -> None:
        check_message_type("Output", message_type)
        self.message_type = message_type
        self.keyed = keyed
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Output[M]: ...
    @overload
    def __get__(self, node: Node[Any], owner: type) -> BoundOutput[M]: ...
    def __get__(self, node: Node[Any] | None, owner: type) -> Output[M] | BoundOutput[M]:
        return self if node is None else node.outputs[self.name]


@dataclass(slots=True)
class EdgeCount:
    """What became of the messages of one publisher at one input.

    ``lost`` never arrived (a gap in the sequence), ``overwritten`` arrived but made way for newer ones before the
    node took them, ``refused`` could not be decoded.
    """

    received: int = 0
    lost: int = 0
    overwritten: int = 0
    refused: int = 0
    incarnation: int = -1
    next_sequence: int = 0

    def saw(self, incarnation: int, sequence: int) -> None:
        """Count an arrival. A restarted publisher begins anew: what it had not sent is not lost."""
        self.received += 1
        if incarnation > self.incarnation:
            self.lost += sequence if self.incarnation >= 0 else 0
            self.incarnation, self.next_sequence = incarnation, sequence + 1
        elif incarnation == self.incarnation and sequence >= self.next_sequence:
            self.lost += sequence - self.next_sequence
            self.next_sequence = sequence + 1


_STATE_OF_INPUT = (
    *("edges", "newest", "paused", "declared", "inbox", "waiting", "under_way"),
    *("_added_bytes", "_full_at"),
)


@dataclass(slots=True, eq=False)
class BoundInput(Generic[M]):
    """An input of a living node: its inbox and its counters.

    A message stays *unread* until the node takes it, or its handler is called with it.
    """

    port: Input[M]
    handler: Callable[[M], None] | None = None
    edges: dict[str, EdgeCount] = field(default_factory=dict)
    newest: M | None = None
    """The newest message that came, read or not."""
    paused: bool = False
    on_pause: Callable[[bool], None] | None = None
    tapped: tuple[Tapped, ...] = ()
    """What a tap takes."""
    declared: dict[str, int] = field(default_factory=dict)
    """How many messages publishers that have ended say they sent, by edge; known at the end."""
    inbox: deque[M] = field(default_factory=deque)
    waiting: bool = False
    """The executor is to call the handler when the node is free."""
    under_way: int = 0
    """Messages that the virtual world is about to deliver at this instant."""
    name: str = field(init=False)
    depth: int | None = field(init=False)
    _added_bytes: int = 0
    _full_at: int = 0

    def __post_init__(self) -> None:
        self.name = self.port.name
        self.depth = self.port.policy.depth

    def put(self, message: M) -> None:
        """Take in a message, making room as the policy says."""
        header = message.header
        edge = self.edges.get(header.source)
        if edge is None:
            edge = self.edges[header.source] = EdgeCount(incarnation=0 if self.port.whole else -1)
        edge.saw(header.incarnation, header.sequence)
        inbox = self.inbox
        if self.depth is None:
            if not inbox:
                self._added_bytes = 0
            if not self._has_room(message):
                edge.lost += 1
                return
        elif len(inbox) >= self.depth:
            self.edges[inbox.popleft().header.source].overwritten += 1
        self.newest = message
        inbox.append(message)

    def take(self) -> M | None:
        """Take the oldest unread message, or None."""
        return self.inbox.popleft() if self.inbox else None

    def take_all(self) -> list[M]:
        """Take every unread message, oldest first."""
        taken = list(self.inbox)
        self.inbox.clear()
        return taken

    def read_newest(self) -> M | None:
        """Return the newest message that ever came, counting all others unread as overwritten."""
        self._overwrite(1)
        self.inbox.clear()
        return self.newest

    def pause(self) -> None:
        """Stop messages from coming, at the publisher where that can be: they cost nothing until ``resume``.

        What came before is forgotten, unread messages counted as overwritten: after a pause it is old.
        """
        self._overwrite(0)
        self.newest = None
        self._set_paused(True)

    def resume(self) -> None:
        """Let messages come again. What was published meanwhile is not counted as lost."""
        self._set_paused(False)

    def world_state(self) -> dict[str, Any]:
        """Return what came and what is counted."""
        return {name: getattr(self, name) for name in _STATE_OF_INPUT}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Go on with what came."""
        for name in _STATE_OF_INPUT:
            setattr(self, name, state[name])

    def _has_room(self, message: M) -> bool:
        """Say whether a message goes into a lossless inbox. Sizes are added up, and counted anew when it seems full."""
        if self._full_at and len(self.inbox) >= self._full_at:
            return False
        budget, size = self.port.policy.budget_bytes, size_bytes(message)
        self._full_at = 0
        if self._added_bytes + size > budget:
            self._added_bytes = sum(map(size_bytes, self.inbox))
            if self._added_bytes + size > budget:
                self._full_at = len(self.inbox)
                return False
        self._added_bytes += size
        return True

    def _overwrite(self, kept: int) -> None:
        while len(self.inbox) > kept:
            self.edges[self.inbox.popleft().header.source].overwritten += 1

    def _set_paused(self, paused: bool) -> None:
        if paused == self.paused:
            return
        self.paused = paused
        if not paused:
            for edge in self.edges.values():
                edge.incarnation = -1
        if self.on_pause is not None:
            self.on_pause(paused)


@dataclass(slots=True, eq=False)
class BoundOutput(Generic[M]):
    """An output of a living node."""

    port: Output[M]
    send: Callable[[BoundOutput[M], M, Lineage | None, str | None], None]
    source: str | None = None
    """Who is told as the publisher, where it is not the node itself: for players."""
    sent: dict[str | None, int] = field(default_factory=dict)
    """How many messages were published, by key: the next sequence number."""
    newest: M | None = None
    """The newest message that was published."""
    name: str = field(init=False)
    message_type: type[M] = field(init=False)
    keyed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.port.name
        self.message_type = self.port.message_type
        self.keyed = self.port.keyed

    def publish(self, message: M, *, of: Message | Lineage | None = None, key: str | None = None) -> None:
        """Publish a message now.

        Args:
            message: what to publish. The runtime writes its header.
            of: what it derives from: an observation, or a message that derives from one.
            key: the name of the node it is meant for, on a keyed output.

        Raises:
            NodeError: the message is of another class, or the key does not go with the port.
        """
        if type(message) is not self.message_type:
            raise NodeError(
                f"output {self.name!r} publishes {self.message_type.__name__}, not {type(message).__name__}"
            )
        if (key is not None) != self.keyed:
            raise NodeError(f"output {self.name!r} is {'keyed: say for whom' if self.keyed else 'not keyed'}")
        if key is not None and not isinstance(key, str):
            raise NodeError(f"output {self.name!r} takes the name of a node as key, not {key!r:.60}")
        if of is not None and not isinstance(of, (Message, Lineage)):
            raise NodeError(f"of= takes a message or a lineage, not {of!r:.60}")
        self.newest = message
        self.send(self, message, None if of is None else of.origin(), key)

    def world_state(self) -> dict[str, Any]:
        """Return what was published."""
        return {"sent": self.sent, "newest": self.newest}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        self.sent, self.newest = state["sent"], state["newest"]

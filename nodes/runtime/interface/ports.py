"""Ports: a node's inputs and outputs, declared on its class and bound to its instance.

::

    class Relay(Node[RelayParams]):
        observation = Input(Observation, latest)
        echo = Output(Observation)

        def on_observation(self, message: Observation) -> None:
            self.echo.publish(message)

An input's *policy* decides which messages it keeps if they arrive faster than the node reads them: ``latest`` keeps the
newest message, ``queue(n)`` the newest n messages, ``lossless`` all messages up to a number of bytes. Dropped messages are
counted.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar, overload

from rtgraph.msgs import Lineage, Message
from rtgraph.msgs.base import size_bytes
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.interface.declaration import check_message_type
from rtgraph.nodes.runtime.interface.edges import EdgeCount, Tapped
from rtgraph.nodes.runtime.interface.policy import InputPolicy, check_policy, latest

M = TypeVar("M", bound=Message)


class Input(Generic[M]):
    """A port that receives messages of one class.

    If the node has a method ``on_<port>``, the runtime calls it with each message; otherwise the node reads
    the port itself.

    Args:
        message_type: the class of the messages.
        policy: ``latest``, ``queue(n)`` or ``lossless``.
        many: whether the input may have several publishers. Several publishers without ``many`` are an error.
        optional: whether the input may have no publisher.
        keyed: whether the input receives only keyed messages with this node's name as the key.
        read_only: whether the node never writes to a received message. In virtual time it then receives the published
            message itself, without copies of its lists and dicts.

    Raises:
        NodeError: ``message_type`` is not a message class, or ``policy`` is not a policy.
    """

    whole: ClassVar[bool] = False
    """Whether messages count as lost if they were published before the first message that was received."""

    def __init__(
        self,
        message_type: type[M],
        policy: InputPolicy = latest,
        *,
        many: bool = False,
        optional: bool = False,
        keyed: bool = False,
        read_only: bool = False,
    ) -> None:
        check_message_type(type(self).__name__, message_type)
        check_policy(policy)
        self.message_type = message_type
        self.policy = policy
        self.many = many
        self.optional = optional
        self.keyed = keyed
        self.read_only = read_only
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Input[M]: ...
    @overload
    def __get__(self, node: HasPorts, owner: type) -> BoundInput[M]: ...
    def __get__(self, node: HasPorts | None, owner: type) -> Input[M] | BoundInput[M]:
        return self if node is None else node.inputs[self.name]


class Output(Generic[M]):
    """A port that publishes messages of one class. On a ``keyed`` output each message has a key, the name of its only receiver.

    Raises:
        NodeError: ``message_type`` is not a message class.
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
    def __get__(self, node: HasPorts, owner: type) -> BoundOutput[M]: ...
    def __get__(self, node: HasPorts | None, owner: type) -> Output[M] | BoundOutput[M]:
        return self if node is None else node.outputs[self.name]


@functools.cache
def _has_origin(kind: type) -> bool:
    """Return whether a class is a message or a lineage. Cached, because pydantic's ``issubclass`` takes a microsecond."""
    return issubclass(kind, (Message, Lineage))


class HasPorts(Protocol):
    """The attributes of a node that its ports use."""

    inputs: dict[str, BoundInput[Any]]
    outputs: dict[str, BoundOutput[Any]]


_STATE_OF_INPUT = (
    *("edges", "newest", "paused", "declared", "inbox", "waiting", "under_way"),
    *("_added_bytes", "_full_at"),
)


@dataclass(slots=True, eq=False)
class BoundInput(Generic[M]):
    """An input of a running node: its inbox and its counters.

    A message is *unread* until the node takes it, or the input's handler is called with it.
    """

    port: Input[M]
    handler: Callable[[M], None] | None = None
    edges: dict[str, EdgeCount] = field(default_factory=dict)
    newest: M | None = None
    """The last message that the inbox took, read or not; None if there is none since the last ``pause``."""
    paused: bool = False
    on_pause: Callable[[bool], None] | None = None
    as_sent: bool = False
    """Whether the inbox receives the published object itself. False if the node needs a copy, or keeps a journal of its inputs."""
    tapped: tuple[Tapped, ...] = ()
    """For a tap (an input for messages of any class): the outputs that it receives. Empty for other inputs."""
    declared: dict[str, int] = field(default_factory=dict)
    """Number of messages that each publisher reports to have sent, by publisher. Known only when a launch in real time ends."""
    inbox: deque[M] = field(default_factory=deque)
    waiting: bool = False
    """Whether a call of the handler waits until the node is free."""
    under_way: int = 0
    """Number of messages to this input that were published in the virtual world and have not arrived yet."""
    name: str = field(init=False)
    depth: int | None = field(init=False)
    read_only: bool = field(init=False)
    _budget: int = field(init=False)
    _muted: Callable[[M], None] | None = None
    """The handler to use again after ``unmute``; None if the port is not muted."""
    _added_bytes: int = 0
    _full_at: int = 0

    def __post_init__(self) -> None:
        self.name = self.port.name
        self.depth = self.port.policy.depth
        self.read_only = self.port.read_only
        self._budget = self.port.policy.budget_bytes

    def put(self, message: M) -> None:
        """Add a message to the inbox. If the inbox is full, drop the oldest message. A full lossless inbox drops the new message."""
        # A dict is read in a fifth of the time of a model's attributes.
        header = message.__dict__["header"].__dict__
        source, sequence = header["source"], header["sequence"]
        edge = self.edges.get(source)
        if edge is None:
            edge = self.edges[source] = EdgeCount(incarnation=0 if self.port.whole else -1)
        if sequence == edge.next_sequence and header["incarnation"] == edge.incarnation:
            # The usual case of ``add``, without a call.
            edge.received += 1
            edge.next_sequence = sequence + 1
        else:
            edge.add(header["incarnation"], sequence)
        inbox, depth = self.inbox, self.depth
        if depth is None:
            size = size_bytes(message)
            added = self._added_bytes + size if inbox else size
            if added <= self._budget and not self._full_at:
                self._added_bytes = added
            elif not self._has_room(size):
                edge.lost += 1
                return
        elif len(inbox) >= depth:
            self.edges[inbox.popleft().__dict__["header"].__dict__["source"]].overwritten += 1
        self.newest = message
        inbox.append(message)

    def take(self) -> M | None:
        """Remove and return the oldest unread message; None if all are read."""
        return self.inbox.popleft() if self.inbox else None

    def take_all(self) -> list[M]:
        """Remove and return all unread messages, oldest first."""
        inbox = self.inbox
        if not inbox:
            return []
        taken = list(inbox)
        inbox.clear()
        return taken

    def read_newest(self) -> M | None:
        """Return ``newest``, the newest message, read or not; None if there is none since the last ``pause``.

        Older unread messages count as overwritten.
        """
        self._overwrite(1)
        self.inbox.clear()
        return self.newest

    def pause(self) -> None:
        """Stop receiving messages, at the publisher if possible: messages cost nothing until ``resume``.

        The inbox is cleared, since its messages will be stale after the pause. Unread messages count as overwritten.
        """
        self._overwrite(0)
        self.newest = None
        self._set_paused(True)

    def resume(self) -> None:
        """Receive again. Messages published during the pause do not count as lost."""
        self._set_paused(False)

    def mute(self) -> None:
        """Stop the calls of the handler until ``unmute`` is called. Meanwhile the node takes the received messages itself."""
        if self.handler is not None:
            self.handler, self._muted = None, self.handler

    def unmute(self) -> None:
        """Let the handler be called again for messages that arrive from now on.

        Unread messages are handled when the next message arrives.
        """
        if self._muted is not None:
            self.handler, self._muted = self._muted, None

    def world_state(self) -> dict[str, Any]:
        """Return the inbox and the counters, and whether the port is muted."""
        state = {name: getattr(self, name) for name in _STATE_OF_INPUT}
        return state if self._muted is None else state | {"muted": True}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the inbox and the counters, and whether the port is muted."""
        for name in _STATE_OF_INPUT:
            setattr(self, name, state[name])
        if "muted" in state:
            self.mute()

    def _has_room(self, size: int) -> bool:
        """Return whether a message of ``size`` bytes fits into a lossless inbox. If it fits, add ``size`` to the counted bytes.

        The bytes of the unread messages are counted again first. This count is skipped if the last count found no room, and the
        inbox has at least as many messages now as then. The result is then False.
        """
        if self._full_at and len(self.inbox) >= self._full_at:
            return False
        self._full_at = 0
        self._added_bytes = sum(map(size_bytes, self.inbox))
        if self._added_bytes + size > self._budget:
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
    """An output of a running node."""

    port: Output[M]
    send: Callable[[BoundOutput[M], M, Lineage | None, str | None], None]
    source: str | None = None
    """The publisher in the headers of messages; None for the node itself. Players of recordings set another publisher."""
    sent: dict[str | None, int] = field(default_factory=dict)
    """Number of messages published, by key (None without a key). This is also the sequence number of the next message."""
    newest: M | None = None
    """The newest published message."""
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
            message: the message. The runtime writes its header.
            of: the source of the message: an observation, or a message that derives from an observation.
            key: the name of the receiving node, on a keyed output.

        Raises:
            NodeError: the message is of another class, ``of`` is neither a message nor a lineage, the key is missing on a
                keyed output or is not text, a key is given on an output that is not keyed, or the node has not started yet
                or has ended.
        """
        if type(message) is not self.message_type:
            raise NodeError(
                f"output {self.name!r} publishes {self.message_type.__name__}, not {type(message).__name__}"
            )
        if key is None:
            if self.keyed:
                raise NodeError(f"output {self.name!r} is keyed: give key=, the name of the receiving node")
        else:
            self._check_key(key)
        if of is None or type(of) is Lineage:  # the usual ones first: pydantic's isinstance takes longer
            lineage = of
        elif _has_origin(type(of)):
            lineage = of.origin()
        else:
            raise NodeError(
                f"publish() of output {self.name!r}: of= takes a message or a lineage, not {of!r:.60}",
                hint="give the observation that led to the published message, or any message with the same lineage",
            )
        self.newest = message
        self.send(self, message, lineage, key)

    def _check_key(self, key: object) -> None:
        if not self.keyed:
            raise NodeError(
                f"output {self.name!r} is not keyed, so publish() takes no key",
                hint="leave out key=, or declare Output(..., keyed=True)",
            )
        if not isinstance(key, str):
            raise NodeError(f"output {self.name!r} takes the name of a node as key, not {key!r:.60}")

    def world_state(self) -> dict[str, Any]:
        """Return the counters and the newest message."""
        return {"sent": self.sent, "newest": self.newest}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the counters and the newest message."""
        self.sent, self.newest = state["sent"], state["newest"]

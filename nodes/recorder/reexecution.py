"""Runs a recorded node again, with the messages that it consumed, and checks that it publishes the same bytes.

The recording holds a journal of the node, i.e. a list of what the node consumed, when, and what it published.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from rtgraph.msgs import Decoder, Message, encode
from rtgraph.msgs.errors import DecodeError, NodeError
from rtgraph.msgs.wire.versions import RecordedVersion
from rtgraph.nodes.runtime import Identity, LaunchContext, NodePlan, Timer, load_class, validated_params
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.changeable import with_values
from rtgraph.nodes.runtime.interface.ports import BoundOutput
from rtgraph.nodes.runtime.journal import DELIVERY_LENGTH, OUTPUT, Kind, digest_of


class MessageId(NamedTuple):
    """Identifies a message in a recording. ``incarnation`` is the number of restarts of the publisher before the message."""

    topic: str
    key: str
    publisher: str
    incarnation: int
    sequence: int

    def __str__(self) -> str:
        channel = f"{self.topic}/{self.key}" if self.key else self.topic
        incarnation = f" (incarnation {self.incarnation})" if self.incarnation else ""
        return f"{channel} {self.sequence} of {self.publisher}{incarnation}"


class Difference(Exception):
    """Raised if a node that is run again behaves differently from its recording. The error text says where."""


@dataclass(slots=True)
class RerunProgress:
    """The progress of running a recorded node again: numbers of recorded events and messages so far, and the time reached."""

    entries: int = 0
    consumed: int = 0
    published: int = 0
    time_ns: int = 0


class Rerun:
    """Repeats one run of a recorded node, from the start of the node's process to the end or crash of the process.

    Args:
        plan: the node.
        incarnation: number of restarts of the node before the run to repeat.
        seed: the seed of the launch.
        launch_context: the recorded launch, except for the output folder.
        entries: the entries of the journal of this run, in order. The journal lists what the node consumed and published.
        versions: the recorded versions of message classes, by name. For other classes, today's version is used.
    """

    def __init__(
        self,
        plan: NodePlan,
        incarnation: int,
        seed: int,
        launch_context: LaunchContext,
        entries: Iterable[list[Any]],
        versions: Mapping[str, RecordedVersion] = MappingProxyType({}),
    ) -> None:
        self.progress = RerunProgress()
        self.name = plan.name
        self._plan = plan
        self._incarnation = incarnation
        self._entries = entries
        self._began = False
        self._host = _Host(self)
        node_type = load_class(plan.node)
        self._executor = Executor(
            self._host,
            Identity(plan.name, plan.replica, plan.replicas, incarnation),
            node_type,
            validated_params(node_type, plan.params),
            index=plan.index,
            seed=seed,
            launch_context=launch_context,
        )
        self._versions = versions
        self._decoders = {
            name: self._decoder_of(port.port.message_type)
            for name, port in self._executor.node.inputs.items()
        }
        self._expected: deque[list[Any]] = deque()
        self._ready: deque[tuple[str, Message]] = deque()

    def run(self) -> Generator[MessageId, bytes | None, None]:
        """Run the node again, entry by entry of the journal (the list of what the node consumed and published).

        The generator yields the id of each message that the node consumed, unless the journal holds the message itself. The caller
        sends back the encoded message, or None if the recording lacks the message.

        Raises:
            Difference: the node behaves differently from the journal, or a consumed message is missing, changed or not decodable.
        """
        for number, entry in enumerate(self._entries):
            kind, clock, what, published = entry
            self._host.clock.set(clock)
            self._expected = deque(published)
            self._ready = deque()
            wanted = [what] if kind == Kind.DELIVERY else []
            for delivery in [*wanted, *(item for item in published if len(item) >= DELIVERY_LENGTH)]:
                *_, document = delivery
                data = (yield self._id_of(delivery)) if len(delivery) == DELIVERY_LENGTH else document
                self._ready.append((delivery[0], self._message_of(delivery, data)))
            self._happen(Kind(kind), what, number)
            if self._expected:
                raise Difference(
                    f"{self._where(number)}: the node did not publish {self._described(self._expected[0])}, "
                    "but in the recording it did"
                )
            if self._host.clock.unread:
                raise Difference(
                    f"{self._where(number)}: the node reads the clock less often than in the recording"
                )
            self.progress.entries += 1
            self.progress.time_ns = max(self.progress.time_ns, self._host.clock.last_ns)

    def transmitted(self, output: BoundOutput[Any], message: Message, key: str | None) -> None:
        """Compare a message that the node publishes now with the message that it published in the recording.

        Raises:
            Difference: the recorded message is different, or the recording has no message at this place.
        """
        document = self._document_of(message)
        found = [output.name, key or "", message.header.sequence, digest_of(document)]
        if not self._expected:
            raise Difference(
                f"{self.name} publishes {self._described(found)}, which is not in the journal: {message!r:.300}"
            )
        expected = self._expected.popleft()
        if expected != found:
            what = "other bytes" if expected[:3] == found[:3] else f"recorded: {self._described(expected)}"
            raise Difference(
                f"{self._id(output.name, found)} differs from the recording ({what}): now {_shown(message)}"
            )
        self.progress.published += 1
        while self._expected and len(self._expected[0]) >= DELIVERY_LENGTH:
            self._expected.popleft()
            self._deliver_next()

    def _decoder_of(self, message_type: type[Message]) -> Decoder[Any]:
        version = self._versions.get(message_type.schema_name)
        return Decoder(message_type) if version is None else version.decoder()

    def _document_of(self, message: Message) -> bytes:
        version = self._versions.get(type(message).schema_name)
        return encode(message) if version is None else version.encode(message)

    def _happen(self, kind: Kind, what: Any, number: int) -> None:
        executor = self._executor
        if kind is Kind.PREPARE:
            executor.prepare()
        elif kind is Kind.START:
            self._began = True
            executor.start()
        elif kind is Kind.DELIVERY:
            self._deliver_next()
        elif kind is Kind.TIMER:
            timer = self._host.timers.pop(what, None)
            if timer is None:
                raise Difference(
                    f"{self._where(number)}: the node has no timer number {what}, which fired in the recording"
                )
            executor.fire(timer)
        elif kind is Kind.PARAMS:
            with_values(executor.node.params, what)
            with contextlib.suppress(NodeError):  # on_params refused the values in the recording, too
                executor.change(what, quietly=not self._began)
        elif kind is Kind.STOP:
            executor.stop()

    def _deliver_next(self) -> None:
        port, message = self._ready.popleft()
        self._executor.deliver(self._executor.node.inputs[port], message)
        self.progress.consumed += 1

    def _id_of(self, delivery: list[Any]) -> MessageId:
        port, publisher, incarnation, sequence, key = delivery[:5]
        source = self._plan.inputs.get(port)
        return MessageId("" if source is None else source.topic, key, publisher, incarnation, sequence)

    def _message_of(self, delivery: list[Any], data: bytes | None) -> Message:
        wanted = self._id_of(delivery)
        if data is None:
            raise Difference(f"{wanted}, which {self.name} consumed, is not in the recording")
        if digest_of(data) != delivery[5]:
            raise Difference(f"{wanted} is not the message that {self.name} consumed: its bytes differ")
        try:
            message: Message = self._decoders[delivery[0]].decode([data])
        except DecodeError as error:
            raise Difference(f"{wanted} cannot be decoded: {error}") from error
        return message

    def _where(self, number: int) -> str:
        return f"{self.name}, entry {number} of its journal, at {self._host.clock.last_ns / 1e9:.6f} s"

    def _id(self, output: str, item: list[Any]) -> MessageId:
        topic = self._plan.outputs.get(output, output)
        return MessageId(topic, item[1], self.name, self._incarnation, item[2])

    def _described(self, item: list[Any]) -> str:
        return str(self._id(item[0], item))


class _Clock:
    """The clock of a node that is run again: returns the recorded times."""

    def __init__(self) -> None:
        self.last_ns = 0
        self._reads: deque[int] | None = None

    def set(self, clock: int | list[int]) -> None:
        """Set the times in ns that the clock returns during one recorded event: always the same time, or a list of times."""
        if isinstance(clock, int):
            self.last_ns, self._reads = clock, None
        else:
            self._reads = deque(clock)

    @property
    def unread(self) -> bool:
        """Whether the node has read the clock less often than in the recording, during the current recorded event."""
        return bool(self._reads)

    def now_ns(self) -> int:
        if self._reads is not None:
            if not self._reads:
                raise Difference(
                    f"the node reads the clock more often than in the recording, after {self.last_ns / 1e9:.6f} s"
                )
            self.last_ns = self._reads.popleft()
        return self.last_ns


class _Host:
    """Replaces the runtime for a node that is run again. Timers do not fire by themselves: only recorded events happen."""

    def __init__(self, rerun: Rerun) -> None:
        self.clock = _Clock()
        self.timers: dict[int, Timer] = {}
        self._rerun = rerun

    def schedule(self, executor: Executor, timer: Timer) -> None:
        self.timers[timer.number] = timer

    def transmit(
        self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None
    ) -> None:
        if output.name != OUTPUT:
            self._rerun.transmitted(output, message, key)

    def preparing(self, executor: Executor, what: str, done: int, total: int) -> bool:
        return True

    def finish(self, executor: Executor, reason: str) -> None:
        """Ignore a request of the node to end the launch, because the recording says when the node stopped."""


def _shown(message: Message) -> str:
    fields = message.model_dump(exclude={"header"})
    values = ", ".join(f"{name}={_short(value)}" for name, value in fields.items())
    return f"{type(message).__name__}({values})"


def _short(value: object) -> str:
    shape = getattr(value, "shape", None)
    return f"array{shape}" if shape else f"{value!r:.60}"

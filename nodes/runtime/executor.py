"""Run one node's handlers, one at a time. The realtime and the virtual world share this code.

The world (realtime or virtual) passes each message to ``deliver``, and each scheduled call to ``fire`` when it is due. The
executor decides which handler runs now and which waits because the node is busy. It asks the world to schedule calls and to
transmit published messages.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from rtgraph.msgs import Lineage, Message
from rtgraph.msgs.base import OWNED, UNSENT, written_header
from rtgraph.msgs.errors import CheckpointError, NodeError
from rtgraph.msgs.isolation import isolated, unshared, writeable_fields
from rtgraph.nodes.runtime.clock import Clock
from rtgraph.nodes.runtime.interface.calls import check_method, checked_period_ns, whole_ns
from rtgraph.nodes.runtime.interface.changeable import with_values
from rtgraph.nodes.runtime.interface.context import Identity, LaunchContext, Timer, Urgency, generator
from rtgraph.nodes.runtime.interface.edges import Tapped
from rtgraph.nodes.runtime.interface.node import Node, Params, check_ports_are_whole
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput
from rtgraph.nodes.runtime.journal import Kind

# Attributes of enums and of pydantic's classes take five times as long to look up.
_DELIVERY, _FREE = Urgency.DELIVERY, Urgency.FREE


class Host(Protocol):
    """The methods of a world (realtime or virtual) that an executor calls."""

    @property
    def clock(self) -> Clock: ...
    def schedule(self, executor: Executor, timer: Timer) -> None: ...
    def transmit(
        self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None
    ) -> None: ...
    def finish(self, executor: Executor, reason: str) -> None: ...
    def preparing(self, executor: Executor, what: str, done: int, total: int) -> bool: ...


class Executor:
    """A running node: its inboxes, its waiting calls, and whether the node is busy."""

    keeps_journal: ClassVar[bool] = False

    def __init__(
        self,
        host: Host,
        identity: Identity,
        node_type: type[Node[Any]],
        params: Params,
        *,
        index: int,
        seed: int,
        launch_context: LaunchContext,
        taps: Mapping[str, tuple[Tapped, ...]] | None = None,
        may_drive_hardware: bool = False,
    ) -> None:
        if node_type.hardware and not may_drive_hardware:
            raise NodeError(
                f"{identity.name}: {node_type.__name__} drives a device, and runs only in its own process in real time",
                hint="run with --world realtime, or replace the node by a simulated one",
            )
        self.host = host
        self.index = index
        self.identity = identity
        self._name, self._incarnation = identity.name, identity.incarnation
        self.launch_context = launch_context
        self.rng = generator(seed, identity.name, identity.incarnation)
        self.now_ns: Callable[[], int] = host.clock.now_ns
        """Returns the graph's time, in ns."""
        self._timers = 0
        self._shared = not (launch_context.realtime or node_type.only_reads)
        """Whether inputs that are not read-only get copies of messages: in virtual time other nodes receive the same object."""
        self.log = logging.getLogger(f"rtgraph.{identity.name}")
        self.busy = False
        self.alive = True
        self._began = False
        self._completing = False
        self._waiting: deque[Timer | BoundInput[Any]] = deque()
        self.node = self._made(node_type, params)
        for port in self.node.inputs.values():
            shared = self._shared and not port.read_only and bool(writeable_fields(port.port.message_type))
            port.as_sent = not (shared or self.keeps_journal)
        for name, tapped in (taps or {}).items():
            self.node.inputs[name].tapped = tapped

    # Called by the world.

    def prepare(self) -> None:
        """Call the node's ``on_prepare``, for slow work before the graph begins."""
        self._lifecycle(Kind.PREPARE, self.node.on_prepare)
        check_ports_are_whole(self.node)

    def start(self) -> None:
        """Call the node's ``on_start``. Messages are handled from now on."""
        self._began = True
        self._lifecycle(Kind.START, self.node.on_start)
        check_ports_are_whole(self.node)

    def stop(self) -> None:
        """Call the node's ``on_stop``, and end the node."""
        self._lifecycle(Kind.STOP, self.node.on_stop)
        self.flush_journal()
        self.alive = False

    def change(self, values: Mapping[str, Any], *, quietly: bool = False) -> None:
        """Set new values of changeable parameters. Call the node's ``on_params``, unless ``quietly``.

        Raises:
            NodeError: a parameter is unknown or read-only, a value is invalid, or ``on_params`` refuses the values. Then no
                parameter changes.
        """
        self._change(with_values(self.node.params, values), values, quietly=quietly)

    def deliver(self, port: BoundInput[Any], message: Any) -> None:
        """Put a message into the inbox of a port, unless the port is paused.

        The port's handler is called at once or, if the node is busy, as soon as the node is free.
        """
        if port.paused:
            return
        port.put(unshared(message) if self._shared and not port.read_only else message)
        if port.handler is not None:
            if not self.busy:
                self._handle(port)
            elif not port.waiting:
                port.waiting = True
                self._waiting.append(port)

    def fire(self, timer: Timer) -> None:
        """Make a call that was scheduled for now: at once, or as soon as the node is free."""
        if timer.cancelled or not self.alive:
            return
        if self.keeps_journal:
            self._fires(timer)
        if timer.completes:
            self._complete(timer)
        elif timer.urgency is _FREE:
            self._free()
        elif self.busy:
            self._waiting.append(timer)
        elif timer.period_ns is None:
            timer.handler()
        else:
            self._call(timer)
        if self.keeps_journal:
            self._fired()

    def flush_journal(self) -> None:
        """Publish the pending entries of the node's journal (what it consumed and published). Do nothing without a journal."""

    def world_state(self) -> dict[str, Any]:
        """Return the executor's state, without the node and its ports."""
        return {
            "params": self.node.params,
            "rng": self.rng,
            "timers": self._timers,
            "busy": self.busy,
            "alive": self.alive,
            "waiting": self._waiting,
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the executor's state, without the node and its ports."""
        if type(state["params"]) is not type(self.node.params):
            there, here = type(state["params"]).__qualname__, type(self.node.params).__qualname__
            raise CheckpointError(
                f"{self.identity.name}: the node's parameters are a {there} in the checkpoint, but a {here} in this launch"
            )
        self.node.params = state["params"]
        self.rng = state["rng"]
        self._timers, self.busy, self.alive = state["timers"], state["busy"], state["alive"]
        self._began = True
        self._waiting = state["waiting"]
        if self.keeps_journal != ("journal" in state):
            raise CheckpointError(
                f"{self.identity.name}: the node {'keeps a' if self.keeps_journal else 'keeps no'} journal in this launch, "
                f"but {'kept one' if 'journal' in state else 'kept none'} in the launch that wrote the checkpoint",
                hint="record with the same `journal` setting as that launch",
            )

    # Called by the node through its context.

    def at(self, due_ns: int, handler: Callable[[], None], urgency: Urgency) -> Timer:
        """Schedule a call of a method of the node."""
        if urgency is _FREE:
            raise NodeError(
                f"{self.identity.name}: a timer cannot have the urgency FREE, which only the runtime uses"
            )
        if type(due_ns) is not int:
            due_ns = whole_ns(due_ns, "at()")
        if not (self._began and self.alive):
            raise self._before_on_start_or_after_on_stop("no call can be scheduled")
        check_method(handler, self.node)
        self._timers = number = self._timers + 1
        timer = Timer(due_ns, handler, urgency, None, False, number)
        if self.busy and due_ns <= self.now_ns():
            self._waiting.append(timer)
        else:
            self.host.schedule(self, timer)
        return timer

    def every(self, period_ns: int, handler: Callable[[], None]) -> Timer:
        """Schedule repeated calls of a method of the node."""
        if not (self._began and self.alive):
            raise self._before_on_start_or_after_on_stop("no call can be scheduled")
        check_method(handler, self.node)
        period_ns = checked_period_ns(period_ns)
        self._timers = number = self._timers + 1
        timer = Timer(self.now_ns() + period_ns, handler, Urgency.TIMER, period_ns, False, number)
        self.host.schedule(self, timer)
        return timer

    def spend(self, duration_ns: int, then: Callable[[], None] | None) -> None:
        """Make the node busy for ``duration_ns``, then call ``then``, if it is not None."""
        if type(duration_ns) is not int:
            duration_ns = whole_ns(duration_ns, "spend()")
        if duration_ns < 0:
            raise NodeError(
                f"{self.identity.name}: spend() takes a duration, and {duration_ns} ns is negative"
            )
        if not (self._began and self.alive):
            raise self._before_on_start_or_after_on_stop("spend() cannot be called")
        if self.busy and not self._completing:
            raise NodeError(
                f"{self.identity.name}: spend() cannot be called while the node is already busy",
                hint="call spend again in the method given as `then`",
            )
        if then is not None:
            check_method(then, self.node)
        self.busy = True
        self._completing = False
        self._timers = number = self._timers + 1
        due_ns = self.now_ns() + duration_ns
        self.host.schedule(self, Timer(due_ns, then or _nothing, _DELIVERY, None, False, number, True))

    def send(self, output: BoundOutput[Any], message: Any, lineage: Lineage | None, key: str | None) -> None:
        """Write a message's header, and pass the message to the world for delivery.

        If the node may still change the message, the world receives a copy.
        """
        if not (self._began and self.alive):
            raise self._before_on_start_or_after_on_stop("no message can be published")
        values = message.__dict__
        before = values["header"]
        own = message if before is OWNED else isolated(message)
        sent = output.sent
        sequence = sent.get(key, 0)
        sent[key] = sequence + 1
        header = written_header(
            output.source or self._name, self._incarnation, sequence, self.now_ns(), lineage
        )
        if before is OWNED:
            values["header"] = header
            stamped = message
        else:
            stamped = own.stamped(header)
            if own is not message and before is UNSENT:
                message.stamped(header)  # later messages are published `of` this message
        if self.keeps_journal:
            self._published(output, stamped, key)
        self.host.transmit(self, output, stamped, key)

    def finish(self, reason: str) -> None:
        """Ask the world to stop the graph."""
        self.host.finish(self, reason)

    def preparing(self, what: str, done: int, total: int) -> bool:
        """Report the progress of the node's preparation. Return whether the preparation should continue."""
        return self.host.preparing(self, what, done, total)

    # Internal. A journal is kept around these calls; see ``JournalledExecutor``.

    def _change(self, params: Params, values: Mapping[str, Any], *, quietly: bool) -> None:
        before, self.node.params = self.node.params, params
        try:
            if not quietly:
                self.node.on_params(frozenset(values))
        except Exception:
            self.node.params = before
            raise

    def _fires(self, timer: Timer) -> None:
        """Begin the entry of a scheduled call in the node's journal (what it consumed and published). Do nothing without a journal."""

    def _fired(self) -> None:
        """End the entry of a scheduled call in the node's journal. The journal holds what the node consumed and published.

        Do nothing without a journal.
        """

    def _lifecycle(self, kind: Kind, handler: Callable[[], None]) -> None:
        """Call a lifecycle method of the node."""
        del kind
        handler()

    def _published(self, output: BoundOutput[Any], message: Message, key: str | None) -> None:
        """Record in the journal that a message is published, before it is transmitted. Do nothing without a journal."""

    def _handle(self, port: BoundInput[Any]) -> None:
        handler, inbox = port.handler, port.inbox
        if handler is None:
            return
        while inbox and not self.busy:
            handler(inbox.popleft())
        if inbox and not port.waiting:
            port.waiting = True
            self._waiting.appendleft(port)

    def _call(self, timer: Timer) -> None:
        timer.handler()
        if timer.period_ns is not None and not timer.cancelled:
            behind = max(0, self.now_ns() - timer.due_ns)
            timer.due_ns += timer.period_ns * (1 + behind // timer.period_ns)
            self.host.schedule(self, timer)

    def _complete(self, timer: Timer) -> None:
        self._completing = True
        timer.handler()
        if self._completing:
            self._completing = False
            self._timers = number = self._timers + 1
            self.host.schedule(self, Timer(self.now_ns(), _nothing, _FREE, None, False, number))

    def _free(self) -> None:
        self.busy = False
        waiting = self._waiting
        while waiting and not self.busy:
            item = waiting.popleft()
            if isinstance(item, BoundInput):
                item.waiting = False
                self._handle(item)
            elif not item.cancelled:
                self._call(item)

    def _made(self, node_type: type[Node[Any]], params: Params) -> Node[Any]:
        node = node_type(self, params)
        if not hasattr(node, "outputs"):
            raise NodeError(
                f"{node_type.__name__}.__init__ does not call super().__init__(context, params), so the node has no ports",
                hint="call it first, or remove __init__ and set attributes in on_start",
            )
        return node

    def _before_on_start_or_after_on_stop(self, problem: str) -> NodeError:
        return NodeError(
            f"{self.identity.name}: {problem} {'after on_stop' if self._began else 'before on_start'}",
            hint=f"do it in {'on_stop at the latest' if self._began else 'on_start or later'}",
        )


def _nothing() -> None:
    """Do nothing. This is called at the end of a busy time if the node gave no function to call then."""

"""Runs one node's handlers, one at a time: the part that the realtime and the virtual world share.

The world calls ``deliver``, ``fire`` and ``free``; the executor decides what runs now and what waits because the
node is busy, and asks the world to schedule what is to come and to carry what was published.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from rtgraph.msgs import Header, Lineage, Message
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.clock import Clock
from rtgraph.nodes.runtime.context import Identity, Surroundings, Timer, Urgency, generator
from rtgraph.nodes.runtime.node import Node, Params
from rtgraph.nodes.runtime.ports import BoundInput, BoundOutput


class Host(Protocol):
    """What an executor asks of its world."""

    @property
    def clock(self) -> Clock: ...
    def schedule(self, executor: Executor, timer: Timer) -> None: ...
    def transmit(
        self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None
    ) -> None: ...
    def finish(self, executor: Executor, reason: str) -> None: ...


class Executor:
    """A living node: the node itself, its inboxes, what waits, and whether it is busy."""

    def __init__(
        self,
        host: Host,
        identity: Identity,
        node_type: type[Node[Any]],
        params: Params,
        *,
        index: int,
        seed: int,
        surroundings: Surroundings,
    ) -> None:
        self.host = host
        self.index = index
        self.identity = identity
        self.surroundings = surroundings
        self.rng = generator(seed, identity.name, identity.incarnation)
        self._now_ns = host.clock.now_ns
        self.log = logging.getLogger(f"rtgraph.{identity.name}")
        self.busy = False
        self.alive = True
        self._completing = False
        self._waiting: deque[Timer | BoundInput[Any]] = deque()
        self.node = node_type(self, params)

    # What the world calls.

    def prepare(self) -> None:
        """Do what takes long, before the graph begins."""
        self.node.on_prepare()

    def start(self) -> None:
        """Begin the node's life."""
        self.node.on_start()

    def stop(self) -> None:
        """End the node's life in order."""
        self.node.on_stop()
        self.alive = False

    def deliver(self, port: BoundInput[Any], message: Message) -> None:
        """Take in a message, and let the node handle it if it has a handler and is free."""
        if port.paused:
            return
        port.put(message)
        if port.handler is None:
            return
        if not self.busy:
            self._handle(port)
        elif not port.waiting:
            port.waiting = True
            self._waiting.append(port)

    def fire(self, timer: Timer) -> None:
        """Make a call that is due: now, or when the node is free."""
        if timer.cancelled or not self.alive:
            return
        if timer.urgency is Urgency.FREE:
            self._free()
        elif timer.urgency is Urgency.DELIVERY:
            self._complete(timer)
        elif self.busy:
            self._waiting.append(timer)
        else:
            self._call(timer)

    # What the node calls, by way of its context.

    def now_ns(self) -> int:
        """Return the graph's time."""
        return self._now_ns()

    def at(self, due_ns: int, handler: Callable[[], None], urgency: Urgency) -> Timer:
        """Schedule a call of a method of the node."""
        if urgency is not Urgency.TIMER and urgency is not Urgency.TICK:
            raise NodeError(f"{self.identity.name}: a timer's urgency is TICK or TIMER, not {urgency.name}")
        self._must_be_own(handler)
        timer = Timer(due_ns, handler, urgency)
        if self.busy and due_ns <= self._now_ns():
            self._waiting.append(timer)
        else:
            self.host.schedule(self, timer)
        return timer

    def every(self, period_ns: int, handler: Callable[[], None]) -> Timer:
        """Schedule a call of a method of the node, again and again."""
        if period_ns <= 0:
            raise NodeError(f"{self.identity.name}: a period of {period_ns} ns is not positive")
        self._must_be_own(handler)
        timer = Timer(self.now_ns() + period_ns, handler, Urgency.TIMER, period_ns)
        self.host.schedule(self, timer)
        return timer

    def spend(self, duration_ns: int, then: Callable[[], None] | None) -> None:
        """Make the node busy."""
        if duration_ns < 0:
            raise NodeError(f"{self.identity.name}: cannot spend {duration_ns} ns")
        if self.busy and not self._completing:
            raise NodeError(f"{self.identity.name}: is busy already", hint="spend again in `then`")
        if then is not None:
            self._must_be_own(then)
        self.busy = True
        self._completing = False
        self.host.schedule(self, Timer(self.now_ns() + duration_ns, then or _nothing, Urgency.DELIVERY))

    def send(self, output: BoundOutput[Any], message: Any, lineage: Lineage | None, key: str | None) -> None:
        """Write a message's header and hand it to the world."""
        sequence = output.sent.get(key, 0)
        output.sent[key] = sequence + 1
        identity = self.identity
        header = Header.unchecked(
            {
                "source": identity.name,
                "incarnation": identity.incarnation,
                "sequence": sequence,
                "stamp_ns": self._now_ns(),
                "lineage": lineage,
            }
        )
        self.host.transmit(self, output, message.stamped(header), key)

    def finish(self, reason: str) -> None:
        """Ask the world to stop."""
        self.host.finish(self, reason)

    # What happens inside.

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
            self.host.schedule(self, Timer(self.now_ns(), _nothing, Urgency.FREE))

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

    def _must_be_own(self, handler: Callable[[], None]) -> None:
        # Only methods of the node: what is to come can then be written down by name.
        if getattr(handler, "__self__", None) is not self.node:
            raise NodeError(f"{self.identity.name}: {handler!r} is not a method of the node")


def _nothing() -> None:
    """Do nothing: a completion that nobody waits for."""

"""A world of one node, driven by hand: its messages are kept, and the test sets the time."""

from __future__ import annotations

import heapq
from typing import Any

from rtgraph.msgs import Header, Message
from rtgraph.nodes.runtime import Identity, LaunchContext, Node
from rtgraph.nodes.runtime.clock import VirtualClock
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.context import Timer
from rtgraph.nodes.runtime.interface.ports import BoundOutput


class HandHost:
    """Hosts one node. ``sent`` holds its published messages: (time, output, key, message)."""

    def __init__(
        self,
        node_type: type[Node[Any]],
        params: dict[str, Any] | None = None,
        *,
        name: str = "node",
        incarnation: int = 0,
        launch_context: LaunchContext | None = None,
        may_drive_hardware: bool = False,
    ) -> None:
        self.clock = VirtualClock()
        self.sent: list[tuple[int, str, str | None, Message]] = []
        self.finished: list[str] = []
        self.prepared: list[tuple[str, int, int]] = []
        self.goes_on = True
        self._timers: list[tuple[int, int, int, Timer]] = []
        self._scheduled = 0
        self.executor = Executor(
            self,
            Identity(name, incarnation=incarnation),
            node_type,
            node_type.params_type.model_validate(params or {}),
            index=0,
            seed=0,
            launch_context=launch_context or LaunchContext(),
            may_drive_hardware=may_drive_hardware,
        )
        self.node: Any = self.executor.node

    # Called by the executor.

    def schedule(self, executor: Executor, timer: Timer) -> None:
        self._scheduled += 1
        heapq.heappush(self._timers, (timer.due_ns, timer.urgency, self._scheduled, timer))

    def transmit(
        self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None
    ) -> None:
        self.sent.append((self.clock.time_ns, output.name, key, message))

    def finish(self, executor: Executor, reason: str) -> None:
        self.finished.append(reason)

    def preparing(self, executor: Executor, what: str, done: int, total: int) -> bool:
        self.prepared.append((what, done, total))
        return self.goes_on

    # Called by tests.

    def begin(self) -> None:
        self.executor.prepare()
        self.executor.start()

    def run_until(self, time_ns: int) -> None:
        """Make every call due up to a time, as a realtime node does: late if work takes long."""
        while self._timers and self._timers[0][0] <= time_ns:
            timer = heapq.heappop(self._timers)[3]
            self.clock.time_ns = max(self.clock.time_ns, timer.due_ns)
            self.executor.fire(timer)
        self.clock.time_ns = max(self.clock.time_ns, time_ns)

    def deliver(
        self,
        port: str,
        message: Message,
        *,
        source: str = "other",
        incarnation: int = 0,
        sequence: int = 0,
        of: Any = None,
    ) -> None:
        header = Header(
            source=source,
            incarnation=incarnation,
            sequence=sequence,
            stamp_ns=self.clock.time_ns,
            lineage=None if of is None else of.origin(),
        )
        self.executor.deliver(self.node.inputs[port], message.stamped(header))

    def messages(self, output: str) -> list[Any]:
        return [message for _, name, _, message in self.sent if name == output]

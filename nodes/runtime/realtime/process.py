"""The realtime world of one node: its process, its sockets, the wall clock.

The loop receives messages, makes due calls, then waits for a message or the next due call. While a node is busy (after a
call of ``spend``), the loop continues to receive, so that inputs drop old messages as their policies require, and continues
to answer the launcher.
"""

from __future__ import annotations

import heapq
import logging
import select
from collections.abc import Callable
from typing import Any

from rtgraph.msgs import Message
from rtgraph.msgs.base import UNSENT
from rtgraph.msgs.declaration import build_all
from rtgraph.msgs.system import (
    ChangeParams,
    Failed,
    Finish,
    Go,
    Heartbeat,
    Inject,
    Preparing,
    Probe,
    Proven,
    Ready,
    Stop,
)
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime.classes.loading import load_class
from rtgraph.nodes.runtime.clock import WallClock
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.context import Timer
from rtgraph.nodes.runtime.interface.edges import EdgeCount
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput
from rtgraph.nodes.runtime.interface.taps import RawMessage
from rtgraph.nodes.runtime.journal import Documents
from rtgraph.nodes.runtime.journalled import executor_of
from rtgraph.nodes.runtime.realtime.bus import Bus, make_context
from rtgraph.nodes.runtime.realtime.config import NodeConfig
from rtgraph.nodes.runtime.realtime.control import ControlClient
from rtgraph.nodes.runtime.realtime.draining import Draining
from rtgraph.nodes.runtime.realtime.guard import Guard
from rtgraph.nodes.runtime.realtime.host import process_id, sharpen_timers
from rtgraph.nodes.runtime.realtime.introspection_handlers import beat, change_params, take_injected
from rtgraph.nodes.runtime.realtime.node_statistics import statistics_of

HEARTBEAT_NS = 500_000_000
LINGER_MS = 1000
TERMINATED = 143
"""Exit code of a node that stopped because of SIGTERM, or because its launcher had ended."""

log = logging.getLogger("rtgraph.realtime")


class RealtimeNode:
    """Runs one node in this process until the launcher stops it."""

    def __init__(self, config: NodeConfig, scheduling: str) -> None:
        plan = config.plan
        self.clock = WallClock()
        # Also for readings before the graph's time begins.
        self._host_clock = WallClock()
        self._heartbeat_ns = 0
        self._config = config
        self._scheduling = scheduling
        self._timers: list[tuple[int, int, int, Timer]] = []
        self._scheduled = 0
        self._go = False
        self._began = False
        self._started = False
        self._spoke = False
        self._early: list[tuple[BoundInput[Any], Any]] = []
        self._early_changes: list[ChangeParams] = []
        self._draining: Draining | None = None
        self._zmq = make_context()
        # Before anything that may fail, so that the launcher learns of the failure.
        self._control = ControlClient(self._zmq, config.control, f"{plan.name}#{config.incarnation}")
        self._bus: Bus | None = None
        self._guard: Guard | None = None
        """Stops the node in order when the launcher dies or on SIGTERM, if the node drives a device. None for other nodes."""

    def run(self) -> int:
        """Prepare the node, wait until all nodes are ready, run until the stop. Return the exit code of the process."""
        name, incarnation = self._config.plan.name, self._config.incarnation
        try:
            sharpen_timers()
            self._make()
            self._executor.prepare()
            log.info("%s is ready, process %d, incarnation %d", name, process_id(), incarnation)
            self._send_control(Ready(node=name, incarnation=incarnation, pid=process_id()))
            self._loop()
            if self._draining is not None:
                self._draining.count_missing()
            problem = self._stopped()
            if self._guard is not None and (reason := self._guard.reason):
                log.warning("%s stopped: %s", name, reason)
                return TERMINATED  # without statistics, so that a launcher that lives starts it again
            self._send_control(statistics_of(self._executor, self._scheduling, problem, began=self._began))
        # Report whatever a node's code raises to the launcher; then the process ends.
        except BaseException as error:
            log.exception("%s failed", name)
            problem = in_one_line(error)
            self._send_control(
                Failed(node=name, incarnation=incarnation, problem=problem, started=self._started)
            )
            self._make_safe(problem)
            return 1
        finally:
            if self._bus is not None:
                self._bus.close(LINGER_MS)
            self._control.close()
            self._zmq.term()
        return 0

    def _make(self) -> None:
        config, plan = self._config, self._config.plan
        if load_class(plan.node).hardware:
            self._guard = Guard(config.stop_s)
        # Building a class takes milliseconds, too long for a running graph.
        build_all()
        self._executor = executor_of(
            self,
            plan,
            config.incarnation,
            seed=config.seed,
            launch_context=config.launch_context(),
            documents=Documents(),
            may_drive_hardware=True,
        )
        if config.changed:
            self._executor.change(config.changed, quietly=True)
        self._node = self._executor.node
        for name, source in plan.inputs.items():
            if self._node.inputs[name].port.policy.depth is None:
                for publisher in source.publishers:
                    # Expect everything from the first message on: what a restarted node missed is lost, too.
                    self._node.inputs[name].edges[publisher] = EdgeCount(incarnation=0)
        self._bus = Bus(self._zmq, self._node, config.bus)

    # Called by the executor.

    def schedule(self, executor: Executor, timer: Timer) -> None:
        """Schedule a call of the node."""
        self._scheduled += 1
        heapq.heappush(self._timers, (timer.due_ns, timer.urgency, self._scheduled, timer))

    def transmit(
        self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None
    ) -> None:
        """Send a published message to its subscribers."""
        if self._bus is not None:
            self._bus.publish(output.name, message, key)

    def finish(self, executor: Executor, reason: str) -> None:
        """Ask the launcher to stop the whole graph."""
        self._send_control(Finish(node=executor.identity.name, reason=reason))

    def preparing(self, executor: Executor, what: str, done: int, total: int) -> bool:
        """Report the progress of ``on_prepare`` to the launcher. Always return True.

        False would ask the node to end ``on_prepare``, because the launch is being stopped. In real time this is not needed: the
        launcher kills nodes that still prepare.
        """
        now_ns = self._host_clock.now_ns()
        if now_ns >= self._heartbeat_ns or done >= total:
            self._heartbeat_ns = now_ns + HEARTBEAT_NS
            name, incarnation = executor.identity.name, executor.identity.incarnation
            self._send_control(
                Preparing(node=name, incarnation=incarnation, what=what, done=done, total=total)
            )
        return True

    # The loop.

    def _loop(self) -> None:
        bus = self._bus
        if bus is None:
            return
        control = self._control.descriptor
        guard = self._guard
        descriptors = [control, *bus.descriptors, *([] if guard is None else guard.descriptors)]
        ready: list[int] | None = None
        while True:
            self._send_heartbeat()
            more, probes = bus.receive(self._delivery(), ready)
            for probe in probes:
                self._send_control(
                    Proven(
                        node=self._node.name, port=probe.port, publisher=probe.publisher, nonce=probe.nonce
                    )
                )
            if ready is None or self._spoke or control in ready:
                self._spoke = False
                self._handle_control()
            if self._draining is not None and self._draining.is_over(self.clock.now_ns()):
                return
            if guard is not None and guard.reason:
                return
            if self._began:
                self._make_due_calls()
            elif self._go and self.clock.now_ns() >= 0:
                self._begin()
            ready = None if more else self._wait(descriptors)

    def _send_heartbeat(self) -> None:
        now_ns = self._host_clock.now_ns()
        if now_ns >= self._heartbeat_ns:
            self._heartbeat_ns = now_ns + HEARTBEAT_NS
            self._send_control(self._heartbeat())
            if self._began:
                self._executor.flush_journal()

    def _begin(self) -> None:
        """Start the node. Deliver messages that arrived before, from nodes that started a moment earlier."""
        self._began = True
        self._executor.start()
        self._started = True
        for change in self._early_changes:
            self._send_control(change_params(self._executor, change))
        early, self._early = self._early, []
        for port, message in early:
            self._executor.deliver(port, message)

    def _delivery(self) -> Callable[[BoundInput[Any], Message], None]:
        """Return the function to call with received messages now. It changes when the node begins and when it stops."""
        if not self._began:
            return self._keep_for_later
        return self._executor.deliver if self._draining is None else self._deliver_at_the_end

    def _deliver_at_the_end(self, port: BoundInput[Any], message: Message) -> None:
        if self._draining is not None:
            self._draining.arrived_ns = self.clock.now_ns()
        self._executor.deliver(port, message)

    def _keep_for_later(self, port: BoundInput[Any], message: Any) -> None:
        self._early.append((port, message))

    def _make_due_calls(self) -> None:
        timers = self._timers
        now_ns = self.clock.now_ns()
        while timers and timers[0][0] <= now_ns:
            self._executor.fire(heapq.heappop(timers)[3])

    def _wait(self, descriptors: list[int]) -> list[int]:
        """Wait for a message or the next due call. Return the file descriptors that became readable."""
        wait_ns = self._heartbeat_ns - self._host_clock.now_ns()
        if self._go and not self._began:
            wait_ns = min(wait_ns, -self.clock.now_ns())
        elif self._timers:
            wait_ns = min(wait_ns, self._timers[0][0] - self.clock.now_ns())
        # The descriptor no longer signals messages that arrived during a send.
        wait_s = 0.0 if wait_ns <= 0 or self._spoke else wait_ns / 1e9
        return select.select(descriptors, [], [], wait_s)[0]

    def _handle_control(self) -> None:
        """Handle the launcher's messages."""
        while (message := self._control.receive()) is not None:
            if isinstance(message, Probe) and self._bus is not None:
                self._bus.probe(message.nonce)
            elif isinstance(message, Go):
                self.clock.epoch_ns = epoch_ns = message.epoch_ns
                self._early = [
                    (port, early.since(epoch_ns) if isinstance(early, RawMessage) else early)
                    for port, early in self._early
                ]
                self._go = True
            elif isinstance(message, Inject):
                take_injected(self._executor, message, self._delivery())
            elif isinstance(message, ChangeParams) and not self._began:
                self._early_changes.append(message)
            elif isinstance(message, ChangeParams):
                self._send_control(change_params(self._executor, message))
            elif isinstance(message, Stop):
                self._draining = Draining(self._executor, message, self.clock.now_ns())

    def _send_control(self, message: Message) -> None:
        self._spoke = True
        self._control.send(message)

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat.unchecked(
            {
                "header": UNSENT,
                "node": self._node.name,
                "incarnation": self._config.incarnation,
                "beat": beat(self._executor, self._host_clock.now_ns(), self.clock.now_ns()),
            }
        )

    def _stopped(self) -> str:
        """Call ``on_stop`` of the node if the node has begun. Return its error as text; empty if there is none."""
        if not self._began:
            return ""
        try:
            self._executor.stop()
        except BaseException as error:  # whatever a node's code raises
            log.exception("%s failed to stop", self._node.name)
            return f"on_stop failed: {in_one_line(error)}"
        return ""

    def _make_safe(self, problem: str) -> None:
        """Let a node that failed bring its device into a safe state."""
        if self._guard is None or not self._began:
            return
        try:
            self._node.on_failure(problem)
        except BaseException:  # whatever a node's code raises
            log.exception("%s failed to bring its device into a safe state", self._node.name)

"""The virtual world: every node in one process, under a discrete-event scheduler with virtual time.

The world is deterministic: the same plan (resolved launch file) and seed give the same events in the same order
(``Urgency``), and so the same bytes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pydantic import JsonValue

from rtgraph.msgs import Message
from rtgraph.msgs.errors import CheckpointError, RtgraphError
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.nodes.runtime.clock import VirtualClock
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.context import LaunchContext, Urgency
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput
from rtgraph.nodes.runtime.interface.taps import taken
from rtgraph.nodes.runtime.journal import Documents
from rtgraph.nodes.runtime.journalled import executor_of
from rtgraph.nodes.runtime.results import results_of
from rtgraph.nodes.runtime.virtual.collection import rare_collection
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay, EdgeDelays
from rtgraph.nodes.runtime.virtual.event_queue import EventQueue
from rtgraph.nodes.runtime.virtual.faults import Fault, FaultInjector, crashes
from rtgraph.nodes.runtime.virtual.routes import Route, routes
from rtgraph.nodes.runtime.wiring import NodePlan

INJECTED = "a crash was injected"
_DELIVERY = Urgency.DELIVERY  # members of enums take longer to look up

log = logging.getLogger("rtgraph.world")


class CheckpointWriter(Protocol):
    """Decides when a checkpoint of a world is due, and writes it."""

    def due_after(self, time_ns: int) -> int:
        """Return the time after ``time_ns`` at which the next checkpoint is due, in ns.

        The checkpoint is written before the first event at or after this time.
        """
        ...

    def write(self, world: VirtualWorld) -> object:
        """Write a checkpoint, between two events. The world ignores the returned object.

        Raises:
            CheckpointError: the world cannot be saved.
        """
        ...


class VirtualWorld:
    """All nodes of a plan (resolved launch file) in one process and in virtual time.

    Args:
        plans: the nodes, in plan order.
        seed: the seed of every node's random generator, of the faults and of the delays.
        launch_context: the launch context for the nodes.
        faults: the faults to inject.
        delays: the transport times of messages. On edges without a transport time, messages arrive at once.
        interruption: the exception that signal handlers raise. It ends the run at once. Any other exception is an error of a
            node.
    """

    def __init__(
        self,
        plans: Sequence[NodePlan],
        *,
        seed: int = 0,
        launch_context: LaunchContext | None = None,
        faults: Sequence[Fault] = (),
        delays: Sequence[EdgeDelay] = (),
        interruption: type[BaseException] = KeyboardInterrupt,
    ) -> None:
        self._interruption = interruption
        self.clock = VirtualClock()
        self.reason = ""
        self.restarts: dict[str, int] = {}
        self.problems: dict[str, str] = {}
        """Why a node has no result or reports a failure, by node name. Filled by ``results``."""
        self.down: dict[str, str] = {}
        """Why a node was down at the end, by node name. Filled when the run is over."""
        self.plans = tuple(plans)
        self._seed = seed
        self.launch_context = launch_context or LaunchContext()
        self._begun: set[Executor] = set()
        self._interrupted = False
        self._told_preparing: Callable[[str, int, int], None] | None = None
        self._documents = Documents()
        self._routes: dict[BoundOutput[Any], Route] = {}
        self.event_queue = EventQueue(
            self.clock,
            {
                "deliver": self._deliver,
                "crash": self._crash,
                "restart": self._restart,
            },
            interruption,
        )
        """The pending events."""
        self.schedule = self.event_queue.schedule
        self.fault_injector = FaultInjector(faults, seed) if faults else None
        self.edge_delays = EdgeDelays(delays, seed) if delays else None
        self._disturbed = self.fault_injector is not None or self.edge_delays is not None
        self.executors = {plan.name: self._executor(plan, 0) for plan in self.plans}
        self._routes = routes(self.plans, self.executors)
        for crash, name in crashes(faults, self.executors):
            self.event_queue.push(
                crash.at_ns, Urgency.DELIVERY, -1, self._crash, (name, crash.restart_after_ns)
            )

    def run(
        self,
        progress: Callable[[int], None] | None = None,
        keeper: CheckpointWriter | None = None,
        preparing: Callable[[str, int, int], None] | None = None,
    ) -> None:
        """Run until a node asks for the end or fails, the duration is over, no event is left, or ``interrupt`` is called.

        Then stop the nodes in order. If a node fails, the other nodes are still stopped, so that they save their data.

        Args:
            progress: called with the virtual time in ns, about every 4,000 events.
            keeper: writes checkpoints when they are due, and one before the nodes are stopped, if no node failed.
            preparing: called with the progress of a node's preparation: what it does, how much is done, and the total.

        Raises:
            RtgraphError: a node raised this error.
            WorldError: a node raised any other exception, or nodes send messages in an endless loop at one instant.
            CheckpointError: a checkpoint cannot be written.
        """
        failures: list[RtgraphError] = []
        self._told_preparing = preparing
        try:
            if not self._begun:
                self._begin()
            with rare_collection():
                self._run(progress, keeper)
            if keeper is not None and len(self._begun) >= len(self.plans):
                keeper.write(self)
        except RtgraphError as error:
            failures.append(error)
            self.reason = self.reason or error.problem
        if not self.reason:
            over = self.launch_context.limits.duration_ns
            to_come = self.event_queue.next_ns is not None
            self.reason = "the duration is over" if over is not None and to_come else "nothing left to happen"
            if over is not None and to_come:
                self.clock.time_ns = over
        failures += self._stop()
        for another in failures[1:]:
            log.error("while stopping: %s", another, exc_info=another)
        if failures:
            raise failures[0]

    def advance(self, reached: Callable[[], object]) -> None:
        """Run events until ``reached`` returns true, a node asks for the end, or no event is left.

        For programs that step the world. ``reached`` is called before each event.

        Raises:
            RtgraphError: a node failed. Call ``end`` nevertheless, to stop the nodes.
        """
        if not self._begun:
            self._begin()
        self.event_queue.run(math.inf, reached=reached)

    def advance_to(self, time_ns: int, reached: Callable[[], object]) -> None:
        """Run the events that are due at or before ``time_ns``, and set the clock to ``time_ns``.

        If ``reached`` returns true, stop at once. The clock then stays at the time of the last event. If a node asks for the end, the
        later events do not run, but the clock is set.

        Raises:
            RtgraphError: a node failed. Call ``end`` nevertheless, to stop the nodes.
        """
        queue = self.event_queue
        self.advance(lambda: reached() or queue.next_ns is None or queue.next_ns > time_ns)
        if not reached():
            self.clock.time_ns = max(self.clock.time_ns, time_ns)

    def end(self) -> None:
        """Stop the nodes of a world that ``advance`` or ``advance_to`` has run.

        Raises:
            RtgraphError: a node failed while stopping.
        """
        for failure in self._stop():
            raise failure

    def interrupt(self, reason: str) -> None:
        """End the run in an orderly way. The messages and the completed work of this instant are still handled.

        Safe to call from a signal handler.
        """
        self._interrupted = self.event_queue.over = True
        self.reason = self.reason or reason

    @property
    def events(self) -> int:
        """Number of events that have run."""
        return self.event_queue.events

    # For world checkpoints.

    def incarnations(self) -> dict[str, int]:
        """Return the incarnation (number of restarts) of each node, by name."""
        return {name: executor.identity.incarnation for name, executor in self.executors.items()}

    def recreate_nodes(self, incarnations: Mapping[str, int]) -> None:
        """Recreate the nodes of a world in which no node has started.

        Args:
            incarnations: the number of restarts of each node, by name.

        Raises:
            CheckpointError: a node has started, or the world has other nodes.
        """
        if self._begun:
            raise CheckpointError("a checkpoint cannot be restored into a world in which a node has started")
        if set(incarnations) != set(self.executors):
            there = ", ".join(sorted(incarnations))
            raise CheckpointError(
                f"the checkpoint belongs to a launch with other nodes: {there}; "
                f"the nodes here are {', '.join(sorted(self.executors))}",
                hint="resume with the launch that wrote the checkpoint",
            )
        self.executors = {plan.name: self._executor(plan, incarnations[plan.name]) for plan in self.plans}
        self._routes = routes(self.plans, self.executors)

    def world_state(self) -> dict[str, Any]:
        """Return the virtual time, and the number of restarts of each node.

        Called only when every node has started and none has failed.
        """
        return {"time_ns": self.clock.time_ns, "restarts": self.restarts}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the virtual time, and the number of restarts of each node."""
        self.clock.time_ns, self.restarts = state["time_ns"], state["restarts"]
        self._begun = set(self.executors.values())

    @property
    def begun(self) -> bool:
        """Whether a node has started."""
        return bool(self._begun)

    def results(self) -> dict[str, dict[str, JsonValue]]:
        """Return a dict of the nodes' results, by node name. A node without a result is missing.

        This call also sets ``problems``: the reasons why nodes have no result or report a failure.
        """
        judged = {
            name: executor
            for name, executor in self.executors.items()
            if executor in self._begun and self.down.get(name, INJECTED) == INJECTED
        }
        # An earlier failure is already reported.
        failed = {executor.identity.name for executor in self.event_queue.failed}
        found, self.problems = results_of(judged, failed, self._interruption)
        return found

    def node(self, name: str) -> Any:
        """Return a running node by its full name, for inspection."""
        return self.executors[name].node

    # Called by executors.

    def transmit(
        self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None
    ) -> None:
        """Deliver a message to every subscribed input. A keyed input gets it only if ``key`` is the name of the input's node.

        Without faults and delays, the message arrives at this instant.
        """
        route = self._routes.get(output)
        if route is None:
            return
        if route.taps:
            self._record(route, message, key or "")
        targets = route.all if key is None else route.by_key.get(key) or route.targets(key)
        if self._disturbed:
            for receiver, port in targets:
                for delay_ns in self._under_way_ns(executor, output, receiver, port):
                    self._arrive(receiver, port, message, delay_ns)
            return
        for receiver, port in targets:
            if port.paused:
                continue
            handled = port.handler is not None
            if port.under_way or (handled and not receiver.busy):
                port.under_way += 1
                arguments = receiver, port, message
                self.event_queue.push(self.clock.time_ns, _DELIVERY, receiver.index, self._deliver, arguments)
            elif receiver.alive:
                # No handler runs now, and nothing pending would be overtaken: no event is needed.
                if handled or not port.as_sent:
                    receiver.deliver(port, message)
                else:
                    port.put(message)  # as ``deliver`` does, in a call less

    def finish(self, executor: Executor, reason: str) -> None:
        """End the run after the deliveries of this instant. Ticks and timers of this instant that have not run yet do not run."""
        self.reason = self.reason or f"{executor.identity.name}: {reason}"
        self.event_queue.over = True

    def preparing(self, executor: Executor, what: str, done: int, total: int) -> bool:
        """Report the progress of a node's preparation. Return whether the preparation should continue."""
        if self._told_preparing is not None:
            self._told_preparing(f"{executor.identity.name}: {what}", done, total)
        return not self._interrupted

    # Internal.

    def _begin(self) -> None:
        for executor in self.executors.values():
            if self._interrupted:
                return
            self.event_queue.happen(executor.prepare, ())
        if self._interrupted:  # a node may have given up its preparation
            return
        for executor in self.executors.values():
            self._start(executor)

    def _start(self, executor: Executor) -> None:
        self._begun.add(executor)
        self.event_queue.happen(executor.start, ())

    def _executor(self, plan: NodePlan, incarnation: int) -> Executor:
        return executor_of(
            self,
            plan,
            incarnation,
            seed=self._seed,
            launch_context=self.launch_context,
            documents=self._documents,
        )

    def _under_way_ns(
        self, executor: Executor, output: BoundOutput[Any], receiver: Executor, port: BoundInput[Any]
    ) -> Sequence[int]:
        """Return the transport time of each copy of a message in ns; empty if the message is lost."""
        source, target = executor.identity.name, receiver.identity.name
        copies_ns: Sequence[int] = (0,)
        if self.fault_injector is not None:
            copies_ns = self.fault_injector.arrivals(source, target, output.name)
        if self.edge_delays is None or not copies_ns:
            return copies_ns
        delay_ns = self.edge_delays.delay_ns(source, output.name, target, port.name, self.clock.time_ns)
        return [delay_ns + copy_ns for copy_ns in copies_ns]

    def _record(self, route: Route, message: Message, key: str) -> None:
        """Deliver an encoded message to the taps (recording inputs) that are connected to an output."""
        data = self._documents.document(message)
        copy = taken(route.topic, key, envelope(data), data, self.clock.time_ns)
        for receiver, port in route.taps:
            if receiver.alive:
                receiver.deliver(port, copy)

    def _arrive(self, receiver: Executor, port: BoundInput[Any], message: Message, delay_ns: int) -> None:
        port.under_way += 1
        due = self.clock.time_ns + delay_ns
        self.event_queue.push(due, _DELIVERY, receiver.index, self._deliver, (receiver, port, message))

    def _deliver(self, receiver: Executor, port: BoundInput[Any], message: Message) -> None:
        port.under_way -= 1
        if receiver.alive:
            receiver.deliver(port, message)

    def _run(self, progress: Callable[[int], None] | None, keeper: CheckpointWriter | None) -> None:
        event_queue, duration_ns = self.event_queue, self.launch_context.limits.duration_ns
        end_ns = math.inf if duration_ns is None else duration_ns
        keep_ns = math.inf if keeper is None else keeper.due_after(self.clock.time_ns)
        while True:
            event_queue.run(min(end_ns, keep_ns), progress)
            next_ns = event_queue.next_ns
            if keeper is None or next_ns is None or self.reason or not keep_ns <= next_ns < end_ns:
                return
            keeper.write(self)
            keep_ns = keeper.due_after(next_ns)

    def _stop(self) -> list[RtgraphError]:
        """Stop the running nodes in order of ``stop_rank``, and return the errors. After an error the other nodes are still stopped.

        Nodes of a higher rank still receive the last messages from nodes of a lower rank.
        """
        self.down = dict.fromkeys((n for n, e in self.executors.items() if not e.alive), INJECTED)
        self.down |= {
            executor.identity.name: problem for executor, problem in self.event_queue.failed.items()
        }
        # Messages pending at this instant when a node failed still arrive.
        failures = self.event_queue.end()
        for rank in sorted({executor.node.stop_rank for executor in self.executors.values()}):
            for executor in self.executors.values():
                if executor.node.stop_rank == rank and executor.alive and executor in self._begun:
                    failures += self.event_queue.attempt(executor.stop, ())
            failures += self.event_queue.settle()
        return failures

    def _crash(self, name: str, restart_after_ns: int | None) -> None:
        executor = self.executors[name]
        if not executor.alive:
            return
        executor.alive = False
        if restart_after_ns is not None:
            due = self.clock.time_ns + restart_after_ns
            self.event_queue.push(due, Urgency.DELIVERY, -1, self._restart, (name,))

    def _restart(self, name: str) -> None:
        plan = next(plan for plan in self.plans if plan.name == name)
        self.restarts[name] = self.restarts.get(name, 0) + 1
        self.executors[name] = self._executor(plan, self.executors[name].identity.incarnation + 1)
        self._routes = routes(self.plans, self.executors)
        self.event_queue.happen(self.executors[name].prepare, ())
        self._start(self.executors[name])

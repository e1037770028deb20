"""The launcher of a graph in real time: it starts the nodes, tests every edge, starts the graph, and stops the nodes in order.

When all nodes are ready, a probe (a test message) travels over every edge (connection). Then time 0 begins. A node that dies is
restarted if its restart policy allows it. A failure that cannot be repaired ends the launch. Plants (emulators and robots) stop
first, recorders last. Nodes that do not stop in time are killed.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable

from rtgraph.graphs import Plan
from rtgraph.launch.console.keys import keys
from rtgraph.launch.console.progress_line import ProgressLine
from rtgraph.launch.console.status import Status
from rtgraph.launch.host import descriptors
from rtgraph.launch.host.estop import Running, ask
from rtgraph.launch.host.polling import Poll
from rtgraph.launch.host.runtime_directory import RuntimeDirectory
from rtgraph.launch.host.signals import Signals
from rtgraph.launch.host.sweeping import Sweeper
from rtgraph.launch.process.announcement import describe
from rtgraph.launch.process.control_server import ControlServer
from rtgraph.launch.process.endpoints import bus_plans
from rtgraph.launch.process.introspection_service import Service
from rtgraph.launch.process.node_supervisor import NodeSupervisor, members_of
from rtgraph.launch.process.outcome import Outcome, statistics_of_all
from rtgraph.launch.process.process_starter import Starter
from rtgraph.launch.process.server_process import EarlyServer
from rtgraph.launch.session import Session
from rtgraph.msgs import Progress, RobotState
from rtgraph.msgs.errors import LaunchError
from rtgraph.msgs.typed.text import readable
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.realtime.guard import MARGIN_S
from rtgraph.nodes.runtime.realtime.host import adopt_orphans, leave_orphans

START_DEADLINE_S = 60.0
PROOF_DEADLINE_S = 15.0
STOP_DEADLINE_S = 10.0
INTERRUPTED_STOP_S = 1.2
"""Seconds in which nodes must stop after a first signal such as Ctrl-C. Recorders have more time, to finish saving."""
STOP_EACH_S = 0.015
"""Seconds added to ``INTERRUPTED_STOP_S`` for each node, because all nodes stop at the same time on a few cores."""
HURRIED_STOP_S = 1.2
"""Seconds in which nodes must stop after a signal that arrives while they stop."""
HEAD_START_NS = 20_000_000
STOP_KEY = b"e"


class Launcher:
    """Runs a plan (a resolved launch file) with one process per node. Call ``run`` once, in the main thread."""

    def __init__(
        self,
        plan: Plan,
        session: Session,
        status: Status,
        *,
        tcp_port: int | None = None,
        early: EarlyServer | None = None,
    ) -> None:
        self._plan = plan
        self._session = session
        self._status = status
        self._tcp_port = tcp_port
        self._early = early
        self._outcome = Outcome()
        self._progress_line = ProgressLine(plan.ticks, plan.duration_s)
        self._members = members_of(plan)
        self._signals = Signals()
        self._poll = Poll()
        self._closing = contextlib.ExitStack()

    def run(self) -> Outcome:
        """Start the graph, run it to its end, and stop it.

        Raises:
            LaunchError: the graph could not be started.
        """
        try:
            readable(str(self._session.directory.absolute()))
        except ValueError as error:  # messages to nodes name their logs
            raise LaunchError(f"the session folder {error}", hint="choose another --out") from error
        with self._closing:
            self._open()
            try:
                self._start()
                self._until_the_end()
                self._stop()
            except LaunchError:
                if self._signals.first is None:
                    raise
                self._outcome.signal = self._signals.first
        return self._completed_outcome()

    def _completed_outcome(self) -> Outcome:
        outcome, members = self._outcome, self._members
        if outcome.signal is not None:
            outcome.reason = signal.Signals(outcome.signal).name
        outcome.restarts = {name: m.budget.restarts for name, m in members.items() if m.budget.restarts}
        outcome.causes = {name: members[name].died_of for name in outcome.restarts}
        if self._starter.restarts:
            outcome.restarts["fork server"] = self._starter.restarts
        outcome.silent_s = {name: round(m.silent_most_s, 1) for name, m in members.items() if m.silent_most_s}
        outcome.statistics = statistics_of_all(members, began=bool(self._supervisor.epoch_ns))
        return outcome

    def _open(self) -> None:
        """Acquire all resources of the launch: folders, sockets, processes. They are released in reverse order at the end."""
        plan, closing, poll = self._plan, self._closing, self._poll
        adopt_orphans()
        closing.callback(leave_orphans)
        closing.enter_context(self._signals)
        try:
            descriptors.allow(*descriptors.needed(plan))
            self._runtime = runtime = RuntimeDirectory()
            closing.callback(runtime.remove)
            self._buses = bus_plans(plan, runtime, self._tcp_port)
        except LaunchError:
            self._session.discard()
            raise
        self._control_server = control_server = closing.enter_context(
            ControlServer(plan, runtime, self._buses)
        )
        self._service = service = closing.enter_context(
            Service(plan.name, runtime, self._members, control_server.send)
        )
        sweeper = closing.enter_context(
            Sweeper(
                control_server.endpoint if self._early is None else self._early.launch,
                self._status.note,
                self._outcome.left_behind,
                max(
                    (member.stop_s + MARGIN_S for member in self._members.values() if member.stop_s),
                    default=0.0,
                ),
            )
        )
        self._starter = closing.enter_context(
            Starter(plan, self._session, poll, control_server.endpoint, self._buses, sweeper, self._early)
        )
        self._supervisor = supervisor = NodeSupervisor(
            plan,
            self._members,
            control_server,
            self._starter,
            service.changes,
            self._session,
            self._outcome,
            self._status,
        )
        poll.add(control_server.control, supervisor.handle_messages)
        poll.add(control_server.progress, self._progressed)
        poll.add(service.socket, lambda: service.attend(time.monotonic()))
        poll.add(self._signals.descriptor, self._signals.clear)
        if any("estop" in load_class(node.node).input_ports for node in plan.nodes):
            self._attend_to_keys()

    def _attend_to_keys(self) -> None:
        descriptor = self._closing.enter_context(keys())
        if descriptor is None:
            return

        def pressed() -> None:
            key = os.read(descriptor, 1)
            if not key:
                self._poll.remove(descriptor)
            if key in (STOP_KEY, STOP_KEY.upper()):
                for answer in ask(
                    [Running(self._runtime.path, self._plan.name, os.getpid())], "stop the key e"
                ):
                    text = answer.text or "a robot does not answer: cut the power of its motors"
                    self._status.note(f"{text}. Allow motion again with: rtgraph estop --reset")

        self._poll.add(descriptor, pressed)
        self._status.note("press e for an emergency stop")

    def _start(self) -> None:
        supervisor, status, outcome = self._supervisor, self._status, self._outcome
        began = time.monotonic()
        status.phase("importing")
        self._starter.prepare()
        self._pump_until(lambda: self._starter.ready, START_DEADLINE_S, "the fork server")
        outcome.import_s = time.monotonic() - began
        if self._plan.weights:
            self._fill_weights()
        began = time.monotonic()
        count = len(self._members)
        status.phase(f"starting {count} nodes", count)
        supervisor.start()
        self._pump_until(
            supervisor.all_ready,
            START_DEADLINE_S,
            supervisor.missing_nodes,
            progressed_s=lambda: supervisor.prepared_s,
        )
        status.phase(f"testing {len(supervisor.barrier.edges)} edges", len(supervisor.barrier.edges))
        supervisor.prove()
        self._pump_until(lambda: not supervisor.barrier.pending, PROOF_DEADLINE_S, supervisor.unproven_edges)
        supervisor.go(time.monotonic_ns() + HEAD_START_NS)
        outcome.start_s = time.monotonic() - began
        self._announce()

    def _fill_weights(self) -> None:
        self._status.phase("creating weights")
        filled: list[bool] = []
        self._starter.fill_weights(lambda: filled.append(True))
        self._pump_until(lambda: bool(filled), None, "the weights")

    def _announce(self) -> None:
        """Write the description of the launch, for clients such as ``rtgraph topic``. If this fails, the graph still runs."""
        self._service.clock.epoch_ns = self._supervisor.epoch_ns
        described = describe(
            self._plan,
            self._session.directory,
            self._buses,
            self._supervisor.epoch_ns,
            self._service.endpoint,
        )
        try:
            self._runtime.announce(described.model_dump_json())
        except LaunchError as error:
            self._status.note(f"the graph cannot be inspected: {error}")

    def _until_the_end(self) -> None:
        limit_s = self._plan.duration_s
        self._status.phase(self._plan.name, self._progress_line.total)
        began = time.monotonic()
        while not (self._outcome.reason or self._signals.first is not None):
            self._pump(0.1)
            elapsed = time.monotonic() - began
            if limit_s is not None and elapsed >= limit_s:
                self._outcome.reason = "the duration is over"
        self._outcome.duration_s = time.monotonic() - began

    def _stop(self) -> None:
        self._outcome.signal = self._signals.first
        self._status.phase("stopping")
        self._supervisor.fail_for_dead_nodes()
        ranks = sorted({member.rank for member in self._members.values()})
        began = time.monotonic()
        for place, rank in enumerate(ranks, 1):
            last = place == len(ranks)
            interrupted_s = INTERRUPTED_STOP_S + STOP_EACH_S * len(self._members)
            whole_s = STOP_DEADLINE_S if last or self._signals.first is None else interrupted_s
            share_s = whole_s * (1 if last else place / len(ranks))
            began_rank, needs_s = time.monotonic(), self._supervisor.needs_s(rank)
            deadline = max(began + share_s, began_rank + needs_s)
            self._supervisor.stop(rank, deadline)
            while self._supervisor.any_left(rank) and time.monotonic() <= min(
                deadline, max(self._hurried_deadline(), began_rank + needs_s)
            ):
                self._pump(0.02)
            self._supervisor.kill(rank)
            began = max(began, time.monotonic() - share_s)  # a robot's time is not taken from the others

    def _hurried_deadline(self) -> float:
        """Return the time by which nodes must stop after a signal that arrives while they stop; infinity without such a signal."""
        asked = 0 if self._outcome.signal is None else 1
        return (
            self._signals.times_s[asked] + HURRIED_STOP_S if len(self._signals.times_s) > asked else math.inf
        )

    def _pump_until(
        self,
        done: Callable[[], bool],
        within_s: float | None,
        whom: str | Callable[[], str],
        progressed_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Handle messages until ``done`` returns True.

        Args:
            done: called again and again; the wait ends when it returns True.
            within_s: maximum time in s without progress; None for no limit.
            whom: text for the error: what the launcher waits for.
            progressed_s: returns the time of the last progress.

        Raises:
            LaunchError: the time is over, or a signal has arrived.
        """
        began_s = time.monotonic()
        while not done():
            if self._signals.first is not None:
                raise LaunchError("interrupted by a signal before the graph had started")
            if within_s is not None and time.monotonic() > max(began_s, progressed_s()) + within_s:
                raise LaunchError(
                    f"timed out after {within_s:.0f} s: waited for {whom if isinstance(whom, str) else whom()}"
                )
            self._pump(0.05)

    def _pump(self, longest_s: float) -> None:
        """Wait at most ``longest_s`` seconds for messages, handle the messages, and do other due work, such as restarts."""
        for attend in self._poll.wait(longest_s):
            try:
                attend()
            except LaunchError as error:
                if not self._supervisor.epoch_ns:
                    raise
                self._outcome.fail(str(error))
        now_s = time.monotonic()
        self._service.changes.give_up(now_s)
        self._supervisor.do_due_work(now_s)
        self._starter.do_due_work(now_s)

    def _progressed(self) -> None:
        for progress in self._control_server.progressed():
            if isinstance(progress, Progress):
                self._service.progressed(progress)
            elif isinstance(progress, RobotState):
                self._members[progress.header.source].does = progress.state
            self._progress_line.update(progress)
        if self._supervisor.epoch_ns:
            elapsed_s = (time.monotonic_ns() - self._supervisor.epoch_ns) / 1e9
            self._status.progress(*self._progress_line.render(elapsed_s, elapsed_s))

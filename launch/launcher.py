"""The launcher of the realtime world: starts every node, proves every edge, lets go, watches, stops in order.

All ready → every edge proven → go. A node that dies is started again as its restart policy says; what cannot
be mended ends the launch. Plants stop first, recorders last, and whatever does not end is killed: nothing is left.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterable

import zmq

from rtgraph.graphs import Plan
from rtgraph.launch.accounting import Outcome, sent_to, statistics_of_all
from rtgraph.launch.barrier import Barrier
from rtgraph.launch.endpoints import bus_plans, edges
from rtgraph.launch.going import Going
from rtgraph.launch.introspection.announcement import describe
from rtgraph.launch.introspection.service import Service
from rtgraph.launch.processes import ForkServer, Process, last_line, start_with_own_python
from rtgraph.launch.session import RuntimeDirectory, Session
from rtgraph.launch.signals import Signals
from rtgraph.launch.status import Status
from rtgraph.launch.supervision import Member, RestartBudget
from rtgraph.launch.switchboard import Switchboard
from rtgraph.msgs import Message, Progress
from rtgraph.msgs.errors import DecodeError, LaunchError
from rtgraph.msgs.system import (
    ChangeParams,
    Failed,
    Finish,
    Go,
    Heartbeat,
    ParamsChanged,
    Probe,
    Proven,
    Ready,
    Statistics,
    Stop,
)
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.forkserver import FillWeights, Preload, StartNode
from rtgraph.nodes.runtime.host import adopt_orphans, leave_orphans
from rtgraph.nodes.runtime.realtime import NodeConfig, WeightsPlan
from rtgraph.nodes.runtime.weights import create

START_DEADLINE_S = 60.0
PROOF_DEADLINE_S = 15.0
RESTART_PROOF_S = 1.0
"""A node that is started again waits no longer than that for the proof of its edges."""
STOP_DEADLINE_S = 10.0
INTERRUPTED_STOP_S = 1.2
"""What all but the recorders have when a person wants to stop; what is recorded is saved for as long as it takes."""
STOP_EACH_S = 0.015
"""What each node adds to that: a few cores are shared by all that end."""
HURRIED_STOP_S = 1.2
"""What is left after a second signal."""
LAST_WORDS_S = 0.3
HEAD_START_NS = 20_000_000


class Launcher:
    """Runs a plan as processes. Use ``run`` once, in the main thread.

    Raises:
        LaunchError: the graph could not be started.
    """

    def __init__(self, plan: Plan, session: Session, status: Status, *, tcp_port: int | None = None) -> None:
        self._plan = plan
        self._session = session
        self._status = status
        self._tcp_port = tcp_port
        self._outcome = Outcome()
        self._going = Going(plan.ticks, plan.duration_s)
        self._members = {
            node.name: Member(node, load_class(node.node).stop_rank, RestartBudget(node.restart))
            for node in plan.nodes
        }
        self._barrier = Barrier(edges(plan))
        self._weights: list[WeightsPlan] = []
        self._epoch_ns = 0
        self._stopping = False
        self._signals = Signals()
        self._poller = zmq.Poller()
        self._ended: dict[int, tuple[Process, Callable[[], None]]] = {}
        self._server: ForkServer | None = None
        self._closing = contextlib.ExitStack()

    def run(self) -> Outcome:
        """Start the graph, run it to its end, and stop it."""
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
        return self._told()

    def _told(self) -> Outcome:
        outcome, members = self._outcome, self._members
        if outcome.signal is not None:
            outcome.reason = signal.Signals(outcome.signal).name
        outcome.restarts = {name: m.budget.restarts for name, m in members.items() if m.budget.restarts}
        outcome.causes = {name: members[name].died_of for name in outcome.restarts}
        if self._server is not None and self._server.restarts:
            outcome.restarts["fork server"] = self._server.restarts
        outcome.silent_s = {name: round(m.silent_most_s, 1) for name, m in members.items() if m.silent_most_s}
        outcome.statistics = statistics_of_all(members, began=bool(self._epoch_ns))
        return outcome

    def _open(self) -> None:
        """Get hold of everything that is let go of again at the end, in the reverse order."""
        closing = self._closing
        adopt_orphans()
        closing.callback(leave_orphans)
        closing.enter_context(self._signals)
        self._runtime = runtime = RuntimeDirectory()
        closing.callback(runtime.remove)
        try:
            self._buses = bus_plans(self._plan, runtime, self._tcp_port)
        except LaunchError:
            self._session.discard()
            raise
        self._board = closing.enter_context(Switchboard(self._plan, runtime, self._buses))
        self._service = closing.enter_context(Service(self._plan.name, runtime, self._members, self._tell))
        for watched in (
            self._board.control,
            self._board.progress,
            self._service.socket,
            self._signals.descriptor,
        ):
            self._poller.register(watched, zmq.POLLIN)
        closing.callback(self._kill_everybody)

    # Starting.

    def _start(self) -> None:
        began = time.monotonic()
        self._status.phase("importing")
        for name, plan in self._plan.weights.items():
            descriptor = create(name)
            self._closing.callback(os.close, descriptor)
            self._weights.append(
                WeightsPlan(
                    name=name,
                    network=plan.network,
                    plant=plan.spec,
                    seed=plan.seed,
                    sharing=plan.sharing,
                    checkpoint=plan.checkpoint,
                    version=plan.version,
                    descriptor=descriptor,
                )
            )
        self._server = ForkServer(
            Preload(modules=tuple(_modules(self._plan)), weights=tuple(self._weights)),
            str(self._session.log_file("fork-server")),
        )
        self._closing.callback(self._server.close)
        self._poller.register(self._server.descriptor, zmq.POLLIN)
        self._pump_until(
            lambda: self._server is not None and self._server.ready, START_DEADLINE_S, "the fork server"
        )
        self._outcome.import_s = time.monotonic() - began
        if self._weights:
            self._fill_weights()
        began = time.monotonic()
        count = len(self._members)
        self._status.phase(f"starting {count} nodes", count)
        for member in self._members.values():
            self._start_node(member)
        self._pump_until(self._all_ready, START_DEADLINE_S, self._who_is_missing)
        self._status.phase(f"proving {len(self._barrier.edges)} edges", len(self._barrier.edges))
        self._barrier.require(self._members)
        self._pump_until(lambda: not self._barrier.pending, PROOF_DEADLINE_S, self._what_is_unproven)
        self._epoch_ns = time.monotonic_ns() + HEAD_START_NS
        for member in self._members.values():
            self._let_go(member)
        self._outcome.start_s = time.monotonic() - began
        self._announce()

    def _announce(self) -> None:
        """Leave word for those who want to look into the graph; without it the graph runs just as well."""
        self._service.clock.epoch_ns = self._epoch_ns
        described = describe(
            self._plan, self._session.directory, self._buses, self._epoch_ns, self._service.endpoint
        )
        try:
            self._runtime.announce(described.model_dump_json())
        except LaunchError as error:
            self._status.note(f"the graph cannot be looked into: {error}")

    def _fill_weights(self) -> None:
        self._status.phase("making weights")
        filled: list[int] = []

        def started(process: Process) -> None:
            self._watch(process, lambda: filled.append(process.reap()))

        log_file = str(self._session.log_file("weights"))
        request = FillWeights(launcher=os.getpid(), log_file=log_file, weights=tuple(self._weights))
        self._request(request, started)
        self._pump_until(lambda: bool(filled), None, "the weights")
        if filled[0] != 0:
            problem = f"killed by signal {-filled[0]}" if filled[0] < 0 else last_line(log_file)
            problem, _, hint = re.sub(rf"^{LaunchError.__module__}\.\w+: ", "", problem).partition(". hint: ")
            raise LaunchError(f"the weights could not be made: {problem}", hint=hint or f"see {log_file}")

    def _start_node(self, member: Member) -> None:
        plan = member.plan
        member.begin_anew()
        config = NodeConfig(
            plan=plan,
            incarnation=member.incarnation,
            seed=self._plan.seed,
            control=self._board.endpoint,
            bus=self._buses[plan.name],
            ticks=self._plan.ticks,
            directory=str(self._session.directory.resolve()),
            changed=member.given,
            weights=tuple(self._weights),
        )
        request = StartNode(
            launcher=os.getpid(), log_file=str(self._session.log_file(plan.name)), config=config
        )

        def started(process: Process) -> None:
            member.process = process
            self._watch(process, lambda: self._node_ended(member, process))
            if self._stopping:
                process.kill()

        if plan.python is None:
            self._request(request, started)
        else:
            started(start_with_own_python(plan.python, request, [w.descriptor for w in self._weights]))

    def _request(self, request: StartNode | FillWeights, started: Callable[[Process], None]) -> None:
        if self._server is None:
            raise LaunchError("there is no fork server")
        self._server.request(request, started)

    def _let_go(self, member: Member) -> None:
        self._tell(member, Go(epoch_ns=self._epoch_ns))
        member.running = True
        member.heard_s = time.monotonic()

    # Running.

    def _until_the_end(self) -> None:
        limit_s = self._plan.duration_s
        self._status.phase(self._plan.name, self._going.total)
        began = time.monotonic()
        while not (self._outcome.reason or self._signals.first is not None):
            self._pump(0.1)
            elapsed = time.monotonic() - began
            if limit_s is not None and elapsed >= limit_s:
                self._outcome.reason = "the duration is over"
        self._outcome.duration_s = time.monotonic() - began

    def _node_ended(self, member: Member, process: Process) -> None:
        code = process.reap()
        if member.process is not process:
            return
        self._hear_last_words(member, code)
        member.process = None
        name = member.plan.name
        problem = member.problem or (
            f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        )
        self._service.changes.died(name, problem)
        if member.statistics is not None or (self._stopping and not member.running):
            return
        if not self._epoch_ns:
            raise LaunchError(f"{name} did not start: {problem}", hint=f"see {self._session.log_file(name)}")
        wait_s = None if self._stopping else member.budget.died(time.monotonic())
        member.running = False
        if wait_s is None:
            self._outcome.fail(f"{name} failed: {problem}")
            return
        member.died_of = problem
        self._status.note(f"{name} {problem}: restarting ({member.budget.restarts})")
        member.ready = False
        member.restart_at = time.monotonic() + wait_s

    def _hear_last_words(self, member: Member, code: int) -> None:
        """Wait for what a process said just before it ended: that it ended may be known sooner."""
        deadline = time.monotonic() + LAST_WORDS_S
        while code >= 0 and member.statistics is None and not member.problem and time.monotonic() < deadline:
            if self._board.control.poll(10):
                self._hear()

    def _restart_the_due(self, now_s: float) -> None:
        for member in self._members.values():
            if member.restart_at is not None and now_s >= member.restart_at:
                member.incarnation += 1
                self._start_node(member)
            elif self._epoch_ns and member.ready and not member.running and self._may_go(member, now_s):
                self._let_go(member)

    def _may_go(self, member: Member, now_s: float) -> bool:
        if not self._barrier.waits_for(member.plan.name):
            return True
        if now_s < member.go_at:
            return False
        self._status.note(f"{member.plan.name} goes on although not all of its edges are proven")
        return True

    def _look_for_the_silent(self, now_s: float) -> None:
        for name, member in self._members.items():
            if member.fell_silent(now_s):
                self._status.note(
                    f"{name} has not been heard for {member.silent_most_s:.1f} s: it is busy, or hangs"
                )

    # Stopping.

    def _stop(self) -> None:
        self._stopping = True
        self._outcome.signal = self._signals.first
        self._status.phase("stopping")
        ranks = sorted({member.rank for member in self._members.values()})
        began = time.monotonic()
        for place, rank in enumerate(ranks, 1):
            last = place == len(ranks)
            interrupted_s = INTERRUPTED_STOP_S + STOP_EACH_S * len(self._members)
            whole_s = STOP_DEADLINE_S if last or self._signals.first is None else interrupted_s
            deadline = began + whole_s * (1 if last else place / len(ranks))
            stopped = [m for m in self._members.values() if m.rank == rank and m.process is not None]
            for member in stopped:
                self._tell_to_stop(member, deadline)
            while any(member.process is not None for member in stopped):
                if time.monotonic() > min(deadline, self._hurried_deadline()):
                    break
                self._pump(0.02)
            for member in stopped:
                self._kill_at_the_end(member)

    def _hurried_deadline(self) -> float:
        """Return when patience ends: soon after the signal that came on top of an ordered stop."""
        asked = 0 if self._outcome.signal is None else 1
        return (
            self._signals.times_s[asked] + HURRIED_STOP_S if len(self._signals.times_s) > asked else math.inf
        )

    def _tell_to_stop(self, member: Member, deadline: float) -> None:
        if not member.running and member.process is not None:
            member.process.kill()  # it has not begun: there is nothing that it could save
        deadline_ns = int(deadline * 1e9) - self._epoch_ns
        self._tell(
            member,
            Stop(reason=self._outcome.reason, deadline_ns=deadline_ns, sent=sent_to(member, self._members)),
        )

    def _kill_at_the_end(self, member: Member) -> None:
        if member.process is None:
            return
        self._status.note(f"{member.plan.name} did not stop: killed")
        self._outcome.fail(f"{member.plan.name} did not stop in time")
        member.process.kill()
        member.process = None

    def _kill_everybody(self) -> None:
        processes = [process for process, _ in self._ended.values()]
        for process in processes:
            process.kill()
        for process in processes:
            process.reap()

    # Hearing and telling.

    def _pump_until(
        self, done: Callable[[], bool], within_s: float | None, whom: str | Callable[[], str]
    ) -> None:
        deadline = None if within_s is None else time.monotonic() + within_s
        while not done():
            if self._signals.first is not None:
                raise LaunchError("interrupted")
            if deadline is not None and time.monotonic() > deadline:
                raise LaunchError(
                    f"{whom if isinstance(whom, str) else whom()} was not there within {within_s:.0f} s"
                )
            self._pump(0.05)

    def _pump(self, longest_s: float) -> None:
        """Hear everybody once, waiting at most so long for somebody to speak."""
        for source, _ in self._poller.poll(round(longest_s * 1000)):
            try:
                self._attend_to(source)
            except LaunchError as error:
                if not self._epoch_ns:
                    raise
                self._outcome.fail(str(error))
        now_s = time.monotonic()
        self._service.changes.give_up(now_s)
        self._barrier.probe(now_s, lambda name, nonce: self._tell(self._members[name], Probe(nonce=nonce)))
        if not self._stopping:
            self._restart_the_due(now_s)
            self._look_for_the_silent(now_s)

    def _attend_to(self, source: object) -> None:
        server = self._server
        if source is self._board.control:
            self._hear()
        elif source is self._board.progress:
            for progress in self._board.progressed():
                if isinstance(progress, Progress):
                    self._service.progressed(progress)
                self._going.heard(progress)
            if self._epoch_ns:
                elapsed_s = (time.monotonic_ns() - self._epoch_ns) / 1e9
                self._status.progress(*self._going.told(elapsed_s, elapsed_s))
        elif source is self._service.socket:
            self._service.attend(time.monotonic())
        elif source == self._signals.descriptor:
            self._signals.clear()
        elif server is not None and source == server.descriptor:
            self._poller.unregister(source)
            server.answer()
            self._poller.register(server.descriptor, zmq.POLLIN)
        elif isinstance(source, int) and source in self._ended:
            self._poller.unregister(source)
            _, ended = self._ended.pop(source)
            ended()

    def _hear(self) -> None:
        for name, incarnation, message in self._board.heard():
            member = self._members.get(name)
            if member is None or incarnation != str(member.incarnation):
                continue
            if isinstance(message, DecodeError):
                self._status.note(f"{name}: {message}")
            else:
                self._take(member, message)

    def _take(self, member: Member, message: Message) -> None:
        silent_s = member.heard(time.monotonic())
        if silent_s is not None:
            self._status.note(f"{member.plan.name} is heard again, after {silent_s:.1f} s")
        if isinstance(message, Ready):
            member.ready = True
            member.go_at = member.heard_s + RESTART_PROOF_S
            if member.changed != member.given:
                self._tell(member, ChangeParams(number=0, values=member.changed))
            if self._epoch_ns:
                self._barrier.require([member.plan.name])
            else:
                self._status.progress(sum(m.ready for m in self._members.values()))
        elif isinstance(message, Proven):
            self._barrier.proven(message)
        elif isinstance(message, Finish):
            self._outcome.reason = self._outcome.reason or f"{message.node}: {message.reason}"
        elif isinstance(message, Failed):
            member.problem = message.problem
        elif isinstance(message, Statistics):
            member.statistics = message
        elif isinstance(message, ParamsChanged):
            self._service.changes.done(member.plan.name, message)
        elif isinstance(message, Heartbeat):
            member.beats.append(message.beat)
        else:
            self._status.note(f"{member.plan.name} says {message.schema_name}, which is nothing a node says")

    def _tell(self, member: Member, message: Message) -> None:
        self._board.tell(member.plan.name, member.incarnation, message)

    def _watch(self, process: Process, ended: Callable[[], None]) -> None:
        self._ended[process.pidfd] = process, ended
        self._poller.register(process.pidfd, zmq.POLLIN)

    # What to say when it does not work.

    def _all_ready(self) -> bool:
        return all(member.ready for member in self._members.values())

    def _who_is_missing(self) -> str:
        return _some(name for name, member in self._members.items() if not member.ready)

    def _what_is_unproven(self) -> str:
        return "the edge " + _some(
            f"{publisher} -> {node}.{port}" for publisher, node, port in self._barrier.pending
        )


def _modules(plan: Plan) -> list[str]:
    """Return what the fork server imports: the modules of the nodes, and torch where there are networks."""
    modules = {node.node.partition(":")[0] for node in plan.nodes if node.python is None}
    if plan.weights:
        modules |= {"rtgraph.nodes.inference.network_policy", "rtgraph.nodes.networks.shared"}
    return sorted(modules)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")

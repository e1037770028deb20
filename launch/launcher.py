"""The launcher of the realtime world: starts every node, proves every edge, lets go, watches, stops in order.

All ready → every edge proven → go. A node that dies is started again as its restart policy says; what cannot
be mended ends the launch. Plants stop first, recorders last, and whatever does not end is killed: nothing is left.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import zmq

from rtgraph.graphs import Plan
from rtgraph.launch.barrier import Barrier
from rtgraph.launch.endpoints import bus_plans, edges
from rtgraph.launch.processes import ForkServer, Process, start_with_own_python
from rtgraph.launch.session import RuntimeDirectory, Session
from rtgraph.launch.status import Status
from rtgraph.launch.supervision import RestartBudget
from rtgraph.msgs import Decoder, Message
from rtgraph.msgs import Progress as ProgressMessage
from rtgraph.msgs.errors import DecodeError, LaunchError
from rtgraph.msgs.system import Failed, Finish, Go, Heartbeat, Probe, Proven, Ready, Statistics, Stop
from rtgraph.nodes.runtime import NodePlan, load_class
from rtgraph.nodes.runtime.control import pack, unpack
from rtgraph.nodes.runtime.forkserver import FillWeights, Preload, StartNode
from rtgraph.nodes.runtime.host import adopt_orphans
from rtgraph.nodes.runtime.realtime import NodeConfig, WeightsPlan
from rtgraph.nodes.runtime.weights import create

START_DEADLINE_S = 60.0
PROOF_DEADLINE_S = 15.0
STOP_DEADLINE_S = 10.0
INTERRUPTED_STOP_DEADLINE_S = 1.6
HEAD_START_NS = 20_000_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Member:
    """A node as the launcher sees it."""

    plan: NodePlan
    rank: int
    budget: RestartBudget
    incarnation: int = 0
    process: Process | None = None
    ready: bool = False
    running: bool = False
    restart_at: float | None = None
    problem: str = ""
    statistics: Statistics | None = None
    heard_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What became of a launch."""

    reason: str = ""
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False
    statistics: dict[str, Statistics] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    import_s: float = 0.0
    start_s: float = 0.0
    duration_s: float = 0.0


class Launcher:
    """Runs a plan as processes. Use ``run`` once, in the main thread.

    Raises:
        LaunchError: the graph could not be started.
    """

    def __init__(self, plan: Plan, session: Session, status: Status, *, tcp_port: int | None = None) -> None:
        self._plan = plan
        self._session = session
        self._status = status
        self._runtime = RuntimeDirectory()
        self._outcome = Outcome()
        self._members = {
            node.name: Member(node, load_class(node.node).stop_rank, RestartBudget(node.restart))
            for node in plan.nodes
        }
        self._buses = bus_plans(plan, self._runtime, tcp_port)
        self._barrier = Barrier(edges(plan))
        self._weights: list[WeightsPlan] = []
        self._epoch_ns = 0
        self._stopping = False
        self._signal: int | None = None
        self._zmq = zmq.Context()
        self._control = self._zmq.socket(zmq.ROUTER)
        self._control.setsockopt(zmq.LINGER, 200)
        self._control.bind(self._runtime.endpoint("control"))
        self._progress = self._watch_progress()
        self._wake, self._waker = socket.socketpair()
        self._poller = zmq.Poller()
        for watched in (self._control, self._progress, self._wake):
            self._poller.register(watched, zmq.POLLIN)
        self._ended: dict[int, Callable[[], None]] = {}
        self._server: ForkServer | None = None

    def run(self) -> Outcome:
        """Start the graph, run it to its end, and stop it."""
        adopt_orphans()
        before = self._catch_signals()
        try:
            self._start()
            self._until_the_end()
            self._stop()
        except LaunchError:
            if self._signal is None:
                raise
        finally:
            self._clean_up(before)
        outcome = self._outcome
        outcome.interrupted = self._signal is not None
        if self._signal is not None:
            outcome.reason = signal.Signals(self._signal).name
        outcome.restarts = {name: m.budget.restarts for name, m in self._members.items() if m.budget.restarts}
        if self._server is not None and self._server.restarts:
            outcome.restarts["fork server"] = self._server.restarts
        outcome.statistics = {
            name: m.statistics for name, m in self._members.items() if m.statistics is not None
        }
        return outcome

    # Starting.

    def _start(self) -> None:
        began = time.monotonic()
        self._status.phase("importing")
        self._weights = [
            WeightsPlan(
                name=name, network=plan.network, plant=plan.spec, seed=plan.seed, descriptor=create(name)
            )
            for name, plan in self._plan.weights.items()
        ]
        self._server = ForkServer(
            Preload(modules=tuple(_modules(self._plan)), weights=tuple(self._weights)),
            str(self._session.log_file("fork-server")),
        )
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

    def _fill_weights(self) -> None:
        self._status.phase("drawing weights")
        filled: list[int] = []

        def started(process: Process) -> None:
            self._watch(process, lambda: filled.append(process.reap()))

        log_file = str(self._session.log_file("weights"))
        request = FillWeights(launcher=os.getpid(), log_file=log_file, weights=tuple(self._weights))
        self._request(request, started)
        self._pump_until(lambda: bool(filled), None, "the weights")
        if filled[0] != 0:
            raise LaunchError("the weights could not be drawn", hint=f"see {log_file}")

    def _start_node(self, member: Member) -> None:
        plan = member.plan
        member.ready = member.running = False
        member.restart_at, member.problem = None, ""
        config = NodeConfig(
            plan=plan,
            incarnation=member.incarnation,
            seed=self._plan.seed,
            control=self._runtime.endpoint("control"),
            bus=self._buses[plan.name],
            ticks=self._plan.ticks,
            directory=str(self._session.directory.resolve()),
            weights=tuple(self._weights),
        )
        request = StartNode(
            launcher=os.getpid(), log_file=str(self._session.log_file(plan.name)), config=config
        )

        def started(process: Process) -> None:
            member.process = process
            self._watch(process, lambda: self._node_ended(member, process))

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

    # Running.

    def _until_the_end(self) -> None:
        limit_s = self._plan.duration_s
        self._status.phase(self._plan.name, limit_s)
        began = time.monotonic()
        while not (self._outcome.reason or self._signal is not None):
            self._pump(0.1)
            elapsed = time.monotonic() - began
            if limit_s is not None and elapsed >= limit_s:
                self._outcome.reason = "the duration is over"
        self._outcome.duration_s = time.monotonic() - began

    def _node_ended(self, member: Member, process: Process) -> None:
        code = process.reap()
        if member.process is not process:
            return
        member.process = None
        if member.statistics is not None or self._stopping:
            return
        name = member.plan.name
        problem = member.problem or (
            f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        )
        if not self._epoch_ns:
            raise LaunchError(f"{name} did not start: {problem}", hint=f"see {self._session.log_file(name)}")
        wait_s = member.budget.died(time.monotonic())
        if wait_s is None:
            self._outcome.failures.append(f"{name}: {problem}")
            self._outcome.reason = self._outcome.reason or f"{name} failed: {problem}"
            return
        self._status.note(f"{name} {problem}: restarting ({member.budget.restarts})")
        member.ready = member.running = False
        member.restart_at = time.monotonic() + wait_s

    def _restart_the_due(self, now_s: float) -> None:
        for member in self._members.values():
            if member.restart_at is not None and now_s >= member.restart_at:
                member.incarnation += 1
                self._start_node(member)
            elif (
                self._epoch_ns
                and member.ready
                and not member.running
                and not self._barrier.waits_for(member.plan.name)
            ):
                self._let_go(member)

    # Stopping.

    def _stop(self) -> None:
        self._stopping = True
        self._status.phase("stopping")
        total_s = STOP_DEADLINE_S if self._signal is None else INTERRUPTED_STOP_DEADLINE_S
        ranks = sorted({member.rank for member in self._members.values()})
        end = time.monotonic() + total_s
        for place, rank in enumerate(ranks):
            now = time.monotonic()
            deadline = now + (end - now) / (len(ranks) - place)
            stopped = [m for m in self._members.values() if m.rank == rank and m.process is not None]
            for member in stopped:
                self._tell(
                    member,
                    Stop(
                        reason=self._outcome.reason,
                        deadline_ns=int(deadline * 1e9) - self._epoch_ns,
                        sent=self._sent_to(member),
                    ),
                )
            self._pump_while(stopped, deadline)
            for member in stopped:
                if member.process is not None:
                    self._status.note(f"{member.plan.name} did not stop: killed")
                    self._outcome.failures.append(f"{member.plan.name}: did not stop in time")
                    member.process.kill()
                    member.process.reap()
                    member.process = None

    def _sent_to(self, member: Member) -> dict[str, dict[str, int]]:
        """Return how many messages each publisher that has ended sent to a node's inputs."""
        found: dict[str, dict[str, int]] = {}
        for name, source in member.plan.inputs.items():
            for publisher in source.publishers:
                statistics = self._members[publisher].statistics
                outputs = {topic: port for port, topic in self._members[publisher].plan.outputs.items()}
                if statistics is not None:
                    found.setdefault(name, {})[publisher] = statistics.sent.get(outputs[source.topic], 0)
        return found

    def _clean_up(self, before: list[Any]) -> None:
        for member in self._members.values():
            if member.process is not None:
                member.process.kill()
        for member in self._members.values():
            if member.process is not None:
                member.process.reap()
        if self._server is not None:
            self._server.close()
        for weights in self._weights:
            os.close(weights.descriptor)
        self._control.close()
        self._progress.close()
        self._zmq.term()
        self._runtime.remove()
        signal.set_wakeup_fd(-1)
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        self._wake.close()
        self._waker.close()

    # Hearing and telling.

    def _pump_until(
        self, done: Callable[[], bool], within_s: float | None, whom: str | Callable[[], str]
    ) -> None:
        deadline = None if within_s is None else time.monotonic() + within_s
        while not done():
            if self._signal is not None:
                raise LaunchError("interrupted")
            if deadline is not None and time.monotonic() > deadline:
                raise LaunchError(
                    f"{whom if isinstance(whom, str) else whom()} was not there within {within_s:.0f} s"
                )
            self._pump(0.05)

    def _pump_while(self, living: list[Member], deadline: float) -> None:
        while any(member.process is not None for member in living) and time.monotonic() < deadline:
            self._pump(0.02)

    def _pump(self, longest_s: float) -> None:
        """Hear everybody once, waiting at most so long for somebody to speak."""
        server = self._server
        for source, _ in self._poller.poll(round(longest_s * 1000)):
            if source is self._control:
                self._hear()
            elif source is self._progress:
                self._show_progress()
            elif source == self._wake.fileno():
                self._wake.recv(64)
            elif server is not None and source == server.descriptor:
                self._poller.unregister(source)
                server.answer()
                self._poller.register(server.descriptor, zmq.POLLIN)
            elif isinstance(source, int) and source in self._ended:
                self._poller.unregister(source)
                self._ended.pop(source)()
        now_s = time.monotonic()
        self._barrier.probe(now_s, lambda name, nonce: self._tell(self._members[name], Probe(nonce=nonce)))
        if not self._stopping:
            self._restart_the_due(now_s)

    def _hear(self) -> None:
        while True:
            try:
                identity, *frames = self._control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            name, _, incarnation = identity.decode(errors="replace").rpartition("#")
            member = self._members.get(name)
            if member is None or incarnation != str(member.incarnation):
                continue
            try:
                self._take(member, unpack(frames))
            except DecodeError as error:
                self._status.note(f"{name}: {error}")

    def _take(self, member: Member, message: Message) -> None:
        member.heard_s = time.monotonic()
        if isinstance(message, Ready):
            member.ready = True
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
        elif not isinstance(message, Heartbeat):
            raise DecodeError(f"{message.schema_name} is nothing a node says")

    def _tell(self, member: Member, message: Message) -> None:
        self._control.send_multipart([f"{member.plan.name}#{member.incarnation}".encode(), *pack(message)])

    def _watch(self, process: Process, ended: Callable[[], None]) -> None:
        self._ended[process.pidfd] = ended
        self._poller.register(process.pidfd, zmq.POLLIN)

    def _watch_progress(self) -> zmq.Socket[bytes]:
        watch = self._zmq.socket(zmq.SUB)
        watch.setsockopt(zmq.LINGER, 0)
        for node in self._plan.nodes:
            for port, topic in node.outputs.items():
                if load_class(node.node).output_ports[port].message_type is ProgressMessage:
                    watch.setsockopt(zmq.SUBSCRIBE, topic.encode() + b"\0\0")
                    watch.connect(self._buses[node.name].plain)
        return watch

    def _show_progress(self) -> None:
        decoder = Decoder(ProgressMessage)
        while True:
            try:
                frame = self._progress.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            start = frame.index(b"\0\0") + 2
            if frame[start] != 0xC1 and self._epoch_ns:
                elapsed = (time.monotonic_ns() - self._epoch_ns) / 1e9
                self._status.progress(elapsed, progress_text(decoder.decode([frame], start)))

    def _catch_signals(self) -> list[Any]:
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)

        def caught(number: int, _: object) -> None:
            self._signal = self._signal or number

        return [signal.signal(number, caught) for number in SIGNALS]

    # What to say when it does not work.

    def _all_ready(self) -> bool:
        return all(member.ready for member in self._members.values())

    def _who_is_missing(self) -> str:
        return _some(name for name, member in self._members.items() if not member.ready)

    def _what_is_unproven(self) -> str:
        return "the edge " + _some(
            f"{publisher} -> {node}.{port}" for publisher, node, port in self._barrier.pending
        )


def progress_text(progress: ProgressMessage) -> str:
    """Say how a run goes, in a few words."""
    age = "–" if progress.age_ticks is None else f"{progress.age_ticks:.1f}"
    return (
        f"tick {progress.tick:,}  inaction {progress.inaction:.1%}  age {age}  "
        f"late ≤ {progress.lateness_most_ms:.2f} ms  reward {progress.reward:+.0f}"
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

"""Supervises the nodes of a launch: starts nodes, tests their connections, watches heartbeats, restarts and stops nodes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from rtgraph.graphs import Plan
from rtgraph.launch.console.status import Status
from rtgraph.launch.process.barrier import Barrier
from rtgraph.launch.process.changes import SET_BEFORE_READY, Changes
from rtgraph.launch.process.control_server import ControlServer
from rtgraph.launch.process.outcome import Outcome, sent_to
from rtgraph.launch.process.process_starter import Starter
from rtgraph.launch.process.processes import Process
from rtgraph.launch.process.supervision import DEVICE_STOP_S, Member, RestartBudget
from rtgraph.launch.session import Session
from rtgraph.msgs import Message
from rtgraph.msgs.errors import DecodeError, LaunchError
from rtgraph.msgs.system import (
    ChangeParams,
    Failed,
    Finish,
    Go,
    Heartbeat,
    ParamsChanged,
    Preparing,
    Probe,
    Proven,
    Ready,
    Statistics,
    Stop,
)
from rtgraph.nodes.runtime import NodePlan, load_class

RESTART_PROOF_S = 1.0
"""Maximum time, in seconds, that a restarted node waits for probes (test messages) over its edges (connections)."""
LAST_OUTPUT_S = 0.3


def members_of(plan: Plan) -> dict[str, Member]:
    """Return the launcher's record of each node of a plan, by node name. No node is started."""
    return {node.name: _member(node) for node in plan.nodes}


def _member(node: NodePlan) -> Member:
    node_type = load_class(node.node)
    stop_s = node.stop_s or (DEVICE_STOP_S if node_type.hardware else 0.0)
    return Member(node, node_type.stop_rank, RestartBudget(node.restart), stop_s)


class NodeSupervisor:
    """Starts, watches, restarts and stops the nodes of a launch.

    Args:
        plan: the plan (the resolved launch file).
        members: the records of the nodes, by node name, from ``members_of``.
        control_server: sends control messages to the nodes.
        starter: starts the nodes' processes.
        changes: parameter changes in progress.
        session: the session folder, which holds the nodes' logs.
        outcome: receives the outcome of the launch.
        status: receives notes and progress.
    """

    def __init__(
        self,
        plan: Plan,
        members: Mapping[str, Member],
        control_server: ControlServer,
        starter: Starter,
        changes: Changes,
        session: Session,
        outcome: Outcome,
        status: Status,
    ) -> None:
        self.barrier = Barrier(plan.edges())
        self._members = members
        self._control_server = control_server
        self._starter = starter
        self._changes = changes
        self._session = session
        self._outcome = outcome
        self._status = status
        self.epoch_ns = 0
        """Reading of the host's monotonic clock, in ns, at time 0 of the graph; 0 before the graph starts."""
        self._stopping = False
        self.prepared_s = 0.0
        """Time of the monotonic clock, in s, of the last progress report of a node's preparation; 0 if there was no report."""
        self._preparing: set[str] = set()

    # Starting.

    def start(self) -> None:
        """Start the process of every node."""
        for member in self._members.values():
            self._start(member)

    def all_ready(self) -> bool:
        """Return whether every node is ready."""
        return all(member.ready for member in self._members.values())

    def prove(self) -> None:
        """Require a probe (a test message) over every edge (connection) of the graph before the graph starts."""
        self.barrier.require(self._members)

    def go(self, epoch_ns: int) -> None:
        """Start the graph: time 0 is at ``epoch_ns`` of the host's monotonic clock. All nodes begin to run."""
        self.epoch_ns = epoch_ns
        for member in self._members.values():
            self._let_go(member)

    def missing_nodes(self) -> str:
        """Return a text with the names of nodes that are not ready: the first three, and how many more there are."""
        return _some(name for name, member in self._members.items() if not member.ready)

    def unproven_edges(self) -> str:
        """Return a text with the edges (connections) that have delivered no probe: the first three, and how many more there are."""
        return "the edge " + _some(
            f"{publisher} -> {node}.{port}" for publisher, node, port in self.barrier.pending
        )

    def _start(self, member: Member) -> None:
        member.begin_anew()

        def started(process: Process) -> None:
            member.process = process
            if self._stopping:
                process.kill()

        self._starter.start(member, started, lambda process, code: self._ended(member, process, code))

    def _let_go(self, member: Member) -> None:
        self._control_server.send(member, Go(epoch_ns=self.epoch_ns))
        member.running = True
        member.heard_s = time.monotonic()

    # Running.

    def handle_messages(self) -> None:
        """Handle the control messages that nodes have sent."""
        for name, incarnation, message in self._control_server.received():
            member = self._members.get(name)
            if member is None or incarnation != str(member.incarnation):
                continue
            if isinstance(message, DecodeError):
                self._status.note(f"{name}: {message}")
            else:
                self._take(member, message)

    def do_due_work(self, now_s: float) -> None:
        """Do all work that is due.

        Send probes (test messages), restart dead nodes, let restarted nodes run when they are ready, and report silent nodes.
        """
        self.barrier.probe(
            now_s, lambda name, nonce: self._control_server.send(self._members[name], Probe(nonce=nonce))
        )
        if self._stopping:
            return
        for name, member in self._members.items():
            if member.restart_at is not None and now_s >= member.restart_at:
                member.incarnation += 1
                self._start(member)
            elif self.epoch_ns and member.ready and not member.running and self._may_go(member, now_s):
                self._let_go(member)
            if member.has_gone_silent(now_s):
                self._status.note(
                    f"{name} has sent no heartbeat for {member.silent_most_s:.1f} s: it is busy or hangs"
                )

    def _may_go(self, member: Member, now_s: float) -> bool:
        if not self.barrier.waits_for(member.plan.name):
            return True
        if now_s < member.go_at:
            return False
        self._status.note(
            f"{member.plan.name} starts, though no test message has come through some of its connections"
        )
        return True

    def _take(self, member: Member, message: Message) -> None:
        silent_s = member.record_heartbeat(time.monotonic())
        if silent_s is not None:
            self._status.note(f"{member.plan.name} sends heartbeats again, after {silent_s:.1f} s")
        if isinstance(message, Ready):
            self._is_ready(member)
        elif isinstance(message, Preparing):
            self._is_preparing(message)
        elif isinstance(message, Proven):
            self.barrier.proven(message)
        elif isinstance(message, Finish):
            self._outcome.reason = self._outcome.reason or f"{message.node}: {message.reason}"
        elif isinstance(message, Failed):
            member.failed(message)
        elif isinstance(message, Statistics):
            member.statistics = message
        elif isinstance(message, ParamsChanged):
            self._changes.done(member.plan.name, message)
            if message.problem and message.number == SET_BEFORE_READY:
                self._status.note(
                    f"{member.plan.name} refuses parameters set before it was ready: {message.problem}"
                )
        elif isinstance(message, Heartbeat):
            member.beats.append(message.beat)
        else:
            self._status.note(
                f"{member.plan.name} sent an unexpected message to the launcher, {message.schema_name}"
            )

    def _is_preparing(self, message: Preparing) -> None:
        self.prepared_s = time.monotonic()
        if message.node not in self._preparing:
            self._preparing.add(message.node)
            self._status.note(f"{message.node}: {message.what}, {message.total:,} in all")
        if not self.epoch_ns:
            text = f"{message.node}: {message.what} {message.done:,}/{message.total:,}"
            self._status.progress(sum(m.ready for m in self._members.values()), text)

    def _is_ready(self, member: Member) -> None:
        member.ready = True
        member.go_at = member.heard_s + RESTART_PROOF_S
        if member.changed != member.given:
            self._control_server.send(member, ChangeParams(number=SET_BEFORE_READY, values=member.changed))
        if self.epoch_ns:
            self.barrier.require([member.plan.name])
        else:
            self._status.progress(sum(m.ready for m in self._members.values()))

    # Ending.

    def fail_for_dead_nodes(self) -> None:
        """Record a failure of the launch for each node that is down at the end. Call this before the first ``stop``."""
        for name, member in self._members.items():
            if not member.running and name not in self._outcome.down:
                self._give_up(member, f"{name} was down at the end: {member.died_of}")

    def stop(self, rank: int, deadline_s: float) -> None:
        """Ask some nodes to stop; kill those that have not begun to run. From now on no node is restarted.

        Args:
            rank: the ``stop_rank`` of the nodes to stop. Nodes with a lower rank, such as plants, stop before nodes with a higher one.
            deadline_s: the time of the monotonic clock, in s, by which the nodes must stop.
        """
        self._stopping = True
        for member in self._of(rank):
            if member.process is None:
                continue
            if not member.running:
                member.process.kill()  # it has not begun, so it has nothing to save
            deadline_ns = int(deadline_s * 1e9) - self.epoch_ns
            sent = sent_to(member, self._members)
            self._control_server.send(
                member, Stop(reason=self._outcome.reason, deadline_ns=deadline_ns, sent=sent)
            )

    def needs_s(self, rank: int) -> float:
        """Return the longest time, in s, that a running node with this ``stop_rank`` may take to stop; 0 for the usual time."""
        return max((member.stop_s for member in self._of(rank) if member.process is not None), default=0.0)

    def any_left(self, rank: int) -> bool:
        """Return whether the process of any node with this ``stop_rank`` still runs."""
        return any(member.process is not None for member in self._of(rank))

    def kill(self, rank: int) -> None:
        """Kill the nodes with this ``stop_rank`` that did not stop in time. Record a failure of the launch for each."""
        for member in self._of(rank):
            if member.process is not None:
                self._status.note(f"{member.plan.name} did not stop: killed")
                self._outcome.fail(f"{member.plan.name} did not stop in time")
                member.process.kill()
                member.process = None

    def _of(self, rank: int) -> list[Member]:
        return [member for member in self._members.values() if member.rank == rank]

    def _ended(self, member: Member, process: Process, code: int) -> None:
        if member.process is not process:
            return
        self._read_last_messages(member, code)
        member.process = None
        name = member.plan.name
        problem = member.problem or (
            f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        )
        self._changes.died(name, problem)
        if member.statistics is not None or (self._stopping and not member.running):
            return
        if not self.epoch_ns:
            raise LaunchError(f"{name} did not start: {problem}", hint=f"see {self._session.log_file(name)}")
        member.running, member.died_of = False, problem
        if member.failed_to_start:
            self._give_up(member, f"{name} did not start: {problem}")
            return
        wait_s = None if self._stopping else member.budget.died(time.monotonic())
        if wait_s is None:
            self._give_up(member, f"{name} failed: {problem}")
            return
        self._status.note(f"{name} {problem}: restarting ({member.budget.restarts})")
        member.ready = False
        member.restart_at = time.monotonic() + wait_s

    def _give_up(self, member: Member, failure: str) -> None:
        """Record that a node is down and is not restarted. This ends the launch with a failure."""
        self._outcome.down[member.plan.name] = member.died_of
        self._outcome.fail(failure)

    def _read_last_messages(self, member: Member, code: int) -> None:
        """Wait for the last messages of a process that has ended. They may arrive after the process has ended.

        ``code`` is the exit code of the process. If it is negative, a signal killed the process: then do not wait.
        """
        deadline = time.monotonic() + LAST_OUTPUT_S
        while code >= 0 and member.statistics is None and not member.problem and time.monotonic() < deadline:
            if self._control_server.control.poll(10):
                self.handle_messages()


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")

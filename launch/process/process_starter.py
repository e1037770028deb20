"""Starts and watches the processes of a launch, and gives them the shared memory of the network weights.

A fork server creates the processes: one process that imports the nodes' modules once, and forks itself for each node.
"""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Self

from rtgraph.graphs import Plan
from rtgraph.launch.host.polling import Poll
from rtgraph.launch.host.sweeping import Sweeper
from rtgraph.launch.process.processes import ForkServer, Process, last_line, start_with_own_python
from rtgraph.launch.process.server_process import EarlyServer
from rtgraph.launch.process.shared_modules import modules_of
from rtgraph.launch.process.supervision import Member
from rtgraph.launch.session import Session
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.classes.imports import pinned
from rtgraph.nodes.runtime.realtime.bus import BusPlan
from rtgraph.nodes.runtime.realtime.config import NodeConfig
from rtgraph.nodes.runtime.realtime.requests import CallFunction, Preload, StartNode
from rtgraph.nodes.weights.inherited import InheritedWeights, fill_call, open_call, preload_call
from rtgraph.nodes.weights.memory_file import create

Ended = Callable[[Process, int], None]
"""Called when a process has ended, with the process and its exit code. If signal n killed it, the exit code is -n."""


class Starter:
    """A context that starts the processes of a launch and reports their ends. At its end, all these processes have ended.

    Args:
        plan: the plan (the resolved launch file).
        session: the session folder, which holds the logs.
        poll: the launcher's event loop, which then also waits for the ends of processes.
        control: the endpoint of the launcher's control messages.
        buses: the sockets of every node, by node.
        sweeper: ends processes that nodes started and left running.
        early: a fork server that was started before the plan was known; None if none was started.
    """

    def __init__(
        self,
        plan: Plan,
        session: Session,
        poll: Poll,
        control: str,
        buses: Mapping[str, BusPlan],
        sweeper: Sweeper,
        early: EarlyServer | None = None,
    ) -> None:
        self._early = early
        self._sweeper = sweeper
        self._plan = plan
        self._session = session
        self._poll = poll
        self._control = control
        self._buses = buses
        self._weights: tuple[InheritedWeights, ...] = ()
        self._server: ForkServer | None = None
        self._watched: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for weights in self._weights:
            os.close(weights.descriptor)
        for process in self._watched:
            process.kill()
        for process in self._watched:
            process.reap()

    @property
    def ready(self) -> bool:
        """Whether the fork server has imported the nodes' modules."""
        return self._server is not None and self._server.ready

    @property
    def restarts(self) -> int:
        """Number of restarts of the fork server."""
        return 0 if self._server is None else self._server.restarts

    def prepare(self) -> None:
        """Create the shared memory for network weights, still without values, and start the fork server."""
        self._weights = tuple(
            InheritedWeights(name=name, plan=plan, descriptor=create(name))
            for name, plan in self._plan.weights.items()
        )
        self._server = ForkServer(
            Preload(
                log_file=str(self._session.log_file("fork-server")),
                open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                descriptors=tuple(weights.descriptor for weights in self._weights),
                folders=tuple(sys.path),  # nodes find the same modules as this process
                modules=modules_of(
                    (node.node for node in self._plan.nodes if node.python is None),
                    weights=bool(self._plan.weights),
                ),
                pinned=pinned(),
                described=self._plan.described,
                calls=(preload_call(self._weights),) if self._weights else (),
            ),
            self._sweeper.environment,
            None if self._early is None else self._early.take(),
        )
        self._poll.add(self._server.descriptor, self._answered)

    def fill_weights(self, filled: Callable[[], None]) -> None:
        """Start a process that writes the first version of all network weights into shared memory.

        ``filled`` is called when the process has written the weights and ended.

        Raises:
            LaunchError: the process failed. The error is raised later, while the launcher waits for events.
        """
        log_file = str(self._session.log_file("weights"))

        def ended(process: Process, code: int) -> None:
            if code != 0:
                problem = f"killed by signal {-code}" if code < 0 else last_line(log_file)
                problem, _, hint = re.sub(rf"^{LaunchError.__module__}\.\w+: ", "", problem).partition(
                    ". hint: "
                )
                raise LaunchError(f"the weights cannot be created: {problem}", hint=hint or f"see {log_file}")
            filled()

        request = CallFunction(launcher=os.getpid(), log_file=log_file, call=fill_call(self._weights))
        self._ask(request, lambda process: self._watch(process, ended))

    def start(self, member: Member, started: Callable[[Process], None], ended: Ended) -> None:
        """Start a process for a node.

        Args:
            member: the node.
            started: called when the process has started.
            ended: called when the process has ended.

        Raises:
            LaunchError: the Python interpreter that the graph sets for the node cannot be started.
        """
        plan = member.plan
        config = NodeConfig(
            plan=plan,
            incarnation=member.incarnation,
            seed=self._plan.seed,
            control=self._control,
            bus=self._buses[plan.name],
            ticks=self._plan.ticks,
            directory=str(self._session.directory.resolve()),
            changed=member.given,
            stop_s=member.stop_s,
            weights=open_call(self._weights) if self._weights else None,
        )
        request = StartNode(
            launcher=os.getpid(),
            log_file=str(self._session.log_file(plan.name)),
            config=config,
            modules=pinned() if plan.python is not None else {},
        )

        def watched(process: Process) -> None:
            self._sweeper.began(process.pid, plan.name)
            self._watch(process, ended)
            started(process)

        if plan.python is None:
            self._ask(request, watched)
        else:
            descriptors = [weights.descriptor for weights in self._weights]
            watched(start_with_own_python(plan.python, request, descriptors, self._sweeper.environment))

    def do_due_work(self, now_s: float) -> None:
        """Kill processes that nodes left running and that ignored SIGTERM, and reap processes that have ended."""
        self._sweeper.attend(now_s)
        if self._server is not None and not self._server.asked:
            self._sweeper.reap([self._server.pid, *(process.pid for process in self._watched)])

    def _ask(self, request: StartNode | CallFunction, started: Callable[[Process], None]) -> None:
        if self._server is None:
            raise LaunchError("no process can be started: the fork server is not started yet")
        self._server.request(request, started)

    def _answered(self) -> None:
        server = self._server
        if server is not None:
            # `answer` may restart the server, which then has another descriptor.
            self._poll.remove(server.descriptor)
            server.answer()
            self._poll.add(server.descriptor, self._answered)

    def _watch(self, process: Process, ended: Ended) -> None:
        def over() -> None:
            self._poll.remove(process.pidfd)
            self._watched.remove(process)
            code = process.reap()
            self._sweeper.ended(process.pid)
            ended(process, code)

        self._watched.append(process)
        self._poll.add(process.pidfd, over)

"""A launch when a node dies: restart, giving up, or failing at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rtgraph.graphs import Plan
from rtgraph.launch.console.status import Silent
from rtgraph.launch.process.node_supervisor import NodeSupervisor, members_of
from rtgraph.launch.process.outcome import Outcome
from rtgraph.launch.session import Session
from rtgraph.msgs.errors import LaunchError
from rtgraph.msgs.system import Failed, Ready
from rtgraph.nodes.runtime import NodePlan, RestartPolicy

NODE = "rtgraph.nodes.emulator:Endless"


class Board:
    """A control channel on which nodes send what a test chooses."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, Any]] = []
        self.control = SimpleNamespace(poll=lambda _: False)

    def received(self) -> Iterator[tuple[str, str, Any]]:
        said, self.said = self.said, []
        yield from said

    def send(self, member: object, message: object) -> None: ...


class Starter:
    """A process starter that starts everything immediately."""

    def __init__(self) -> None:
        self.ended: Callable[[Any, int], None] = lambda *_: None
        self.process: Any = None
        self.started = 0

    def start(
        self, member: object, started: Callable[[Any], None], ended: Callable[[Any, int], None]
    ) -> None:
        self.process = SimpleNamespace(kill=lambda: None)
        self.ended = ended
        self.started += 1
        started(self.process)


class Drill:
    """A supervisor of one node that a test starts and kills."""

    def __init__(self, tmp_path: Any, **policy: Any) -> None:
        plan = Plan(
            name="drill",
            nodes=(NodePlan(name="camera", index=0, node=NODE, restart=RestartPolicy(**policy)),),
        )
        self.control_server, self.starter, self.outcome = Board(), Starter(), Outcome()
        self.members = members_of(plan)
        changes: Any = SimpleNamespace(died=lambda *_: None)
        made: Any = (plan, self.members, self.control_server, self.starter, changes)
        self.supervisor = NodeSupervisor(*made, Session(tmp_path), self.outcome, Silent())
        self.supervisor.start()
        self.is_ready()
        self.supervisor.go(1)

    @property
    def member(self) -> Any:
        return self.members["camera"]

    def is_ready(self) -> None:
        life = self.member.incarnation
        self.control_server.said.append(("camera", str(life), Ready(node="camera", incarnation=life, pid=1)))
        self.supervisor.handle_messages()

    def dies(self, problem: str, *, started: bool = True) -> None:
        life = self.member.incarnation
        failed = Failed(node="camera", incarnation=life, problem=problem, started=started)
        self.control_server.said.append(("camera", str(life), failed))
        self.supervisor.handle_messages()
        self.starter.ended(self.starter.process, 1)

    def restarts(self) -> None:
        self.supervisor.do_due_work(self.member.restart_at)


def test_a_node_that_is_down_at_the_end_fails_the_launch(tmp_path: Any) -> None:
    drill = Drill(tmp_path)
    drill.dies("ValueError: boom")
    assert drill.outcome.failures == []
    drill.outcome.reason = "the duration is over"
    drill.supervisor.fail_for_dead_nodes()
    assert drill.outcome.failures == ["camera was down at the end: ValueError: boom"]
    assert drill.outcome.down == {"camera": "ValueError: boom"}
    assert drill.outcome.reason == "the duration is over"


def test_a_node_that_was_started_again_but_is_not_back_at_the_end_was_down(tmp_path: Any) -> None:
    drill = Drill(tmp_path)
    drill.dies("ValueError: boom")
    drill.restarts()
    assert drill.starter.started == 2
    drill.supervisor.fail_for_dead_nodes()
    assert drill.outcome.down == {"camera": "ValueError: boom"}


def test_a_node_that_is_back_at_the_end_was_not_down(tmp_path: Any) -> None:
    drill = Drill(tmp_path)
    drill.dies("ValueError: boom")
    drill.restarts()
    drill.is_ready()
    drill.supervisor.do_due_work(0.0)
    drill.supervisor.fail_for_dead_nodes()
    assert drill.outcome.failures == []
    assert drill.outcome.down == {}
    assert drill.member.died_of == "ValueError: boom"


def test_an_error_of_the_start_is_not_retried(tmp_path: Any) -> None:
    drill = Drill(tmp_path)
    drill.dies("RuntimeError: no such camera", started=False)
    assert drill.outcome.failures == ["camera did not start: RuntimeError: no such camera"]
    assert drill.outcome.down == {"camera": "RuntimeError: no such camera"}
    assert drill.member.budget.restarts == 0
    drill.supervisor.fail_for_dead_nodes()
    assert len(drill.outcome.failures) == 1, "once is enough"


def test_an_error_of_the_start_of_a_later_life_is_retried(tmp_path: Any) -> None:
    drill = Drill(tmp_path, most=2)
    drill.dies("ValueError: boom")
    drill.restarts()
    drill.dies("OSError: the port is busy", started=False)
    assert drill.outcome.failures == []
    drill.restarts()
    drill.dies("OSError: the port is busy", started=False)
    assert drill.outcome.failures == ["camera failed: OSError: the port is busy"]
    assert drill.starter.started == 3
    assert drill.outcome.down == {"camera": "OSError: the port is busy"}


def test_a_node_that_is_never_started_again_fails_the_launch_at_once(tmp_path: Any) -> None:
    drill = Drill(tmp_path, when="never")
    drill.dies("ValueError: boom")
    assert drill.outcome.failures == ["camera failed: ValueError: boom"]
    assert drill.outcome.reason == "camera failed: ValueError: boom"


def test_a_node_that_dies_before_the_graph_begins_is_an_error_at_once(tmp_path: Any) -> None:
    drill = Drill(tmp_path)
    drill.supervisor.epoch_ns = 0
    with pytest.raises(LaunchError, match="camera did not start: ValueError: boom"):
        drill.dies("ValueError: boom", started=False)

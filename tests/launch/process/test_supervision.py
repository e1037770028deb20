"""When dead nodes are restarted, and when silent nodes are reported."""

from __future__ import annotations

import os

import pytest

from rtgraph.launch.process.processes import Process
from rtgraph.launch.process.supervision import SILENT_AFTER_S, Member, RestartBudget
from rtgraph.nodes.runtime import NodePlan, RestartPolicy


def test_restarts_come_ever_later_until_there_are_too_many() -> None:
    budget = RestartBudget(RestartPolicy(most=4, window_s=60, backoff_s=0.1, backoff_most_s=0.5))
    assert [budget.died(1.0 + n) for n in range(5)] == [0.1, 0.2, 0.4, 0.5, None]
    assert budget.restarts == 4


def test_what_happened_long_ago_does_not_count() -> None:
    budget = RestartBudget(RestartPolicy(most=1, window_s=10, backoff_s=0.1))
    assert budget.died(0.0) == 0.1
    assert budget.died(10.5) == 0.1
    assert budget.died(11.0) is None


def test_a_node_that_is_never_to_be_restarted() -> None:
    assert RestartBudget(RestartPolicy(when="never")).died(0.0) is None


@pytest.fixture
def member():
    process = Process.watch(os.getpid())
    plan = NodePlan(name="n", index=0, node="a:B")
    yield Member(plan, 1, RestartBudget(plan.restart), process=process, running=True, heard_s=10.0)
    os.close(process.pidfd)


def test_silence_is_told_of_once(member) -> None:
    assert not member.has_gone_silent(10 + SILENT_AFTER_S - 0.1)
    assert member.has_gone_silent(10 + SILENT_AFTER_S)
    assert not member.has_gone_silent(15.0)
    assert member.record_heartbeat(16.0) == 6.0
    assert member.record_heartbeat(16.5) is None
    assert member.silent_most_s == 5.0


def test_who_does_not_run_is_not_silent(member) -> None:
    member.running = False
    assert not member.has_gone_silent(100.0)
    member.running, member.process = True, None
    assert not member.has_gone_silent(100.0)

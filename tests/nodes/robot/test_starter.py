"""The threads of drivers are started by a thread, not by the tick."""

from __future__ import annotations

import threading

from support.launching import until

from rtgraph.nodes.robot.connection import starter as module
from rtgraph.nodes.robot.connection.starter import Starter


class Session:
    """A driver session that says which thread ran it."""

    def __init__(self, number):
        self.number = number
        self.ran_in = ""

    def run(self):
        self.ran_in = threading.current_thread().name


def test_a_tick_starts_one_thread_once_and_each_session_has_a_thread(monkeypatch):
    started_by = []

    def start_thread(work, name, **how):
        started_by.append((threading.current_thread().name, name))
        threading.Thread(target=work, name=name, daemon=True).start()

    monkeypatch.setattr(module, "start_thread", start_thread)
    made, sessions = Starter(), [Session(1), Session(2)]
    here = threading.current_thread().name
    for session in sessions:
        made.start(session)
        until(lambda session=session: session.ran_in, 10, "the session runs")
    made.end()
    assert [session.ran_in for session in sessions] == ["driver 1", "driver 2"]
    assert started_by == [(here, "drivers"), ("drivers", "driver 1"), ("drivers", "driver 2")]
    until(lambda: "drivers" not in [one.name for one in threading.enumerate()], 10, "its thread ends")

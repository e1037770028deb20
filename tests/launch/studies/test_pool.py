"""The processes of a study end when it does, in whatever way it ends."""

from __future__ import annotations

import signal
import sys

import pytest
from support.launching import COMMAND, Launch, until

from rtgraph.launch.console.interruption import Interrupted, ending_signals
from rtgraph.launch.studies.engine.pool import _signals_held_back, computed

STUDY = "from support import standing; from rtgraph.launch.studies.engine import engine; engine._run_cell = standing.{}; "


def study(case: str) -> Launch:
    """Start a study in two processes, each of which runs ``case``."""
    arguments = ("reproduce", "theory", "--jobs", "2")
    return Launch(args=[sys.executable, "-c", STUDY.format(case) + COMMAND, *arguments])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_study_that_is_ended_leaves_no_process(number, code) -> None:
    with study("stand_still") as ended:
        until(lambda: len(list(ended.folder.glob("standing-*"))) == 2, 60, "two processes work")
        ended.interrupt(number)
        assert ended.wait() == code
        until(lambda: not ended.processes(), 5, "its processes ended")
        if number == signal.SIGTERM:
            assert "Traceback" not in ended.stderr


def test_a_process_that_is_killed_is_one_clear_error() -> None:
    with study("die") as broken:
        assert broken.wait(60) == 1
        said = broken.stderr.splitlines()[-1]
        assert said == "error: one of 2 processes was killed. hint: memory may have run out: use fewer --jobs"


def test_an_interrupt_while_the_pool_starts_is_that_interrupt(monkeypatch) -> None:
    """Its thread has not started then: to wait for it is an error, and would hide the interrupt."""

    def interrupted(_: object) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr("concurrent.futures.process._ExecutorManagerThread.start", interrupted)
    with pytest.raises(Interrupted):
        list(computed(lambda item, _: item, {"only": 1}, 2, lambda *_: None))


def test_signals_that_end_a_study_wait_until_its_processes_have_started() -> None:
    with _signals_held_back():
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= set(ending_signals())

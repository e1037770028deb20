"""Threads have their priority from their first instruction on, and a thread starts them."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from support.launching import until

from rtgraph.nodes.runtime.realtime.threads import fifo_priority, start_thread

ABOVE = 10


def python(code):
    program = f"from rtgraph.nodes.runtime.realtime.threads import *\nimport os, threading\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_a_thread_starts_the_threads():
    found, starters = [], []
    for number in range(2):
        start_thread(lambda: found.append(threading.current_thread().name), f"number {number}")
    until(lambda: len(found) == 2, 10, "both threads run")
    starters = [thread for thread in threading.enumerate() if thread.name == "threads"]
    assert sorted(found) == ["number 0", "number 1"]
    assert len(starters) == 1


def test_an_ordinary_thread_starts_ordinary_ones():
    found = []
    start_thread(lambda: found.append(fifo_priority()), "ordinary")
    until(lambda: found, 10, "the thread runs")
    assert found == [None]


def test_a_thread_never_has_an_ordinary_priority():
    """It is seen before it takes its priority, and after."""
    done = python(f"""
from rtgraph.nodes.runtime.realtime import threads
os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param({ABOVE}))
seen, ended = [], threading.Event()
scheduled = threads._schedule
def watched(policy, priority):
    seen.append((threading.current_thread().name, fifo_priority()))
    scheduled(policy, priority)
threads._schedule = watched
def work():
    child = os.fork()
    if child == 0:
        os._exit(fifo_priority() is not None)
    inherited = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen.append(("work", fifo_priority(), inherited))
    ended.set()
start_thread(lambda: None, "first")
start_thread(work, "second", below=3)
ended.wait()
print(seen)
""")
    if "PermissionError" in done.stderr:
        pytest.skip("SCHED_FIFO is refused")
    assert done.stderr == ""
    assert done.stdout.strip() == str(
        [("threads", None), ("first", ABOVE), ("second", ABOVE), ("work", ABOVE - 3, 0)]
    )


def test_a_forked_process_can_start_threads():
    done = python("""
ended = threading.Event()
start_thread(ended.set, "here")
ended.wait()
ended.clear()
child = os.fork()
if child == 0:
    start_thread(ended.set, "there")
    os._exit(not ended.wait(10))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")
    assert (done.stdout, done.stderr) == ("0\n", "")

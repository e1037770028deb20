"""A log whose disk is slow delays nobody, and loses nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

import pytest

from rtgraph.nodes.runtime.realtime.background_log import BackgroundHandler


class Disk(logging.Handler):
    """A handler that writes nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.ready.wait()
        self.lines.append(self.format(record))


@pytest.fixture
def disk():
    disk = Disk()
    disk.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    yield disk
    disk.ready.set()


@pytest.fixture
def log(disk):
    log = logging.Logger("test")
    log.addHandler(BackgroundHandler(disk))
    return log


def test_a_record_waits_for_no_disk_and_is_written_in_order(log, disk):
    for number in range(100):
        log.info("line %d", number)  # returns although nothing can be written
    assert disk.lines == []
    disk.ready.set()
    log.handlers[0].flush()
    assert disk.lines == [f"INFO line {number}" for number in range(100)]


def test_a_failure_keeps_its_traceback(log, disk):
    disk.ready.set()
    try:
        int("broken")
    except ValueError:
        log.exception("it failed")
    log.handlers[0].flush()
    assert disk.lines[0].startswith("ERROR it failed\nTraceback")
    assert disk.lines[0].endswith("invalid literal for int() with base 10: 'broken'")


def test_the_end_of_a_process_and_a_forked_one_lose_no_line():
    code = """
import logging, os, sys
from rtgraph.nodes.runtime.realtime.background_log import log_in_background
logging.basicConfig(format="%(message)s")
log_in_background()
logging.warning("before")
logging.getLogger().handlers[0].flush()
child = os.fork()
logging.warning("child" if child == 0 else "parent")
if child == 0:
    os._exit(0)  # writes by itself, so that there is nothing to flush
os.waitpid(child, 0)
logging.shutdown()
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=True)
    assert sorted(done.stderr.split()) == ["before", "child", "parent"]


def test_a_pipe_that_nobody_reads_stops_no_node():
    """A full pipe in place of the log's file: writing to it waits for ever."""
    code = """
import logging, sys
from rtgraph.nodes.runtime.realtime.background_log import log_in_background
logging.basicConfig(format="%(message)s")
log_in_background()
for _ in range(1_000):
    logging.warning("x" * 1_000)
print("done", flush=True)
sys.stdin.read()
"""
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing, text=True
    ) as process:
        os.close(writing)
        assert process.stdout.readline() == "done\n"
        process.kill()
    os.close(reading)

"""The watch over the host's stalls sees what it is there for."""

from __future__ import annotations

import os
import signal
import time

import pytest
from support.launching import state_of, until
from support.stalls import Stalls

pytestmark = pytest.mark.process

STALL_S = 0.5


def test_a_processor_that_stood_still_is_seen() -> None:
    with Stalls() as stalls:
        watch = stalls.watches[0]
        until(lambda: watch.poll() is not None or os.sched_getscheduler(watch.pid) == os.SCHED_FIFO, 5, "")
        if watch.poll() is not None:
            pytest.skip("realtime priority is not given to us")
        assert stalls.longest_ns() < STALL_S * 1e9
        watch.send_signal(signal.SIGSTOP)
        until(lambda: state_of(watch.pid) == "T", 2, "it stands still")
        going_s = time.monotonic() + STALL_S
        until(lambda: time.monotonic() > going_s, 5, "time goes by")
        watch.send_signal(signal.SIGCONT)
        until(lambda: stalls.longest_ns() > 0.9 * STALL_S * 1e9, 2, "the stall is seen")

"""The watch over the host's stalls detects them."""

from __future__ import annotations

import os
import signal
import time

import pytest
from support.launching import state_of, until
from support.stalls import Stalls

pytestmark = pytest.mark.process

STALL_NS = 500_000_000


def test_a_processor_that_stood_still_is_seen() -> None:
    with Stalls() as stalls:
        watch = stalls.watches[0]
        until(
            lambda: watch.poll() is not None or os.sched_getscheduler(watch.pid) == os.SCHED_FIFO,
            5,
            "it watches",
        )
        if watch.poll() is not None:
            pytest.skip("realtime priority is not given to us")
        watch.send_signal(signal.SIGSTOP)
        until(lambda: state_of(watch.pid) == "T", 2, "it stands still")
        begin_ns = time.monotonic_ns()
        until(lambda: time.monotonic_ns() > begin_ns + STALL_NS, 5, "time goes by")
        end_ns = time.monotonic_ns()
        watch.send_signal(signal.SIGCONT)
        # The host may hold up another processor meanwhile, for less.
        until(lambda: stalls.within_ns(begin_ns, end_ns) > 0.9 * STALL_NS, 2, "the stall is seen")
        assert stalls.within_ns(end_ns + STALL_NS, end_ns + 2 * STALL_NS) == 0

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.bags import INFO, PLAN, row
from support.flushing import message

from rtgraph.msgs.bag.bag import Bag

TESTS = Path(__file__).parents[2]
KILLS = int(os.environ.get("RTGRAPH_KILLS", "10"))


@pytest.mark.timeout(600)
def test_killed_at_any_instant_it_holds_all_that_was_flushed(tmp_path):
    generator = np.random.default_rng(7)
    beyond, torn = [], 0
    for seed in range(KILLS):
        path = tmp_path / f"session-{seed}.mcap"
        flushed = killed(path, seed, generator.uniform(0, 0.15))
        bag = Bag.open(path)
        found = [row(recorded) for recorded in bag.messages()]
        assert len(found) >= flushed, f"{flushed - len(found)} messages that were flushed are lost"
        assert found == [message(seed, number) for number in range(len(found))]
        assert (bag.info, bag.attachments()) == (INFO, {PLAN.name: PLAN.data})
        assert not bag.complete
        assert bag.problems[0].startswith("unfinished")
        beyond.append(len(found) - flushed)
        torn += len(bag.problems) > 1
    print(
        f"{KILLS} kills: none lost, {max(beyond)} messages more than were told at most, {torn} torn records"
    )


def killed(path: Path, seed: int, after_s: float) -> int:
    """Kill a recording process ``after_s`` after its first flush; return the number of flushed messages it reported."""
    with subprocess.Popen(
        [sys.executable, "-m", "support.flushing", str(path), str(seed)], cwd=TESTS, stdout=subprocess.PIPE
    ) as process:
        told = process.stdout.read(8)
        end = time.monotonic() + after_s
        # Read continuously, so that a full pipe never blocks the process.
        while (left := end - time.monotonic()) > 0:
            if select.select([process.stdout], [], [], left)[0]:
                told += process.stdout.read1()
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    whole = len(told) // 8 * 8
    return int.from_bytes(told[whole - 8 : whole], "little")

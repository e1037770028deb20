"""Time from the start of a launch to its go, and a worker's private memory, compared with plain Python processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.file_options import FOLDERS
from tests.bench.launched import launched
from tests.bench.rounds import in_turn
from tests.bench.rows import Aim, Row, Say

WORKERS = (1, 8, 32)
DURATION_S = 1.0
MOST_PEERS = 4
"""Maximum number of peers started at once: each takes seconds and 150 MiB. The time of more is extrapolated."""
MODULES = "rtgraph.nodes.inference.network_policy, rtgraph.nodes.weights.shared_network, rtgraph.nodes.runtime.realtime.fork_server"
PEER_PROGRAM = f"""\
import torch, zmq, {MODULES}
from rtgraph.nodes.runtime.realtime.host import private_bytes
print(flush=True)
input()
print(private_bytes(), flush=True)
input()
"""
PEER = "processes of one's own"


class _Watch(Silent):
    """Records when a launch is released, which is when the phase named after the plan begins."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.went_s = 0.0

    def phase(self, text: str, total: float | None = None) -> None:
        if text == self._name:
            self.went_s = time.perf_counter()


@dataclass(frozen=True, slots=True)
class _Launched:
    launch_s: float
    """From nothing to go: importing, drawing weights, starting every node, proving every edge."""
    start_s: float
    """The part for starting and proving."""
    private_mib: float
    """Median over all workers, without the shared weights."""


def run(rounds: int, say: Say) -> list[Row]:
    """Measure launches of one, eight and thirty-two workers."""
    rounds = max(1, rounds // 2)
    rows = []
    for workers in WORKERS:
        plan = _plan(workers)
        processes = len(plan.nodes)
        case = f"{workers} worker{'s' if workers > 1 else ''}"

        def ours(number: int, plan: Plan = plan, case: str = case) -> _Launched:
            say(f"{case}, round {number + 1} of {rounds}: rtgraph")
            return _launch(plan)

        def peer(number: int, processes: int = processes, case: str = case) -> tuple[float, float]:
            say(f"{case}, round {number + 1} of {rounds}: plain processes")
            started = min(processes, MOST_PEERS)
            took_s, private_mib = _start_peers(started)
            return took_s * processes / started, private_mib

        mine, theirs = in_turn(rounds, ours, peer)
        scaled = f", {MOST_PEERS} measured" if processes > MOST_PEERS else ""
        note = f"{processes} processes{scaled}"
        took = [took_s for took_s, _ in theirs]
        rows += [
            Row.compared(f"{case}: launch to go", "s", [m.launch_s for m in mine], PEER, took, note=note),
            Row.compared(
                f"{case}: start to go", "s", [m.start_s for m in mine], PEER, took, note="imports done"
            ),
            Row.compared(
                f"{case}: private memory",
                "MiB/worker",
                [m.private_mib for m in mine],
                PEER,
                [private_mib for _, private_mib in theirs],
                note="beyond the weights",
                aim=Aim("≤ 8 MiB/worker", figure="ours"),
            ),
        ]
    return rows


def _plan(workers: int) -> Plan:
    return load_launch(
        "boxing",
        {"workers": str(workers), "k": "0.0625"},
        world="realtime",
        duration_s=DURATION_S,
        folders=FOLDERS,
    )


def _launch(plan: Plan) -> _Launched:
    watch = _Watch(plan.name)
    began = time.perf_counter()
    outcome = launched(plan, watch)
    return _Launched(
        launch_s=watch.went_s - began,
        start_s=outcome.start_s,
        private_mib=statistics.median(
            found.memory_bytes for name, found in outcome.statistics.items() if name.startswith("worker")
        )
        / 2**20,
    )


def _start_peers(count: int) -> tuple[float, float]:
    """Return the start-up time of a number of processes, and the private memory of one in MiB."""
    began = time.perf_counter()
    peers = [
        subprocess.Popen(
            [sys.executable, "-c", PEER_PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for _ in range(count)
    ]
    try:
        for peer in peers:
            _answer(peer)
        took_s = time.perf_counter() - began
        memory = [int(_asked(peer)) for peer in peers]
    finally:
        for peer in peers:
            peer.kill()
            peer.communicate()
    return took_s, statistics.median(memory) / 2**20


def _asked(peer: subprocess.Popen[str]) -> str:
    assert peer.stdin is not None
    peer.stdin.write("\n")
    peer.stdin.flush()
    return _answer(peer)


def _answer(peer: subprocess.Popen[str]) -> str:
    assert peer.stdout is not None
    line = peer.stdout.readline()
    if not line:
        raise SystemExit("a plain Python process that imports the same ended early")
    return line

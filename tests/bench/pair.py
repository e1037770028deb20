"""A publisher and a subscriber in two processes: as a graph run by the launcher, and as raw pyzmq."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.nodes.runtime import InputPlan, NodePlan
from tests.bench.launched import launched

FRAMES = {"7,056 B": (84, 84), "100,800 B": (210, 160, 3)}
"""Frames by size: the view of a policy, and the view of a person."""
RAW = "raw pyzmq, ipc"
MOST_WAITED_S = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """Results of the two ends."""

    publisher: dict[str, Any]
    subscriber: dict[str, Any]


def run_graph(publisher: str, params: dict[str, Any], subscriber: str, *, credit: bool = False) -> Found:
    """Run two nodes of ``pair_nodes`` until the publisher finishes."""
    back = {"credit": InputPlan(topic="credit", publishers=("subscriber",))} if credit else {}
    plan = Plan(
        name="pair",
        duration_s=MOST_WAITED_S,
        nodes=(
            NodePlan(
                name="publisher",
                index=0,
                node=f"tests.bench.pair_nodes:{publisher}",
                params=params,
                outputs={"frame": "frame"},
                inputs=back,
            ),
            NodePlan(
                name="subscriber",
                index=1,
                node=f"tests.bench.pair_nodes:{subscriber}",
                outputs={"credit": "credit"} if credit else {},
                inputs={"frame": InputPlan(topic="frame", publishers=("publisher",))},
            ),
        ),
    )
    outcome = launched(plan)
    if not outcome.reason.startswith("publisher"):
        raise SystemExit(f"the publisher did not come to its end: {outcome.reason}")
    return Found(*(outcome.statistics[name].result for name in ("publisher", "subscriber")))


def run_raw(publisher: str, numbers: Sequence[float], subscriber: str, size: int) -> Found:
    """Run two roles of ``raw_pair`` until both have ended."""
    with tempfile.TemporaryDirectory(prefix="rtgraph-bench-") as folder:
        command = [sys.executable, "-m", "tests.bench.raw_pair"]
        processes = [
            subprocess.Popen([*command, role, folder, str(size), *map(str, more)], stdout=subprocess.PIPE)
            for role, more in ((publisher, numbers), (subscriber, ()))
        ]
        try:
            said = [process.communicate(timeout=MOST_WAITED_S)[0] for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
    return Found(*map(json.loads, said))

"""A publisher and a subscriber in processes of their own: as a graph that the launcher runs, and as raw pyzmq."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.launcher import Launcher
from rtgraph.launch.session import Session
from rtgraph.launch.status import Silent
from rtgraph.nodes.runtime import InputPlan, NodePlan

FRAMES = {"7,056 B": (84, 84), "100,800 B": (210, 160, 3)}
"""The pictures sent, by their size: what a policy sees, and what a person sees."""
RAW = "raw pyzmq, ipc"
MOST_WAITED_S = 30.0


def run_graph(
    publisher: str, params: dict[str, Any], subscriber: str, *, credit: bool = False
) -> dict[str, Any]:
    """Run two nodes of ``pair_nodes`` until the publisher finishes, and return what the subscriber says."""
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
    with tempfile.TemporaryDirectory(prefix="rtgraph-bench-") as folder:
        outcome = Launcher(plan, Session.create(plan, Path(folder) / "session"), Silent()).run()
    if outcome.failures or outcome.interrupted or not outcome.reason.startswith("publisher"):
        raise SystemExit(f"the pair did not run to its end: {outcome.reason} {outcome.failures}")
    return outcome.statistics["subscriber"].result


def run_raw(publisher: str, numbers: Sequence[float], subscriber: str, size: int) -> dict[str, Any]:
    """Run two roles of ``raw_pair`` and return what the subscriber says."""
    with tempfile.TemporaryDirectory(prefix="rtgraph-bench-") as folder:
        command = [sys.executable, "-m", "tests.bench.raw_pair"]
        listening = subprocess.Popen([*command, subscriber, folder, str(size)], stdout=subprocess.PIPE)
        speaking = subprocess.Popen([*command, publisher, folder, str(size), *map(str, numbers)])
        try:
            found, _ = listening.communicate(timeout=MOST_WAITED_S)
            speaking.wait(MOST_WAITED_S)
        finally:
            for process in (listening, speaking):
                process.kill()
                process.wait()
    result: dict[str, Any] = json.loads(found)
    return result

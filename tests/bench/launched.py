"""Runs a plan as processes, without output, and removes everything afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rtgraph.graphs import Plan
from rtgraph.launch.console.status import Silent, Status
from rtgraph.launch.process.launcher import Launcher
from rtgraph.launch.process.outcome import Outcome
from rtgraph.launch.session import Session


def launched(plan: Plan, status: Status | None = None) -> Outcome:
    """Run a plan to its end.

    Raises:
        SystemExit: a node failed, or Ctrl-C.
    """
    with tempfile.TemporaryDirectory(prefix="rtgraph-bench-") as folder:
        session = Session.create(plan, Path(folder) / "session")
        outcome = Launcher(plan, session, status or Silent()).run()
    if outcome.failures or outcome.signal is not None:
        raise SystemExit(f"{plan.name} did not run to its end: {outcome.failures or outcome.reason}")
    return outcome

"""How long the launcher waits for nodes to start."""

from __future__ import annotations

import itertools

import pytest

from rtgraph.graphs import load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.process import launcher as module
from rtgraph.launch.process.launcher import Launcher
from rtgraph.launch.session import Session
from rtgraph.msgs.errors import LaunchError


@pytest.mark.parametrize(("progress_until_s", "gives_up_s"), [(0, 70), (200, 260)])
def test_a_node_that_makes_progress_is_waited_for(
    tmp_path, monkeypatch, progress_until_s, gives_up_s
) -> None:
    """The launcher waits a minute for nodes to be ready, from the last progress of one that prepares for long."""
    plan = load_launch("catch", folders=FOLDERS, world="realtime")
    waiting = Launcher(plan, Session.create(plan, tmp_path / "s"), Silent())
    now_s = 0.0

    def pump(_: float) -> None:
        nonlocal now_s
        now_s = next(seconds)

    seconds = itertools.count(10.0, 10.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s)
    monkeypatch.setattr(waiting, "_pump", pump)
    with pytest.raises(LaunchError, match="timed out after 60 s: waited for worker"):
        waiting._pump_until(
            lambda: False, 60.0, "worker", progressed_s=lambda: min(now_s, float(progress_until_s))
        )
    assert now_s == gives_up_s + (0 if progress_until_s == 0 else 10)

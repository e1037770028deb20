"""A stand-in for LeRobot, which is found by the driver's process too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rtgraph.nodes.robot.process.driver import end_kept

STANDIN = Path(__file__).parents[3] / "support" / "standin"


@pytest.fixture
def standin(monkeypatch):
    """Make the stand-in importable, here and in the driver's process."""
    monkeypatch.setenv("PYTHONPATH", str(STANDIN))
    monkeypatch.syspath_prepend(str(STANDIN))
    before = set(sys.modules)
    yield
    end_kept()
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"lerobot", "draccus"}:
            del sys.modules[name]


@pytest.fixture
def port(tmp_path):
    """Return the file that says how the robot behaves."""
    made = tmp_path / "port"
    made.write_text("")
    return made


@pytest.fixture
def config(standin, port):
    return {"type": "toy_follower", "port": str(port), "id": "toy", "constant": {"wheel.vel": 0.0}}

"""Results of launches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.session import Session


@dataclass(frozen=True, slots=True)
class RunResult:
    """Result of one run, in real or virtual time: the summary, the exit code, and the failures."""

    summary: dict[str, Any]
    code: int
    failures: tuple[str, ...] = ()
    virtual_s: float = 0.0
    """Virtual time that this run took, in seconds. In a run that was resumed from a checkpoint, only the time after the checkpoint."""
    lost: bool = False
    """Whether a lossless input, i.e. one that must receive every message, has lost a message."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a launch: its session folder, plan, summary, exit code and failures."""

    session: Session
    plan: Plan
    summary: dict[str, Any]
    code: int
    failures: tuple[str, ...] = ()
    wall_s: float = 0.0
    virtual_s: float = 0.0
    lost: bool = False

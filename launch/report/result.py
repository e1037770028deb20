"""Results of launches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.session import Session


@dataclass(frozen=True, slots=True)
class RunResult:
    """Result of running a plan, in real or virtual time: the summary, the exit code, and the failures."""

    summary: dict[str, Any]
    code: int
    failures: tuple[str, ...] = ()
    virtual_s: float = 0.0
    """Virtual time that this run took, in seconds; in a resumed run, only the time after its checkpoint."""
    lost: bool = False
    """Whether inputs that must receive every message have lost messages."""


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

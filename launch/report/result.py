"""Results of launches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.session import Session


@dataclass(frozen=True, slots=True)
class RunResult:
    """Result of a plan in its world: the summary, the exit code, and the failures."""

    summary: dict[str, Any]
    code: int
    failures: tuple[str, ...] = ()
    virtual_s: float = 0.0
    """Virtual time of this run; in a resumed run, without the time before its checkpoint."""
    lost: bool = False
    """Whether lossless inputs lost messages."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a launch: its folder, its plan, its summary, and the exit code."""

    session: Session
    plan: Plan
    summary: dict[str, Any]
    code: int
    failures: tuple[str, ...] = ()
    wall_s: float = 0.0
    virtual_s: float = 0.0
    lost: bool = False

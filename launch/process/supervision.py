"""What is done about nodes that die, or fall silent.

The dead are started again, ever longer apart, until it is too often; the silent are told of, and left alone: who is
busy and who hangs cannot be told from outside.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rtgraph.launch.process.processes import Process
from rtgraph.msgs.system import Beat, Failed, Statistics
from rtgraph.nodes.runtime import NodePlan, RestartPolicy

SILENT_AFTER_S = 3.0
"""Six heartbeats."""
BEATS_KEPT = 5
"""Two seconds: rates are told by the newest and the oldest."""


class RestartBudget:
    """Decides whether, and when, a node that died is started again."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._deaths: deque[float] = deque()
        self.restarts = 0

    def died(self, now_s: float) -> float | None:
        """Take note of a death; return in how many seconds to start again, or None to give up."""
        policy = self._policy
        if policy.when == "never":
            return None
        while self._deaths and now_s - self._deaths[0] > policy.window_s:
            self._deaths.popleft()
        if len(self._deaths) >= policy.most:
            return None
        wait_s = min(policy.backoff_s * 2.0 ** len(self._deaths), policy.backoff_most_s)
        self._deaths.append(now_s)
        self.restarts += 1
        return wait_s


@dataclass(slots=True)
class Member:
    """A node as the launcher sees it."""

    plan: NodePlan
    rank: int
    budget: RestartBudget
    incarnation: int = 0
    process: Process | None = None
    ready: bool = False
    running: bool = False
    restart_at: float | None = None
    go_at: float = 0.0
    """When it is let go, even though an edge of it is not proven: its neighbour may hang."""
    problem: str = ""
    failed_to_start: bool = False
    """Its first life raised an error before ``on_start`` returned."""
    died_of: str = ""
    """Why its last life that ended did."""
    statistics: Statistics | None = None
    heard_s: float = 0.0
    silent: bool = False
    beats: deque[Beat] = field(default_factory=lambda: deque(maxlen=BEATS_KEPT))
    """What its last heartbeats said, oldest first."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Parameters that were changed while it ran, by dotted path: its next lives begin with them."""
    given: dict[str, Any] = field(default_factory=dict)
    """Those that this life began with."""
    silent_most_s: float = 0.0
    """The longest time it was not heard, if that was longer than it should be."""

    def heard(self, now_s: float) -> float | None:
        """Take note that it lives; return how long it was silent, if it was for too long."""
        silent_s = now_s - self.heard_s if self.silent else None
        self.heard_s, self.silent = now_s, False
        return silent_s

    def fell_silent(self, now_s: float) -> bool:
        """Say whether it has just become silent for too long."""
        silent_s = now_s - self.heard_s
        if not self.running or self.process is None or silent_s < SILENT_AFTER_S:
            return False
        self.silent_most_s = max(self.silent_most_s, silent_s)
        fell, self.silent = not self.silent, True
        return fell

    def failed(self, message: Failed) -> None:
        """Take note of the error that ends its process."""
        self.problem = message.problem
        self.failed_to_start = not message.started and not self.incarnation

    def begin_anew(self) -> None:
        """Forget the life before."""
        self.ready = self.running = self.silent = False
        self.restart_at, self.problem = None, ""
        self.beats.clear()
        self.given = dict(self.changed)

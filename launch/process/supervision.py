"""Rules for nodes that die, or that send no heartbeats.

A dead node is restarted with growing delays, until it dies too often. A silent node is reported and left alone: from
outside, a busy node and a hanging one look the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rtgraph.launch.process.processes import Process
from rtgraph.msgs.system import Beat, Failed, Statistics
from rtgraph.nodes.runtime import NodePlan, RestartPolicy

SILENT_AFTER_S = 3.0
"""A node counts as silent after this time without a heartbeat: six periods."""
DEVICE_STOP_S = 10.0
"""How long a node that drives a device may take to stop, unless the graph says otherwise."""
BEATS_KEPT = 5
"""Number of heartbeats kept, over two seconds: rates are computed from the newest and the oldest."""


class RestartBudget:
    """Decides whether and when to restart a node that died."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._deaths: deque[float] = deque()
        self.restarts = 0

    def died(self, now_s: float) -> float | None:
        """Record a death; return the delay before the restart in seconds, or None to give up."""
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
    """The launcher's record of a node: its process, heartbeats and restarts."""

    plan: NodePlan
    rank: int
    budget: RestartBudget
    stop_s: float = 0.0
    """Time that the node may take to stop; 0 for the usual time of all nodes."""
    incarnation: int = 0
    process: Process | None = None
    ready: bool = False
    running: bool = False
    restart_at: float | None = None
    go_at: float = 0.0
    """The time from which a restarted node starts without probes over all its edges: the node at the other end may hang."""
    problem: str = ""
    failed_to_start: bool = False
    """Whether the node's first incarnation raised an error before ``on_start`` returned."""
    died_of: str = ""
    """Why the last incarnation that ended did so."""
    statistics: Statistics | None = None
    heard_s: float = 0.0
    silent: bool = False
    does: str = ""
    """The state of the robot that the node drives; empty for other nodes."""
    beats: deque[Beat] = field(default_factory=lambda: deque(maxlen=BEATS_KEPT))
    """The last heartbeats, oldest first."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Parameters that were changed at run time, by dotted path; the next incarnations begin with them."""
    given: dict[str, Any] = field(default_factory=dict)
    """Changed parameters with which this incarnation began."""
    silent_most_s: float = 0.0
    """The longest time without a heartbeat; 0 if it never exceeded the limit."""

    def record_heartbeat(self, now_s: float) -> float | None:
        """Record a heartbeat. If the node had been silent for too long, return for how long."""
        silent_s = now_s - self.heard_s if self.silent else None
        self.heard_s, self.silent = now_s, False
        return silent_s

    def has_gone_silent(self, now_s: float) -> bool:
        """Return whether the node has become silent: no heartbeat for ``SILENT_AFTER_S``, and not reported before."""
        silent_s = now_s - self.heard_s
        if not self.running or self.process is None or silent_s < SILENT_AFTER_S:
            return False
        self.silent_most_s = max(self.silent_most_s, silent_s)
        fell, self.silent = not self.silent, True
        return fell

    def failed(self, message: Failed) -> None:
        """Store the error that the node sent before its process ends."""
        self.problem = message.problem
        self.failed_to_start = not message.started and not self.incarnation

    def begin_anew(self) -> None:
        """Forget the previous process of the node, before a restart."""
        self.ready = self.running = self.silent = False
        self.restart_at, self.problem = None, ""
        self.beats.clear()
        self.given = dict(self.changed)

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
"""A node counts as silent after this time without a heartbeat: six periods of heartbeats."""
DEVICE_STOP_S = 10.0
"""How long a node that drives a device may take to stop, unless the graph sets the node's ``stop_s``."""
BEATS_KEPT = 5
"""Number of heartbeats kept, which span two seconds. Rates are computed from the newest and the oldest of them."""


class RestartBudget:
    """Decides whether and when to restart a node that died."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._deaths: deque[float] = deque()
        self.restarts = 0

    def died(self, now_s: float) -> float | None:
        """Record that the node died; return the delay before its restart in seconds, or None if it is not restarted."""
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
    """Seconds that the node may take to stop; 0 for the usual time of all nodes."""
    incarnation: int = 0
    process: Process | None = None
    ready: bool = False
    running: bool = False
    restart_at: float | None = None
    go_at: float = 0.0
    """The time at which a restarted node starts, even if no probe (test message) has come over some of its edges.

    The node at the other end of an edge may hang and send no probe.
    """
    problem: str = ""
    failed_to_start: bool = False
    """Whether the node's first incarnation raised an error before ``on_start`` returned."""
    died_of: str = ""
    """Why the node's process last ended; empty if it has not ended."""
    statistics: Statistics | None = None
    heard_s: float = 0.0
    silent: bool = False
    does: str = ""
    """The state of the robot that the node drives; empty for other nodes."""
    beats: deque[Beat] = field(default_factory=lambda: deque(maxlen=BEATS_KEPT))
    """The last heartbeats, oldest first."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Values of parameters that were changed at run time, by dotted path. The node keeps them when it is restarted."""
    given: dict[str, Any] = field(default_factory=dict)
    """Values of ``changed`` with which the current process of the node started."""
    silent_most_s: float = 0.0
    """The longest time without a heartbeat in seconds; 0 if it never reached ``SILENT_AFTER_S``."""

    def record_heartbeat(self, now_s: float) -> float | None:
        """Record a heartbeat. Return how long the node was silent, in seconds; None if it did not count as silent."""
        silent_s = now_s - self.heard_s if self.silent else None
        self.heard_s, self.silent = now_s, False
        return silent_s

    def has_gone_silent(self, now_s: float) -> bool:
        """Return whether the node has become silent: no heartbeat for ``SILENT_AFTER_S``. True once per silence."""
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
        """Reset the state that belongs to the node's previous process, before a new process starts."""
        self.ready = self.running = self.silent = False
        self.restart_at, self.problem = None, ""
        self.beats.clear()
        self.given = dict(self.changed)

"""Rules for nodes that die, or that send no heartbeats.

A dead node is restarted after a delay that grows with each death, until it has died too often. A silent node is reported but not
restarted: from outside, a busy node and a hanging node look the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rtgraph.launch.process.processes import Process
from rtgraph.msgs.system import Beat, Failed, Statistics
from rtgraph.nodes.runtime import NodePlan, RestartPolicy

SILENT_AFTER_S = 3.0
"""Seconds without a heartbeat after which a node counts as silent: six heartbeat periods."""
DEVICE_STOP_S = 10.0
"""Seconds that a node with a device may take to stop, unless the graph sets the node's ``stop_s``."""
BEATS_KEPT = 5
"""Number of heartbeats that are kept, over two seconds. Rates are computed from the newest and the oldest heartbeat."""


class RestartBudget:
    """Decides whether and when to restart a node that died."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._deaths: deque[float] = deque()
        self.restarts = 0

    def died(self, now_s: float) -> float | None:
        """Record a death of the node. Return the delay in s before its restart, or None if the node must not be restarted."""
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
    """The latest time at which a restarted node begins to run, in s of the monotonic clock.

    Before this time, the node waits for a probe (test message) over each of its edges. A hanging publisher sends no probe.
    """
    problem: str = ""
    failed_to_start: bool = False
    """Whether the node's first process raised an error before ``on_start`` returned."""
    died_of: str = ""
    """Why the node's last process ended; empty if no process of the node has ended."""
    statistics: Statistics | None = None
    heard_s: float = 0.0
    silent: bool = False
    does: str = ""
    """The state of the robot that the node drives; empty for other nodes."""
    beats: deque[Beat] = field(default_factory=lambda: deque(maxlen=BEATS_KEPT))
    """The last heartbeats, oldest first."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Parameters that were changed at run time: the values by dotted path. They also apply after a restart of the node."""
    given: dict[str, Any] = field(default_factory=dict)
    """The values of ``changed`` at the start of the node's current process."""
    silent_most_s: float = 0.0
    """The longest silence (time without a heartbeat) in s; 0 if no silence reached ``SILENT_AFTER_S``."""

    def record_heartbeat(self, now_s: float) -> float | None:
        """Record a heartbeat. If the node was silent before it, return the length of the silence in s, else None."""
        silent_s = now_s - self.heard_s if self.silent else None
        self.heard_s, self.silent = now_s, False
        return silent_s

    def has_gone_silent(self, now_s: float) -> bool:
        """Return whether the node has just become silent: no heartbeat for ``SILENT_AFTER_S``.

        Later calls in the same silence return False.
        """
        silent_s = now_s - self.heard_s
        if not self.running or self.process is None or silent_s < SILENT_AFTER_S:
            return False
        self.silent_most_s = max(self.silent_most_s, silent_s)
        fell, self.silent = not self.silent, True
        return fell

    def failed(self, message: Failed) -> None:
        """Store the error message that the node sent before its process ended."""
        self.problem = message.problem
        self.failed_to_start = not message.started and not self.incarnation

    def begin_anew(self) -> None:
        """Reset the state of the node's previous process, before a new process starts."""
        self.ready = self.running = self.silent = False
        self.restart_at, self.problem = None, ""
        self.beats.clear()
        self.given = dict(self.changed)

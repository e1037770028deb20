"""What is done about nodes that die: restarts, ever longer apart, until it is too often."""

from __future__ import annotations

from collections import deque

from rtgraph.nodes.runtime import RestartPolicy


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

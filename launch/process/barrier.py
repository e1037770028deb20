"""The ready barrier: a graph starts when a probe, a test message, has arrived over the sockets of every edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rtgraph.msgs.system import Proven

Edge = tuple[str, str, str]
"""An edge: the publisher, the subscriber, and the subscriber's input."""

PROBE_PERIOD_S = 0.03


class Barrier:
    """Tracks which edges have delivered a probe, and makes publishers send probes until all edges have delivered one."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.edges = tuple(edges)
        self._pending: dict[Edge, int] = {}
        self._nonce = 0
        self._probe_at = 0.0

    @property
    def pending(self) -> tuple[Edge, ...]:
        """The edges over which no probe has arrived yet."""
        return tuple(self._pending)

    def require(self, nodes: Iterable[str]) -> None:
        """Require a new probe over every edge of these nodes. Probes sent earlier do not count."""
        wanted = set(nodes)
        self._nonce += 1
        for edge in self.edges:
            if edge[0] in wanted or edge[1] in wanted:
                self._pending[edge] = self._nonce
        self._probe_at = 0.0

    def proven(self, message: Proven) -> None:
        """Mark an edge as working, because a probe arrived over it. Ignore a probe sent before the last ``require``."""
        edge = (message.publisher, message.node, message.port)
        if self._pending.get(edge, message.nonce + 1) <= message.nonce:
            del self._pending[edge]

    def waits_for(self, node: str) -> bool:
        """Return whether no probe has arrived yet over one of the node's edges."""
        return any(node in edge[:2] for edge in self._pending)

    def probe(self, now_s: float, send: Callable[[str, int], None]) -> None:
        """Make the publishers of pending edges send probes, if at least ``PROBE_PERIOD_S`` has passed since the last ones.

        Args:
            now_s: the time of the monotonic clock.
            send: called with a publisher and the number that its probes carry.
        """
        if not self._pending or now_s < self._probe_at:
            return
        self._probe_at = now_s + PROBE_PERIOD_S
        for publisher in dict.fromkeys(edge[0] for edge in self._pending):
            send(publisher, self._nonce)

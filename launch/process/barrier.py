"""The ready barrier: a graph starts when every edge has delivered a probe.

A probe is a test message. An edge is a connection from an output to an input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rtgraph.msgs.system import Proven

Edge = tuple[str, str, str]
"""An edge, i.e. a connection, as the names of the publisher, the subscriber, and the subscriber's input."""

PROBE_PERIOD_S = 0.03


class Barrier:
    """Tracks which edges (connections) have delivered a probe, i.e. a test message.

    Publishers send probes until every edge has delivered one.
    """

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.edges = tuple(edges)
        self._pending: dict[Edge, int] = {}
        self._nonce = 0
        self._probe_at = 0.0

    @property
    def pending(self) -> tuple[Edge, ...]:
        """The edges (connections) that have not delivered a probe (test message) yet."""
        return tuple(self._pending)

    def require(self, nodes: Iterable[str]) -> None:
        """Require a new probe (test message) over every edge from or to these nodes. Probes sent earlier do not count."""
        wanted = set(nodes)
        self._nonce += 1
        for edge in self.edges:
            if edge[0] in wanted or edge[1] in wanted:
                self._pending[edge] = self._nonce
        self._probe_at = 0.0

    def proven(self, message: Proven) -> None:
        """Mark an edge as working, because it has delivered a probe (test message).

        A probe that was sent before the last ``require`` of this edge is ignored.
        """
        edge = (message.publisher, message.node, message.port)
        if self._pending.get(edge, message.nonce + 1) <= message.nonce:
            del self._pending[edge]

    def waits_for(self, node: str) -> bool:
        """Return whether an edge from or to the node has not delivered a probe (test message) yet."""
        return any(node in edge[:2] for edge in self._pending)

    def probe(self, now_s: float, send: Callable[[str, int], None]) -> None:
        """Make publishers send probes (test messages) again, at most once in ``PROBE_PERIOD_S`` seconds.

        These are the publishers with an edge (connection) that has not delivered a probe yet.

        Args:
            now_s: the time of the monotonic clock.
            send: called with the name of a publisher, and the number that its probes contain.
        """
        if not self._pending or now_s < self._probe_at:
            return
        self._probe_at = now_s + PROBE_PERIOD_S
        for publisher in dict.fromkeys(edge[0] for edge in self._pending):
            send(publisher, self._nonce)

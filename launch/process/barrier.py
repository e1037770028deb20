"""The ready barrier: an edge counts only when a probe has gone through its real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rtgraph.msgs.system import Proven

Edge = tuple[str, str, str]
"""Publisher, node, input."""

PROBE_PERIOD_S = 0.03


class Barrier:
    """Keeps which edges are still to be proven, and has their publishers probe them again and again."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.edges = tuple(edges)
        self._pending: dict[Edge, int] = {}
        self._nonce = 0
        self._probe_at = 0.0

    @property
    def pending(self) -> tuple[Edge, ...]:
        """The edges still to be proven."""
        return tuple(self._pending)

    def require(self, nodes: Iterable[str]) -> None:
        """Have every edge of these nodes proven (anew): probes sent before do not count."""
        wanted = set(nodes)
        self._nonce += 1
        for edge in self.edges:
            if edge[0] in wanted or edge[1] in wanted:
                self._pending[edge] = self._nonce
        self._probe_at = 0.0

    def proven(self, message: Proven) -> None:
        """Take in that a probe came through."""
        edge = (message.publisher, message.node, message.port)
        if self._pending.get(edge, message.nonce + 1) <= message.nonce:
            del self._pending[edge]

    def waits_for(self, node: str) -> bool:
        """Say whether an edge of a node is still to be proven."""
        return any(node in edge[:2] for edge in self._pending)

    def probe(self, now_s: float, send: Callable[[str, int], None]) -> None:
        """Have the publishers of unproven edges probe, if it is time to."""
        if not self._pending or now_s < self._probe_at:
            return
        self._probe_at = now_s + PROBE_PERIOD_S
        for publisher in dict.fromkeys(edge[0] for edge in self._pending):
            send(publisher, self._nonce)

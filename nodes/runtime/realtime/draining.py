"""The end of a node: wait for the last messages to its lossless inputs, and count the messages that never arrive."""

from __future__ import annotations

from rtgraph.msgs.system import Stop
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.edges import EdgeCount

SILENCE_NS = 1_000_000_000
"""Time in ns without a new message after which the wait for the last messages ends."""


class Draining:
    """Waits for the last messages to a node's lossless inputs.

    Args:
        executor: the executor of the node.
        stop: the stop message of the launcher. It holds the number of messages from each publisher that has ended.
        now_ns: the time at which the stop message arrived.
    """

    def __init__(self, executor: Executor, stop: Stop, now_ns: int) -> None:
        self._executor = executor
        self._stop = stop
        self.arrived_ns = now_ns
        """The time at which the last message arrived."""
        # The other half of the time is for the node's stop.
        self._until_ns = now_ns + (stop.deadline_ns - now_ns) // 2

    def is_over(self, now_ns: int) -> bool:
        """Return whether the wait is over.

        The wait is over when all messages that came have been handled, and either no message is missing or no message came for
        ``SILENCE_NS``. At the latest, the wait is over halfway between the arrival of the stop message and the stop's deadline.
        """
        if now_ns > self._until_ns:
            return True
        if self._not_arrived() and now_ns <= self.arrived_ns + SILENCE_NS:
            return False
        # A busy node continues with its lossless inputs only.
        busy = self._executor.busy
        return not any(
            port.inbox and port.handler and not (busy and port.depth is not None)
            for port in self._executor.node.inputs.values()
        )

    def count_missing(self) -> None:
        """Count as lost the messages that did not arrive."""
        inputs = self._executor.node.inputs
        for name, sent in self._stop.sent.items():
            inputs[name].declared = sent
        for (name, publisher), missing in self._not_arrived().items():
            inputs[name].edges[publisher].lost += missing

    def _not_arrived(self) -> dict[tuple[str, str], int]:
        """Return the number of messages to lossless inputs that were sent but did not arrive, by input and publisher."""
        found: dict[tuple[str, str], int] = {}
        for name, publishers in self._stop.sent.items():
            edges = self._executor.node.inputs[name].edges
            for publisher, sent in publishers.items():
                edge = edges.setdefault(publisher, EdgeCount(incarnation=0))
                if sent > edge.next_sequence:
                    found[name, publisher] = sent - edge.next_sequence
        return found

"""Transport times of messages in the virtual world, drawn from a latency model per edge.

Without faults, messages of one edge never overtake each other, as with ZeroMQ over TCP. A faster message arrives together with
the message before it. Each edge has a separate random generator, so the messages of one edge do not change the transport times
of another edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from pydantic import model_validator

from rtgraph.msgs import Record
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.latency import Draw, Empirical, Model


class EdgeDelay(Record):
    """The transport times of messages from the node ``source`` to the node ``target``."""

    source: str = "*"
    target: str = "*"
    port: str = "*"
    """The name of the source's output. In this name and in the names of both nodes, ``*`` and ``?`` are wildcards."""
    latency: Model
    """The model of the transport time, in ms."""

    @model_validator(mode="after")
    def _in_milliseconds(self) -> Self:
        if not isinstance(self.latency, Empirical) and self.latency.frames is not None:
            raise ValueError("give the transport time in ms, not in frames: an edge has no frame rate")
        return self


@dataclass
class _Edge:
    """One edge: the function that draws its transport times, and the arrival time of its last message."""

    draw: Draw
    last_ns: int = 0


class EdgeDelays:
    """Draws the transport times of messages. For each edge, the first model in ``delays`` that matches the edge applies.

    Args:
        delays: the models, with patterns of edges.
        seed: the seed of the world.
    """

    def __init__(self, delays: Sequence[EdgeDelay], seed: int) -> None:
        self._delays = tuple(delays)
        self._seed = seed
        self._edges: dict[tuple[str, str, str, str], _Edge | None] = {}

    def delay_ns(self, source: str, output: str, target: str, port: str, now_ns: int) -> int:
        """Return the transport time of the next message of an edge, in ns; 0 if no model matches the edge.

        Args:
            source: the node that publishes.
            output: the output of that node.
            target: the node that receives.
            port: the input of that node.
            now_ns: the time of publication.
        """
        key = source, output, target, port
        if key not in self._edges:
            self._edges[key] = self._edge(*key)
        edge = self._edges[key]
        if edge is None:
            return 0
        edge.last_ns = max(edge.last_ns, now_ns + edge.draw())
        return edge.last_ns - now_ns

    def world_state(self) -> list[tuple[tuple[str, str, str, str], _Edge | None]]:
        """Return a tuple (key, state) for every edge that was used. The key is (source, output, target, port).

        The state includes the latency model; it is None if no model matches the edge. The launch file gives the models of edges that
        were not used yet.
        """
        return list(self._edges.items())

    def load_world_state(self, state: list[tuple[tuple[str, str, str, str], _Edge | None]]) -> None:
        """Restore the state of the edges."""
        self._edges = dict(state)

    def _edge(self, source: str, output: str, target: str, port: str) -> _Edge | None:
        for delay in self._delays:
            if (
                fnmatchcase(source, delay.source)
                and fnmatchcase(output, delay.port)
                and fnmatchcase(target, delay.target)
            ):
                rng = generator(self._seed, f"delay {source} {output} {target} {port}", 0)
                return _Edge(delay.latency.draws(rng, 1.0))
        return None

"""Checks the injected faults and the transport times of messages in a launch file. Both exist only in virtual time."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from rtgraph.graphs.reading.model import World
from rtgraph.graphs.reading.positions import Place
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault, Fault
from rtgraph.nodes.runtime.wiring import NodePlan

_NEAREST_MOST = 3


class _Edge(NamedTuple):
    """The names, or patterns of names, of a publishing node, its output, and a receiving node."""

    source: str
    target: str
    port: str

    def __str__(self) -> str:
        return f"{{source: {self.source}, target: {self.target}, port: {self.port}}}"

    def matching(self, edge: _Edge) -> int:
        """Return how many of the three patterns match the names of an edge."""
        return sum(map(fnmatch.fnmatchcase, edge, self))


def check_faults(
    faults: Sequence[Fault],
    plans: Sequence[NodePlan],
    world: World,
    place: Place,
    *,
    played: Collection[str] = (),
) -> None:
    """Check that faults are injected only in virtual time (``world: virtual``), and into nodes and edges that exist.

    ``played`` are the names of nodes played from a recording. They lack the inputs of the replaced nodes, so edges to them are
    not checked.

    Raises:
        GraphError: the world is not virtual, or a node, an output or an edge does not exist.
    """
    if faults and world != "virtual":
        raise place.error(
            f"faults cannot be injected in the {world} world: only virtual time controls nodes and messages",
            hint="set world: virtual, or leave out faults",
        )
    for index, fault in enumerate(faults):
        if isinstance(fault, CrashFault):
            _check_matches("node", fault.node, [plan.name for plan in plans], place / index)
        else:
            _check_edge(fault, plans, place / index, played)


def check_delays(
    delays: Sequence[EdgeDelay],
    plans: Sequence[NodePlan],
    world: World,
    place: Place,
    *,
    played: Collection[str] = (),
) -> None:
    """Check that messages are delayed only in virtual time (``world: virtual``), and on edges that exist.

    Arguments and errors are those of `check_faults`.
    """
    if delays and world != "virtual":
        raise place.error(
            f"messages cannot be delayed in the {world} world: only virtual time controls when they arrive",
            hint="set world: virtual, or leave out delays",
        )
    for index, delay in enumerate(delays):
        _check_edge(delay, plans, place / index, played)


def _check_edge(
    entry: EdgeFault | EdgeDelay, plans: Sequence[NodePlan], place: Place, played: Collection[str]
) -> None:
    names = [plan.name for plan in plans]
    _check_matches("source", entry.source, names, place)
    _check_matches("target", entry.target, names, place)
    _check_matches("port", entry.port, sorted({port for plan in plans for port in plan.outputs}), place)
    if fnmatch.filter(played, entry.target):
        return
    patterns = _Edge(entry.source, entry.target, entry.port)
    edges = _edges(plans)
    if not any(patterns.matching(edge) == len(edge) for edge in edges):
        raise place.error(f"{patterns} matches no edge", hint=_nearest_edges(patterns, edges))


def _check_matches(key: str, pattern: str, known: Sequence[str], place: Place) -> None:
    if not fnmatch.filter(known, pattern):
        kind = "output" if key == "port" else "node"
        raise (place / key).error(f"{pattern!r} matches no {kind}", hint=nearest(pattern, known))


def _edges(plans: Sequence[NodePlan]) -> list[_Edge]:
    """Return the edges of a graph, without those of recorders and other taps: faults and delays do not apply to them."""
    outputs = {(plan.name, topic): port for plan in plans for port, topic in plan.outputs.items()}
    return [
        _Edge(publisher, plan.name, outputs[publisher, source.topic])
        for plan in plans
        for source in plan.inputs.values()
        for publisher in source.publishers
    ]


def _nearest_edges(patterns: _Edge, edges: Sequence[_Edge]) -> str:
    """Return a hint with the edges that match the largest number of patterns: at most ``_NEAREST_MOST`` edges.

    Replicas are written as ``worker/*``. The most similar names come first.
    """
    most = max(map(patterns.matching, edges), default=0)
    found = {
        _Edge(*(re.sub(r"/\d+$", "/*", name) for name in edge))
        for edge in edges
        if patterns.matching(edge) == most
    }
    if not found:
        return "the graph has no edges"
    alike = difflib.SequenceMatcher(b=str(patterns))

    def unlike(edge: _Edge) -> tuple[float, _Edge]:
        alike.set_seq1(str(edge))
        return -alike.ratio(), edge

    nearest_first = sorted(found, key=unlike)[:_NEAREST_MOST]
    return f"the nearest {'edges are' if len(nearest_first) > 1 else 'edge is'} {', '.join(map(str, nearest_first))}"

"""Checks the injected faults and the transport times of messages in a launch file. Both exist only in virtual time."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

from rtgraph.graphs.reading.model import World
from rtgraph.graphs.reading.positions import Place
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault, Fault
from rtgraph.nodes.runtime.wiring import NodePlan

_Patterns = Mapping[str, tuple[str, Sequence[str]]]


def check_faults(faults: Sequence[Fault], plans: Sequence[NodePlan], world: World, place: Place) -> None:
    """Check that faults are injected only in virtual time (``world: virtual``), and into nodes and outputs that exist.

    Raises:
        GraphError: the world is not virtual, or a node or an output does not exist.
    """
    if faults and world != "virtual":
        raise place.error(
            f"faults cannot be injected in the {world} world: only virtual time controls nodes and messages",
            hint="set world: virtual, or leave out faults",
        )
    for index, fault in enumerate(faults):
        patterns = (
            {"node": (fault.node, [plan.name for plan in plans])}
            if isinstance(fault, CrashFault)
            else _of_edge(fault, plans)
        )
        _check_matches(patterns, place / index)


def check_delays(delays: Sequence[EdgeDelay], plans: Sequence[NodePlan], world: World, place: Place) -> None:
    """Check that messages are delayed only in virtual time (``world: virtual``), and between nodes and on outputs that exist.

    Raises:
        GraphError: the world is not virtual, or a node or an output does not exist.
    """
    if delays and world != "virtual":
        raise place.error(
            f"messages cannot be delayed in the {world} world: only virtual time controls when they arrive",
            hint="set world: virtual, or leave out delays",
        )
    for index, delay in enumerate(delays):
        _check_matches(_of_edge(delay, plans), place / index)


def _of_edge(edge: EdgeFault | EdgeDelay, plans: Sequence[NodePlan]) -> _Patterns:
    names = [plan.name for plan in plans]
    ports = sorted({port for plan in plans for port in plan.outputs})
    return {"source": (edge.source, names), "target": (edge.target, names), "port": (edge.port, ports)}


def _check_matches(patterns: _Patterns, place: Place) -> None:
    for key, (pattern, known) in patterns.items():
        if not any(fnmatch.fnmatchcase(name, pattern) for name in known):
            kind = "output" if key == "port" else "node"
            raise (place / key).error(f"{pattern!r} matches no {kind}", hint=nearest(pattern, known))

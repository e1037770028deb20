"""The summary of a launch: what the monitor counted, and what became of every edge and node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.msgs.system import EdgeReport
from rtgraph.nodes.runtime import load_class

DONE, FAILED, INVALID, LOST, SIGNALLED = 0, 1, 2, 3, 128
"""Exit codes. A launch that a signal ended adds its number, as shells do: 130 for Ctrl-C, 143 for SIGTERM."""


def summarise(
    plan: Plan,
    reason: str,
    results: Mapping[str, dict[str, Any]],
    reports: Mapping[str, Iterable[EdgeReport]],
    restarts: Mapping[str, int],
) -> dict[str, Any]:
    """Return the summary as JSON values.

    Args:
        plan: what was run.
        reason: why it ended.
        results: what each node said of itself; the monitor's figures are the body of the summary.
        reports: the counters of each node's inputs.
        restarts: how often each node was started again.
    """
    figures: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for node in plan.nodes:
        result = results.get(node.name, {})
        if "tick_lateness_ms" in result and not figures:
            figures = dict(result)
        elif result:
            others[node.name] = result
    edges = {
        f"{report.publisher} -> {node}.{report.port}": report
        for node, found in reports.items()
        for report in found
    }
    return {
        "name": plan.name,
        "world": plan.world,
        "seed": plan.seed,
        "ended": reason,
        **figures,
        **({"nodes": others} if others else {}),
        "lost": {edge: report.lost + report.refused for edge, report in edges.items()},
        "overwritten": {edge: report.overwritten for edge, report in edges.items() if report.overwritten},
        "restarts": dict(restarts),
    }


def lossless_losses(plan: Plan, reports: Mapping[str, Iterable[EdgeReport]]) -> int:
    """Return how many messages were lost on the way to inputs that were to have everything."""
    types = {node.name: load_class(node.node) for node in plan.nodes}
    return sum(
        report.lost + report.refused
        for node, found in reports.items()
        for report in found
        if report.port in types[node].tap_ports or types[node].input_ports[report.port].policy.depth is None
    )

"""The summary of a launch: what its monitors measured, and the state of each node and each connection between nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.msgs.system import EdgeReport
from rtgraph.nodes.metrics import Metrics
from rtgraph.nodes.monitor.traces import watched
from rtgraph.nodes.runtime import load_class


def summarise(
    plan: Plan,
    reason: str,
    results: Mapping[str, dict[str, Any]],
    reports: Mapping[str, Iterable[EdgeReport]],
    restarts: Mapping[str, int],
    causes: Mapping[str, str],
    down: Mapping[str, str],
    problems: Mapping[str, str],
) -> dict[str, Any]:
    """Return the summary of a launch as JSON values.

    A monitor is a node that measures one environment or robot. The results of a single monitor are at the top level of the
    summary. The results of several monitors are under ``plants``, by title. The results of a single metrics node, which writes
    learning curves, are under ``learning``.

    Args:
        plan: the resolved launch file that ran.
        reason: why the run ended.
        results: the result of each node, by name of the node.
        reports: the message counts of each input, by name of the node.
        restarts: number of restarts, by name of the node.
        causes: reason of the last restart, by name of the node.
        down: the last error of each node that was not running at the end, by name of the node.
        problems: why a node failed or has no result, by name of the node.
    """
    monitors = watched(plan.nodes)
    plants = {one.title: dict(results.get(one.monitor, {})) for one in monitors}
    figures = {"plants": plants} if len(plants) > 1 else next(iter(plants.values()), {})
    metrics_nodes = [node.name for node in plan.nodes if issubclass(load_class(node.node), Metrics)]
    # With several monitors, each is reported with its node.
    learning = results.get(metrics_nodes[0], {}) if len(metrics_nodes) == 1 else {}
    watching = {one.monitor for one in monitors} | ({metrics_nodes[0]} if learning else set())
    others = {name: result for name, result in results.items() if result and name not in watching}
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
        **({"learning": learning} if learning else {}),
        **({"nodes": others} if others else {}),
        "lost": {edge: report.lost + report.refused for edge, report in edges.items()},
        "overwritten": {edge: report.overwritten for edge, report in edges.items() if report.overwritten},
        "unread": {edge: report.unread for edge, report in edges.items() if report.unread},
        "restarts": dict(restarts),
        **({"restart_causes": dict(causes)} if causes else {}),
        **({"down": dict(down)} if down else {}),
        **({"problems": dict(problems)} if problems else {}),
    }


def lossless_losses(plan: Plan, reports: Mapping[str, Iterable[EdgeReport]]) -> int:
    """Return how many messages lossless inputs lost: in transit, refused, or unread when the node stopped."""
    types = {node.name: load_class(node.node) for node in plan.nodes}
    return sum(
        report.lost + report.refused + report.unread
        for node, found in reports.items()
        for report in found
        if report.port in types[node].tap_ports or types[node].input_ports[report.port].policy.depth is None
    )

"""Latencies in a recording, and the distributions fitted to them. A worker is a node that infers actions.

Also makes the content of the latency file (YAML), from which a later launch draws its latencies.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rtgraph.graphs.reading.latency_file import LatencyFile, Measurements
from rtgraph.launch.latency.fitting import Fit, empirical, fitted, in_order
from rtgraph.launch.latency.samples import Durations, Edge
from rtgraph.nodes.runtime.latency import Cycle, Model
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay

Choice = Literal["empirical", "best", "sequence"]


@dataclass(frozen=True, slots=True)
class Latency:
    """Measured durations of one kind, and the distributions fitted to them.

    The durations are a worker's inference times, a worker's pauses between inferences, or the transport times over one edge (a
    connection from an output to a node).
    """

    name: str
    """The name of the worker or of the edge."""
    what: Literal["inference", "pause", "transport"]
    edge: Edge | None
    """The edge (connection from an output to a node) of transport times; None for the durations of a worker."""
    seen_by: str
    """Who measured the durations: the ``worker``, the ``receiver`` of the messages, or the ``recorder``."""
    durations_ms: list[float]
    fits: list[Fit]
    """The fitted distributions, the best fit first."""

    @property
    def best(self) -> Fit:
        """The fit with the lowest Bayesian information criterion."""
        return self.fits[0]

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of the durations, in ms: 0.5 is the median."""
        return float(np.quantile(self.durations_ms, share))

    def model(self, choice: Choice) -> Model:
        """Return a latency model of the durations.

        Args:
            choice: ``empirical`` for the measured distribution, ``best`` for the best fit, ``sequence`` for the durations in their order.
        """
        match choice:
            case "empirical":
                return empirical(self.durations_ms)
            case "best":
                return self.best.model
            case "sequence":
                return in_order(self.durations_ms)

    def as_json(self) -> dict[str, Any]:
        """Return statistics of the durations, and the fits, as JSON values."""
        return {
            "name": self.name,
            "what": self.what,
            **(
                {}
                if self.edge is None
                else {"source": self.edge.source, "port": self.edge.port, "target": self.edge.target}
            ),
            "measured_by": self.seen_by,
            "count": len(self.durations_ms),
            "mean_ms": float(np.mean(self.durations_ms)),
            "p50_ms": self.quantile_ms(0.5),
            "p99_ms": self.quantile_ms(0.99),
            "best": self.best.model.kind,
            "fits": {fit.model.kind: _fit_as_json(fit) for fit in self.fits},
        }


def latencies_of(found: Durations) -> list[Latency]:
    """Return the latencies in a recording, with their fits.

    The inference times of all workers come first, then the pauses of the workers, then the transport times of all edges.
    """
    names = sorted(found.workers, key=_natural)
    workers = [
        Latency(name, "inference", None, "worker", found.workers[name], fitted(found.workers[name]))
        for name in names
    ]
    workers += [
        Latency(name, "pause", None, "worker", found.pauses[name], fitted(found.pauses[name]))
        for name in names
        if any(found.pauses.get(name, ()))
    ]
    edges = []
    fits: dict[tuple[float, ...], list[Fit]] = {}
    for edge, values in sorted(found.edges.items(), key=lambda item: _natural(str(item[0]))):
        if values:
            key = tuple(
                values
            )  # the receivers of one output have one distribution, if the recorder measured it
            fits.setdefault(key, fitted(values) if key not in fits else fits[key])
            edges.append(Latency(str(edge), "transport", edge, found.seen_by[edge], values, fits[key]))
    return [*workers, *edges]


def latency_file(
    found: Durations, latencies: list[Latency], choice: Choice, rate_hz: float | None
) -> LatencyFile:
    """Return the latency file of a recording, with a latency model for each worker and each edge.

    If the messages of an output have the same latency model on their way to all replicas of a node, the replicas share one
    entry, with a pattern for their names.
    """
    return LatencyFile(
        rtgraph_latency=1,
        recording=Measurements(name=found.plan.name, world=found.plan.world, rate_hz=rate_hz),
        workers=_workers(latencies, choice),
        edges=tuple(_edges(latencies, choice)),
    )


def _workers(latencies: list[Latency], choice: Choice) -> dict[str, Model | Cycle]:
    pauses = {one.name: one.model(choice) for one in latencies if one.what == "pause"}
    return {
        one.name: Cycle(inference=one.model(choice), pause=pauses[one.name])
        if one.name in pauses
        else one.model(choice)
        for one in latencies
        if one.what == "inference"
    }


def _edges(latencies: list[Latency], choice: Choice) -> list[EdgeDelay]:
    groups: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    models: dict[tuple[str, str, str, str], Model] = {}
    for one in latencies:
        if one.edge is None:
            continue
        model = one.model(choice)
        pattern = re.sub(r"/\d+$", "/*", one.edge.target)
        key = one.edge.source, one.edge.port, pattern, model.model_dump_json()
        groups[key].append(one.edge.target)
        models[key] = model
    # A pattern must not cover replicas with another distribution.
    split = [key[:3] for key in groups]
    return [
        EdgeDelay(source=source, port=port, target=target, latency=models[source, port, pattern, text])
        for (source, port, pattern, text), targets in groups.items()
        for target in (
            targets if split.count((source, port, pattern)) > 1 or len(targets) == 1 else [pattern]
        )
    ]


def _fit_as_json(fit: Fit) -> dict[str, Any]:
    return {
        "bic": fit.bic if np.isfinite(fit.bic) else None,
        "parameters": {
            name: {"value": value, "error": error} for name, (value, error) in fit.parameters.items()
        },
    }


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]

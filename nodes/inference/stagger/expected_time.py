"""Algorithm 2 of Riemer et al., ICLR 2025: workers are spread evenly over the mean inference time (μ)."""

from __future__ import annotations

from collections.abc import Sequence

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.inference.stagger.method import CoordinatorStagger, StaggerMethod
from rtgraph.nodes.inference.stagger.ring import distances


class ExpectedTimeCoordinator(CoordinatorStagger):
    """Delays workers in proportion to the change δ of the mean inference time μ. The mean is over all workers.

    If δ ≥ 0, worker n is delayed by dist(n, self)·δ/N_I, else by (N_I − dist(n, self))·|δ|/N_I. Here self is the worker that
    reports a time, dist the distance in the cyclic order, and N_I the number of workers. Delays are rounded down to ns.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sum_ns = 0
        self._count = 0

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        self._sum_ns += inference_ns
        self._count += 1
        change_ns, self.mean_ns = self._sum_ns // self._count - self.mean_ns, self._sum_ns // self._count
        size = len(ring)
        if change_ns >= 0:
            return {other: behind * change_ns // size for other, behind in distances(ring, worker)}
        return {other: (size - behind) * -change_ns // size for other, behind in distances(ring, worker)}


class Method(StaggerMethod):
    """Publish decisions at once, and spread the starts of workers evenly over the mean inference time."""

    reports = True

    def coordinator(self, plant: PlantSpec, now_ns: int) -> CoordinatorStagger:
        return ExpectedTimeCoordinator()

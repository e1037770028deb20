"""Algorithm 1 of Riemer et al., ICLR 2025: every inference takes as long as the longest inference so far (m)."""

from __future__ import annotations

from collections.abc import Sequence

from rtgraph.msgs import PlantSpec, StaggerDelay
from rtgraph.nodes.inference.stagger.method import CoordinatorStagger, StaggerMethod, WorkerStagger
from rtgraph.nodes.inference.stagger.ring import distances


class MaximumTimeWorker(WorkerStagger):
    """Holds a finished decision until the time m has passed since the inference of this decision began.

    m is the longest inference time that this worker knows of: of its inferences so far, and of all workers' inference times that
    the coordinator has sent to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._maximum_ns = 0

    def apply_delay(self, delay: StaggerDelay) -> None:
        super().apply_delay(delay)
        self._maximum_ns = max(self._maximum_ns, delay.maximum_ns)

    def hold_ns(self, inference_ns: int) -> int:
        self._maximum_ns = max(self._maximum_ns, inference_ns)
        return self._maximum_ns - inference_ns


class MaximumTimeCoordinator(CoordinatorStagger):
    """Spreads the starts of workers evenly over the longest inference time so far (m).

    If a reported inference time τ is at least m, worker n is delayed by dist(n, self)·(τ − m)/N_I, then m ← τ. Here self is the worker
    that reports τ, dist the distance in the cyclic order, and N_I the number of workers. Delays are rounded down to ns.
    """

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        if inference_ns <= self.maximum_ns:
            return {}  # for τ = m there is no delay to add
        growth_ns, self.maximum_ns = inference_ns - self.maximum_ns, inference_ns
        return {other: behind * growth_ns // len(ring) for other, behind in distances(ring, worker)}


class Method(StaggerMethod):
    """Hold decisions for the longest inference time so far, and spread the starts of workers evenly over this time."""

    reports = True

    def worker(self) -> WorkerStagger:
        return MaximumTimeWorker()

    def coordinator(self, plant: PlantSpec, now_ns: int) -> CoordinatorStagger:
        return MaximumTimeCoordinator()

"""A stagger method: every decision is registered a fixed time after its observation."""

from __future__ import annotations

from rtgraph.nodes.inference.stagger import StaggerMethod, WorkerStagger

STEADY_NS = 250_000_000


class SteadyWorker(WorkerStagger):
    def hold_ns(self, inference_ns):
        return max(0, STEADY_NS - inference_ns)


class Steady(StaggerMethod):
    """Hold every decision until it is 0.25 s old."""

    def worker(self):
        return SteadyWorker()

"""The stagger methods: a worker's half and the coordinator's half.

A worker's half decides how long to hold a finished decision and how long to sleep before the next inference.
The coordinator's half turns inference times into delays for the other workers. Times are whole ns; shares of
a delay are floored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from rtgraph.msgs import StaggerDelay

MethodName = Literal["none", "maximum_time", "expected_time", "paced"]


class WorkerStagger(Protocol):
    """A worker's half of a stagger method."""

    def heard(self, delay: StaggerDelay) -> None:
        """Apply the coordinator's message."""
        ...

    def hold_ns(self, inference_ns: int) -> int:
        """Return how long to hold a decision that took ``inference_ns`` before it is registered."""
        ...

    def sleep_ns(self) -> int:
        """Return how long to sleep before the next inference, and clear it."""
        ...


class NoStagger:
    """Infer, register, infer again: workers of equal speed finish together."""

    def __init__(self) -> None:
        self._pending_ns = 0

    def heard(self, delay: StaggerDelay) -> None:
        self._pending_ns += delay.delay_ns

    def hold_ns(self, inference_ns: int) -> int:
        return 0

    def sleep_ns(self) -> int:
        pending, self._pending_ns = self._pending_ns, 0
        return pending


class MaximumTime(NoStagger):
    """Algorithm 1: hold every decision until the longest inference so far (m) would be over."""

    def __init__(self) -> None:
        super().__init__()
        self._maximum_ns = 0

    def heard(self, delay: StaggerDelay) -> None:
        super().heard(delay)
        self._maximum_ns = max(self._maximum_ns, delay.maximum_ns)

    def hold_ns(self, inference_ns: int) -> int:
        self._maximum_ns = max(self._maximum_ns, inference_ns)
        return self._maximum_ns - inference_ns


class ExpectedTime(NoStagger):
    """Algorithm 2: register at once; delays come only from changes of the mean inference time (μ)."""


def worker_stagger(method: MethodName) -> WorkerStagger:
    """Return a worker's half of a method (``paced`` workers neither hold nor sleep)."""
    return {"maximum_time": MaximumTime, "expected_time": ExpectedTime}.get(method, NoStagger)()


class CoordinatorStagger(Protocol):
    """The coordinator's half of a stagger method."""

    maximum_ns: int
    mean_ns: int

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        """Add an inference time; return the delay in ns for every other worker that must be delayed."""
        ...


class NoCoordination:
    """Delays no worker."""

    def __init__(self) -> None:
        self.maximum_ns = 0
        self.mean_ns = 0

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        return {}


class MaximumTimeCoordination(NoCoordination):
    """Algorithm 1 of Riemer et al., ICLR 2025: when τ ≥ m, delay n by dist(n, self)·(τ − m)/N_I; then m ← τ."""

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        if inference_ns <= self.maximum_ns:
            return {}  # for τ = m there is no delay to add
        growth_ns, self.maximum_ns = inference_ns - self.maximum_ns, inference_ns
        return {other: behind * growth_ns // len(ring) for other, behind in _distances(ring, worker)}


class ExpectedTimeCoordination(NoCoordination):
    """Algorithm 2 of Riemer et al., ICLR 2025: δ is the change of the mean inference time μ over all workers.

    If δ ≥ 0, worker n is delayed by dist(n, self)·δ/N_I, else by (N_I − dist(n, self))·|δ|/N_I.
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
            return {other: behind * change_ns // size for other, behind in _distances(ring, worker)}
        return {other: (size - behind) * -change_ns // size for other, behind in _distances(ring, worker)}


def coordinator_stagger(method: MethodName) -> CoordinatorStagger:
    """Return the coordinator's half of a method."""
    known: dict[str, type[NoCoordination]] = {
        "maximum_time": MaximumTimeCoordination,
        "expected_time": ExpectedTimeCoordination,
    }
    return known.get(method, NoCoordination)()


def _distances(ring: Sequence[str], worker: str) -> list[tuple[str, int]]:
    """Return every other worker, and its distance behind this one in the cycle."""
    if worker not in ring:
        return []
    here, size = ring.index(worker), len(ring)
    return [(other, (place - here) % size) for place, other in enumerate(ring) if other != worker]

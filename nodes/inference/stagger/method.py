"""A stagger method: what it needs of the graph, and its two halves, one for workers and one for the coordinator.

A worker's half decides how long to hold a finished decision and how long to sleep before the next inference.
The coordinator's half turns inference times into delays for the other workers, or *claims* observations: it gives each
observation to one worker. Times are whole ns. Both halves are plain objects without clock and sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from rtgraph.msgs import Observation, PlantSpec, StaggerDelay, WorkerState


class WorkerStagger:
    """A worker's half of a stagger method. By default it holds no decision, and sleeps for the delays that it received."""

    def __init__(self) -> None:
        self._pending_ns = 0

    def apply_delay(self, delay: StaggerDelay) -> None:
        """Add a delay that the coordinator has sent to the duration of the next sleep."""
        self._pending_ns += delay.delay_ns

    def hold_ns(self, inference_ns: int) -> int:
        """Return how many ns to hold a decision before publishing it, if its inference took ``inference_ns``."""
        return 0

    def sleep_ns(self) -> int:
        """Return how many ns to sleep before the next inference, and reset this duration to 0."""
        pending, self._pending_ns = self._pending_ns, 0
        return pending


class CoordinatorStagger:
    """The coordinator's half of a stagger method. By default it delays no worker and claims no observation."""

    def __init__(self) -> None:
        self.maximum_ns = 0
        """The longest inference time so far (m of Algorithm 1, Riemer et al., ICLR 2025), for the workers."""
        self.mean_ns = 0
        """The mean inference time (μ of Algorithm 2, Riemer et al., ICLR 2025), for the workers."""
        self.longest_ns = 0
        """The longest inference time known from the states of workers, for methods with claims; 0 while no time is known."""
        self.usual_ns = 0
        """The usual duration of an inference, from the coordinator's parameter ``inference_frames``; 0 if it is measured."""
        self.claim_ticks = 1
        """Minimum number of ticks between two claimed observations of an episode."""

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        """Add the inference time of ``worker``. Return the delay in ns of each other worker that must be delayed, by name.

        ``ring`` holds the names of the live workers in their cyclic order.
        """
        return {}

    def update_worker(self, state: WorkerState, now_ns: int) -> None:
        """Update the state of a worker. Called only for methods with claims."""

    def add_observation(self, observation: Observation) -> None:
        """Add the newest observation, which no worker has yet. Called only for methods with claims."""

    def awaits_observation(self) -> bool:
        """Return whether a worker is free, so that the next observation can be claimed for this worker.

        While no worker is free, the coordinator need not add observations. It adds the newest observation when a worker
        becomes free. Called only for methods with claims.
        """
        return True

    def next_claim(self, now_ns: int) -> tuple[str, int, Observation] | int | None:
        """Claim an observation for a worker. Called only for methods with claims.

        Returns:
            (worker, claim number, observation); the earliest time of the next claim in ns, if it is too early for a claim;
                None if there is no free worker or no observation to claim.
        """
        return None

    def forget(self, worker: str) -> None:
        """Remove a silent worker. Its next message adds it again."""


class StaggerMethod:
    """A stagger method: the gate that it needs in the plant, and the objects for its workers and its coordinator.

    To add a method, write a module with a subclass named ``Method`` and add the module's name to ``registry.METHODS``.
    """

    gate: ClassVar[Literal["latest", "playout"]] = "latest"
    """The gate of the plant for this method: the rule by which the plant applies decisions. The user can choose another gate."""
    claims: ClassVar[bool] = False
    """Whether the coordinator claims observations for workers (gives each observation to one worker).

    If it does not, each worker infers again and again, and the coordinator sends delays to the workers.
    """
    reports: ClassVar[bool] = False
    """Whether workers report how long each inference took, for the coordinator's ``report``."""

    def worker(self) -> WorkerStagger:
        """Return the object that decides, for one worker, how long to hold decisions and how long to sleep."""
        return WorkerStagger()

    def coordinator(self, plant: PlantSpec, now_ns: int) -> CoordinatorStagger:
        """Return the object that computes delays or claims, for the coordinator.

        Args:
            plant: the plant's spec.
            now_ns: the graph's time.
        """
        return CoordinatorStagger()

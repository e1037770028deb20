"""The interface of stagger methods, with one class for workers and one for the coordinator.

The worker's class decides how long to hold a finished decision, and how long to sleep before the next inference. The coordinator's
class computes delays from inference times, or makes *claims*: a claim assigns an observation to one worker. Times are whole ns.
Objects of both classes use no clock and no sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from rtgraph.msgs import Observation, PlantSpec, StaggerDelay, WorkerState


class WorkerStagger:
    """The part of a stagger method that runs in a worker.

    By default, the worker publishes each decision at once, and sleeps before its next inference for the delays that it received.
    """

    def __init__(self) -> None:
        self._pending_ns = 0

    def apply_delay(self, delay: StaggerDelay) -> None:
        """Make the next sleep longer by a delay from the coordinator."""
        self._pending_ns += delay.delay_ns

    def hold_ns(self, inference_ns: int) -> int:
        """Return how many ns to hold a decision before publishing it, if its inference took ``inference_ns``."""
        return 0

    def sleep_ns(self) -> int:
        """Return how many ns to sleep before the next inference, and reset this duration to 0."""
        pending, self._pending_ns = self._pending_ns, 0
        return pending


class CoordinatorStagger:
    """The part of a stagger method that runs in the coordinator. By default it delays no worker, and assigns no observation."""

    def __init__(self) -> None:
        self.maximum_ns = 0
        """m of Algorithm 1 (Riemer et al., ICLR 2025): the longest inference time so far. The coordinator sends it to the workers."""
        self.mean_ns = 0
        """μ of Algorithm 2 (Riemer et al., ICLR 2025): the mean inference time. The coordinator sends it to the workers."""
        self.longest_ns = 0
        """The longest inference time that workers reported in their states; 0 if unknown. Only for methods that assign observations."""
        self.usual_ns = 0
        """The usual duration of an inference in ns, from the parameter ``inference_frames`` of the coordinator; 0 if it is measured."""
        self.claim_ticks = 1
        """Minimum number of ticks between two assigned observations of an episode."""

    def report(self, ring: Sequence[str], worker: str, inference_ns: int) -> dict[str, int]:
        """Add the inference time of ``worker``. Return the delays in ns, a dict by the name of the worker to delay.

        ``ring`` holds the names of the live workers in cyclic order.
        """
        return {}

    def update_worker(self, state: WorkerState, now_ns: int) -> None:
        """Update the state of a worker. Called only for methods that assign observations to workers."""

    def add_observation(self, observation: Observation) -> None:
        """Add the newest observation, which no worker has yet. Called only for methods that assign observations to workers."""

    def awaits_observation(self) -> bool:
        """Return whether a worker is free, so that the next observation can be assigned to this worker.

        While no worker is free, the coordinator need not call ``add_observation``. When a worker becomes free, the coordinator
        calls ``add_observation`` with the newest observation. ``awaits_observation`` is called only for methods that assign
        observations.
        """
        return True

    def next_claim(self, now_ns: int) -> tuple[str, int, Observation] | int | None:
        """Claim an observation, i.e. assign it to a worker. Called only for methods that assign observations.

        Returns:
            Three possible values. A claim as (worker, claim number, observation). The earliest time of the next claim in ns, if it
                is too early now. None, if there is no free worker or no observation to claim.
        """
        return None

    def forget(self, worker: str) -> None:
        """Remove a silent worker. The worker is added again when it sends a message."""


class StaggerMethod:
    """A stagger method: the rule by which the plant applies decisions (the gate), a class for workers and a class for the coordinator.

    To add a method, write a module with a subclass named ``Method`` and add the module's name to ``registry.METHODS``.
    """

    gate: ClassVar[Literal["latest", "playout"]] = "latest"
    """The gate for this method: the rule by which the plant (environment or robot) applies decisions. The user can choose another
    gate.
    """
    claims: ClassVar[bool] = False
    """Whether the coordinator claims observations, i.e. assigns each one to a single worker.

    If it does not, each worker infers again and again, and the coordinator sends delays to the workers.
    """
    reports: ClassVar[bool] = False
    """Whether workers report how long each inference took, for the coordinator's ``report``."""

    def worker(self) -> WorkerStagger:
        """Return the object for a worker, which decides how long to hold decisions and how long to sleep."""
        return WorkerStagger()

    def coordinator(self, plant: PlantSpec, now_ns: int) -> CoordinatorStagger:
        """Return the object for the coordinator. This object computes delays or assigns observations.

        Args:
            plant: the spec of the plant's observations and actions.
            now_ns: the current time of the graph, in ns.
        """
        return CoordinatorStagger()

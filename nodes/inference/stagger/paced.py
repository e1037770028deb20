"""The stagger method ``paced``: the coordinator *claims* each observation for at most one worker, which infers from it.

A free worker gets the newest observation that is not claimed. Workers have no fixed order, so no worker waits for another one. With
few workers, not every observation can be used. Then the time between two claims is at least the mean inference time divided by the
number of workers, so that claims stay evenly spaced.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from rtgraph.msgs import Observation, PlantSpec, WorkerState
from rtgraph.nodes.inference.stagger.method import CoordinatorStagger, StaggerMethod
from rtgraph.nodes.inference.stagger.ring import natural_order
from rtgraph.nodes.runtime.clock import period_ns

SLOWEST_ADAPTATION = 0.02
LEASE_LEAST_NS = 1_000_000_000
LEASE_TIMES = 10
TIMES_KEPT = 400


@dataclass(slots=True)
class _Seat:
    """What ``Pacing`` knows of a worker: since when the worker is free, and the last observation assigned to it."""

    incarnation: int
    free_since_ns: int | None
    claim: int | None = None
    claimed_ns: int = 0
    suspect: bool = False


class Pacing(CoordinatorStagger):
    """Decides which worker uses which observation, and when. A claim is the assignment of an observation to a worker.

    Claims are numbered from ``first_claim``. After a restart of the coordinator, the new numbers must be higher than all earlier
    ones, because a worker ignores a claim with a number that is not higher.
    """

    _overdue_from_ns: int = 0
    """Up to this time, in ns, no worker can be late with its answer to a claim."""
    _high_ns: int | None = None
    """Quantile 0.99 of the latest inference times, in ns; None if it is not computed yet."""

    def __init__(self, rate_hz: float, first_claim: int = 0) -> None:
        super().__init__()
        self._period_ns = period_ns(rate_hz)
        self._seats: dict[str, _Seat] = {}
        self._newest: Observation | None = None
        self._claimed: tuple[int, int] | None = None
        """Episode and tick of the last observation assigned to a worker; None before the first one."""
        self._mean_ns = 0.0
        self._times: deque[int] = deque(maxlen=TIMES_KEPT)
        self._count = 0
        self._next_number = first_claim
        self._last_claim_ns: int | None = None

    def add_observation(self, observation: Observation) -> None:
        self._newest = observation

    def update_worker(self, state: WorkerState, now_ns: int) -> None:
        seat = self._seats.get(state.worker)
        if seat is None or state.incarnation > seat.incarnation:
            self._seats[state.worker] = _Seat(state.incarnation, None if state.busy else now_ns)
            return
        seat.suspect = False
        if state.busy and seat.claim == state.claim:
            seat.claimed_ns = now_ns  # it is alive: its lease starts again
        # The report was sent before the claim arrived: the worker is still busy with it, unless the claim was
        # lost.
        behind = seat.claim is not None and seat.claim != state.claim
        if state.busy or (behind and now_ns - seat.claimed_ns < self._lease_ns()):
            return
        if seat.free_since_ns is None:
            seat.free_since_ns = now_ns
            if state.inference_ns is not None and not behind:
                self._took(state.inference_ns)

    def forget(self, worker: str) -> None:
        self._seats.pop(worker, None)

    def awaits_observation(self) -> bool:
        free_since = [seat.free_since_ns for seat in self._seats.values()]
        return free_since.count(None) < len(free_since)

    def next_claim(self, now_ns: int) -> tuple[str, int, Observation] | int | None:
        """Claim the newest observation for the worker that has been free for the longest time. See ``CoordinatorStagger.next_claim``."""
        self._suspend_overdue(now_ns)
        if self._newest is None or not self._is_due(self._newest):
            return None
        free = [
            (seat.free_since_ns, name) for name, seat in self._seats.items() if seat.free_since_ns is not None
        ]
        if not free:
            return None
        earliest_ns = self._earliest_ns()
        if now_ns < earliest_ns:
            return earliest_ns
        since_ns = min(free)[0]
        longest = [name for free_since_ns, name in free if free_since_ns == since_ns]
        worker = longest[0] if len(longest) == 1 else min(longest, key=natural_order)
        seat, observation = self._seats[worker], self._newest
        self._newest = None
        self._claimed = observation.episode, observation.tick
        self._last_claim_ns = now_ns
        number = self._next_number
        self._next_number += 1
        seat.free_since_ns, seat.claim, seat.claimed_ns = None, number, now_ns
        return worker, number, observation

    def _is_due(self, observation: Observation) -> bool:
        """Return whether an observation may be assigned to a worker.

        An observation may be assigned if it is of another episode than the last assigned observation, or if it comes at least
        ``claim_ticks`` ticks after the last assigned observation.
        """
        if self._claimed is None:
            return True
        episode, tick = self._claimed
        return observation.episode != episode or not 0 <= observation.tick - tick < self.claim_ticks

    def _earliest_ns(self) -> int:
        live = [seat.suspect for seat in self._seats.values()].count(False)
        if self._last_claim_ns is None or not live or live * self._period_ns >= self._mean_ns:
            return 0
        return self._last_claim_ns + math.ceil(self._mean_ns / live)

    def _took(self, inference_ns: int) -> None:
        self._count += 1
        self._times.append(inference_ns)
        self._high_ns = None
        self.longest_ns = max(self.longest_ns, inference_ns)
        self._mean_ns += max(1 / self._count, SLOWEST_ADAPTATION) * (inference_ns - self._mean_ns)

    def _lease_ns(self) -> int:
        # Without a forward pass, as random actions are, the first times may be far below the usual one.
        if self._high_ns is None:
            self._high_ns = sorted(self._times)[99 * len(self._times) // 100] if self._times else 0
        return max(LEASE_LEAST_NS, LEASE_TIMES * max(self._high_ns, self.usual_ns))

    def _suspend_overdue(self, now_ns: int) -> None:
        """Exclude overdue workers from the number of workers that sets the pause between two claims.

        A worker is overdue if it has not answered its claim in time. It counts again when it reports. Its observation is not given to
        another worker.
        """
        if not self._times or now_ns <= self._overdue_from_ns:
            return
        # Claims are only renewed, so no claim is overdue earlier.
        claimed_ns = (seat.claimed_ns for seat in self._seats.values())
        self._overdue_from_ns = LEASE_LEAST_NS + min(claimed_ns, default=now_ns)
        overdue_ns = now_ns - self._lease_ns()
        for seat in self._seats.values():
            if seat.claimed_ns < overdue_ns and seat.free_since_ns is None and not seat.suspect:
                seat.suspect = seat.claim is not None


class Method(StaggerMethod):
    """Assign each observation to at most one worker.

    The plant's gate ``playout`` applies all decisions at the same age of the observation.
    """

    gate = "playout"
    claims = True

    def coordinator(self, plant: PlantSpec, now_ns: int) -> CoordinatorStagger:
        # Claims are numbered from the time: higher than those of a coordinator that this one replaces.
        return Pacing(plant.rate_hz, first_claim=now_ns)

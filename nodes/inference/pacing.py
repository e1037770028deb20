"""Paced claims: each observation goes to at most one worker, and a worker never waits for its turn.

A free worker gets the newest unclaimed observation. If there are fewer workers than frames in an inference,
claims are at least the mean inference time divided by the number of workers apart, so that they stay evenly
spaced.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from rtgraph.msgs import Observation, WorkerState
from rtgraph.nodes.runtime.clock import period_ns

SLOWEST_ADAPTATION = 0.02
LEASE_LEAST_NS = 1_000_000_000
LEASE_TIMES = 10
TIMES_KEPT = 400


@dataclass(slots=True)
class _Seat:
    """The pacer's state of a worker."""

    incarnation: int
    free_since_ns: int | None
    claim: int | None = None
    claimed_ns: int = 0
    suspect: bool = False


class Pacing:
    """Decides which worker uses which observation, and when. A plain object: no clock, no sockets.

    Claims are numbered from ``first_claim``; a pacer that replaces another must begin above its numbers.
    """

    def __init__(self, rate_hz: float, first_claim: int = 0) -> None:
        self._period_ns = period_ns(rate_hz)
        self._seats: dict[str, _Seat] = {}
        self._newest: Observation | None = None
        self._mean_ns = 0.0
        self._times: deque[int] = deque(maxlen=TIMES_KEPT)
        self._count = 0
        self._next_number = first_claim
        self._last_claim_ns: int | None = None
        self.longest_ns = 0

    def observed(self, observation: Observation) -> None:
        """Add an observation: it is now the newest, and unclaimed."""
        self._newest = observation

    def heard(self, state: WorkerState, now_ns: int) -> None:
        """Update the state of a worker."""
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
        """Remove a worker until it reports again."""
        self._seats.pop(worker, None)

    def next_claim(self, now_ns: int) -> tuple[str, int, Observation] | int | None:
        """Claim the newest observation for the worker that has been free the longest.

        Returns:
            (worker, claim number, observation); or the earliest time of the next claim, if it is too early;
                or None if there is no observation or no free worker.
        """
        self._suspect_the_late(now_ns)
        if self._newest is None:
            return None
        free = [
            (seat.free_since_ns, name) for name, seat in self._seats.items() if seat.free_since_ns is not None
        ]
        if not free:
            return None
        earliest_ns = self._earliest_ns()
        if now_ns < earliest_ns:
            return earliest_ns
        worker = min(free, key=lambda item: (item[0], natural_order(item[1])))[1]
        seat, observation = self._seats[worker], self._newest
        self._newest = None
        self._last_claim_ns = now_ns
        number = self._next_number
        self._next_number += 1
        seat.free_since_ns, seat.claim, seat.claimed_ns = None, number, now_ns
        return worker, number, observation

    def _earliest_ns(self) -> int:
        live = sum(not seat.suspect for seat in self._seats.values())
        if self._last_claim_ns is None or not live or live * self._period_ns >= self._mean_ns:
            return 0
        return self._last_claim_ns + math.ceil(self._mean_ns / live)

    def _took(self, inference_ns: int) -> None:
        self._count += 1
        self._times.append(inference_ns)
        self.longest_ns = max(self.longest_ns, inference_ns)
        self._mean_ns += max(1 / self._count, SLOWEST_ADAPTATION) * (inference_ns - self._mean_ns)

    def _lease_ns(self) -> int:
        if not self._times:
            return LEASE_LEAST_NS
        high = sorted(self._times)[99 * len(self._times) // 100]
        return max(LEASE_LEAST_NS, LEASE_TIMES * high)

    def _suspect_the_late(self, now_ns: int) -> None:
        """Suspend workers with overdue claims; their observations are not given to other workers."""
        overdue = [s for s in self._seats.values() if s.free_since_ns is None and not s.suspect]
        if overdue and self._times and any(now_ns - seat.claimed_ns > LEASE_LEAST_NS for seat in overdue):
            lease_ns = self._lease_ns()
            for seat in overdue:
                seat.suspect = seat.claim is not None and now_ns - seat.claimed_ns > lease_ns


def natural_order(name: str) -> tuple[str, int]:
    """Sort names by their numbers: worker/2 before worker/10."""
    head, _, tail = name.rpartition("/")
    return (head, int(tail)) if tail.isdigit() else (name, -1)

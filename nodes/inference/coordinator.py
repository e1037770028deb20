"""The coordinator of staggered inference. It spaces the starts of workers in time, or decides which worker gets which observation.

A *claim* gives one observation to one worker, so that no other worker uses this observation.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

from pydantic import Field

from rtgraph.msgs import (
    Claim,
    CoordinatorBeat,
    InferenceTime,
    Observation,
    PlantSpec,
    StaggerDelay,
    WorkerState,
)
from rtgraph.msgs.base import OWNED
from rtgraph.msgs.inference import ChunkOverlap
from rtgraph.nodes.inference.stagger import StaggerName, stagger_method
from rtgraph.nodes.inference.stagger.ring import natural_order
from rtgraph.nodes.runtime import Input, Node, Output, Params, Timer, Urgency, latest, queue
from rtgraph.nodes.runtime.clock import frames_ns

BEAT_PERIOD_NS = 200_000_000
# Attributes of enums and of pydantic's classes take long to look up.
_TIMER, _claim_of, _delay_of = Urgency.TIMER, Claim.unchecked, StaggerDelay.unchecked


class CoordinatorParams(Params):
    """The parameters of the coordinator."""

    plant: PlantSpec
    """The observations and actions of the plant (environment or robot): `${spec:plant}`."""
    stagger: StaggerName = "paced"
    """The stagger method. The workers must have the same method."""
    chunk: int = Field(default=1, ge=1, exclude_if=lambda chunk: chunk == 1)
    """Number of successive ticks for which an inference gives actions."""
    overlap: ChunkOverlap = Field(default="newest", exclude_if=lambda overlap: overlap == "newest")
    """With ``none``, at least ``chunk`` ticks lie between two observations of an episode that workers get. So a chunk of actions
    ends before the next chunk begins.
    """
    inference_frames: float = Field(default=0.0, ge=0, exclude_if=operator.not_)
    """The mean duration of an inference in frames; 0 if it is measured. A worker is removed if it is silent for longer than
    the longest of three times: 2 s, ten times this duration, ten times the longest inference.
    """
    claim_at_ticks: bool = Field(default=False, exclude_if=operator.not_)
    """Whether workers get only observations that have just arrived. If false, a worker that becomes free may get an older one."""
    skips_observations: bool = Field(default=False, exclude_if=operator.not_)
    """Whether observations wait while all workers are busy. The newest of them is read when a worker becomes free.

    False for recordings from before this field existed.
    """


@dataclass(slots=True)
class _Member:
    """What the coordinator knows of a worker: how often it was restarted, and when its last state arrived."""

    incarnation: int
    seen_ns: int


class Coordinator(Node[CoordinatorParams]):
    """Coordinates the workers by a stagger method. Messages are handled one at a time, so there are no races.

    Some methods delay workers: a worker receives the time to sleep before its next inference. Other methods assign each observation to
    at most one worker. The message that assigns an observation is the claim. The method ``none`` does neither.

    If the method delays workers, a new or restarted worker receives the inference time that the method has computed so far. A worker
    that stays silent is removed until it sends a message.
    """

    only_reads = True

    inference_time = Input(InferenceTime, queue(4096), many=True, optional=True)
    state = Input(WorkerState, queue(4096), many=True, optional=True)
    observation = Input(Observation, latest, read_only=True)
    stagger = Output(StaggerDelay, keyed=True)
    claim = Output(Claim, keyed=True)
    beat = Output(CoordinatorBeat)

    def on_prepare(self) -> None:
        """Import the module of the stagger method before the run starts."""
        stagger_method(self.params.stagger)

    def on_start(self) -> None:
        """Start without workers. Workers announce themselves."""
        method = stagger_method(self.params.stagger)
        self._claims = method.claims
        self._method = method.coordinator(self.params.plant, self.now_ns)
        self._method.claim_ticks = self.params.chunk if self.params.overlap == "none" else 1
        self._members: dict[str, _Member] = {}
        self._ring: list[str] = []
        self._method.usual_ns = frames_ns(self.params.inference_frames, self.params.plant.rate_hz)
        self._longest_ns = 0
        self._timer: Timer | None = None
        if not self._claims:
            self.observation.pause()
        self.every(BEAT_PERIOD_NS, self._beat)
        self._beat()

    def on_state(self, state: WorkerState) -> None:
        """Update the state of a worker. A free worker may get an observation now."""
        member = self._members.get(state.worker)
        if member is not None and state.incarnation < member.incarnation:
            return
        if member is None or state.incarnation > member.incarnation:
            self._members[state.worker] = _Member(state.incarnation, self.now_ns)
            self._ring = sorted(self._members, key=natural_order)
            self._send_delay(state.worker, 0)
        else:
            member.seen_ns = self.context.now_ns()
        if self._claims:
            self._method.update_worker(state, self.context.now_ns())
            if not self.params.claim_at_ticks:
                self._claim_at(self.context.now_ns())

    def on_inference_time(self, report: InferenceTime) -> None:
        """Delay the other workers. The stagger method computes the delays from the duration of one worker's inference."""
        for worker, delay_ns in self._method.report(self._ring, report.worker, report.inference_ns).items():
            self._send_delay(worker, delay_ns)
        self._longest_ns = max(self._longest_ns, report.inference_ns)

    def on_observation(self, observation: Observation) -> None:
        """Give a new observation to the worker that has been free for the longest time.

        If no worker is free, or if it is too early for the next claim, no worker gets it now.
        """
        self._method.add_observation(observation)
        self._claim_at(self.context.now_ns())

    def _claim_at(self, due_ns: int) -> None:
        """Schedule the next assignment of an observation to a worker. All messages of the same instant are handled first."""
        if self._timer is not None:
            if self._timer.due_ns == due_ns:
                return
            self._timer.cancel()
        self._timer = self.context.at(due_ns, self._claim, _TIMER)

    def _claim(self) -> None:
        self._timer = None
        newest = self.observation.take()
        if newest is not None:  # it came while all workers were busy
            self._method.add_observation(newest)
        claimed = self._method.next_claim(self.context.now_ns())
        if isinstance(claimed, int):
            if not self.params.claim_at_ticks:
                self._claim_at(claimed)
        elif claimed is not None:
            worker, number, observation = claimed
            claim = _claim_of(
                {
                    "header": OWNED,
                    "number": number,
                    "worker": worker,
                    "incarnation": self._members[worker].incarnation,
                    "observation": observation,
                }
            )
            self.claim.publish(claim, of=observation, key=worker)
        if self._method.awaits_observation():
            self.observation.unmute()
        elif self.params.skips_observations and not self.params.claim_at_ticks:
            self.observation.mute()

    def _send_delay(self, worker: str, delay_ns: int) -> None:
        if self._claims:
            return
        values = {
            "header": OWNED,
            "delay_ns": delay_ns,
            "maximum_ns": self._method.maximum_ns,
            "mean_ns": self._method.mean_ns,
        }
        self.stagger.publish(_delay_of(values), key=worker)

    def _beat(self) -> None:
        self._remove_silent_workers()
        self.beat.publish(
            CoordinatorBeat.unchecked(
                {"header": OWNED, "method": self.params.stagger, "live_workers": len(self._ring)}
            )
        )

    def _remove_silent_workers(self) -> None:
        """Remove workers that have been silent for too long.

        The limit is ten times the longest inference time reported so far, or ten times the time in ``inference_frames`` if that is
        greater. It is at least 2 s. No worker is removed before an inference time has been reported.
        """
        longest_ns = max(self._longest_ns, self._method.longest_ns)
        if not longest_ns:
            return
        lease_ns = max(2_000_000_000, 10 * max(longest_ns, self._method.usual_ns))
        silent = [name for name, member in self._members.items() if self.now_ns - member.seen_ns > lease_ns]
        if not silent:
            return
        for name in silent:
            self.log.warning("worker %s sends no messages any more, and is removed until it sends one", name)
            del self._members[name]
            self._method.forget(name)
        self._ring = sorted(self._members, key=natural_order)

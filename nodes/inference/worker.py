"""An inference worker: one of several processes that run the same policy, staggered in time."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rtgraph.msgs import (
    Claim,
    CoordinatorBeat,
    Decision,
    InferenceTime,
    Observation,
    PlantSpec,
    StaggerDelay,
    WeightsVersion,
    WorkerState,
)
from rtgraph.msgs.array import Array
from rtgraph.msgs.base import OWNED, UNSENT
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.isolation import LEAST, MOST
from rtgraph.msgs.pending import with_pending
from rtgraph.msgs.plant import empty_observation
from rtgraph.nodes.inference.chunks import ChunkPolicy, NetworkChunkPolicy
from rtgraph.nodes.inference.policies import check_policy, make_policy, must_see
from rtgraph.nodes.inference.policy import Act, EpsilonGreedyParams, Policy, PolicyParams
from rtgraph.nodes.inference.stagger import StaggerName, stagger_method
from rtgraph.nodes.inference.stagger.registry import METHOD_MODULES
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest, queue
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.latency import (
    AnyModel,
    Constant,
    Cycle,
    Draw,
    LatencyParams,
    Measured,
    latency_of,
    pauses_of,
)
from rtgraph.nodes.weights.weights import weights_named

STATE_PERIOD_NS = 500_000_000
BEAT_TIMEOUT_NS = 500_000_000
WARM_UP_INFERENCES = 2
# Attributes of pydantic's classes take long to look up.
_decision_of, _state_of = Decision.unchecked, WorkerState.unchecked


class WorkerParams(Params):
    """The parameters of an inference worker."""

    plant: PlantSpec
    """The observations and actions of the plant (environment or robot): `${spec:plant}`."""
    policy: PolicyParams
    """The policy π, which chooses the actions."""
    latency: LatencyParams = Measured()
    """The duration of an inference. In real time, an inference that finishes earlier waits until this duration is over."""
    stagger: StaggerName = "paced"
    """The stagger method. The coordinator must have the same method."""
    chunk: int = Field(default=1, ge=1, le=1000, exclude_if=lambda chunk: chunk == 1)
    """Number of successive ticks for which an inference gives actions."""

    @property
    def pending_slots(self) -> int:
        """Number of pending actions (decided, not yet applied) that the policy sees; 0 if it sees none."""
        return 0

    @property
    def seen(self) -> PlantSpec:
        """What the network reads, as a spec: an observation, the pending actions, and the earlier actions of the chunk.

        A chunk holds the actions that one inference gives for successive ticks. The network computes these actions one by one. For
        each action, the network reads the actions of the chunk that it has already computed.
        """
        return with_pending(self.plant, self.pending_slots + self.chunk - 1)


class Worker(Node[WorkerParams]):
    """Infers from observations, again and again, and publishes decisions.

    A claim is a message with which the coordinator gives an observation to one worker. With a stagger method without claims,
    the worker reads the newest observation, infers, and begins again, even if it used the observation before. With claims
    (``paced``) the worker infers only from the observations that the coordinator gives to it, once from each. If the
    coordinator is silent for half a second, the worker runs without claims until the next claim arrives.

    The worker uses the newest announced version of its weights. It switches to a newer version only between two inferences.
    """

    agrees_on: ClassVar = {"claim": ("stagger",), "stagger": ("stagger",), "beat": ("stagger",)}
    imports_later = METHOD_MODULES

    observation = Input(Observation, latest, read_only=True)
    claim = Input(Claim, queue(8), keyed=True, optional=True, read_only=True)
    stagger = Input(StaggerDelay, queue(4096), keyed=True, optional=True)
    beat = Input(CoordinatorBeat, latest, optional=True)
    weights = Input(WeightsVersion, latest, optional=True)
    decision = Output(Decision)
    inference_time = Output(InferenceTime)
    state = Output(WorkerState)

    _known: Array | None = None
    """The pending actions (decided, not yet applied) that the policy knew at its last decision; None if the policy sees none."""

    @classmethod
    def check(cls, params: WorkerParams) -> None:
        """Check the class of a scripted policy: it can be imported, accepts the parameters, and has a method ``act``."""
        check_policy(params.policy, params.plant)

    @classmethod
    def check_placement(cls, params: WorkerParams, placement: Placement) -> None:
        """Check that the weights exist, and that the network reads as many pending actions as the worker sees.

        In virtual time, also check that inferences take time.
        """
        if isinstance(params.policy, EpsilonGreedyParams):
            must_see(weights_named(placement.weights, params.policy.weights), params.seen)
        latency = latency_of(params.latency, placement.name)
        draw = latency.draws(generator(0, placement.name, 0), params.plant.rate_hz)
        if not placement.realtime:
            _must_take_time(placement.name, latency, draw)

    def on_prepare(self) -> None:
        """Make the policy. In real time, also run it a few times, because the first passes are slow."""
        params = self.params
        stagger_method(params.stagger)  # imports it before the world runs
        self._policy = self._make_policy()
        self._versions = _Versions()
        latency = latency_of(params.latency, self.name)
        self._draw = latency.draws(self.rng, params.plant.rate_hz)
        self._draw_pause: Draw | None = None
        if not self.context.launch_context.realtime:
            _must_take_time(self.name, latency, self._draw)
            self._draw_pause = pauses_of(latency, self.rng, params.plant.rate_hz)
        if self.context.launch_context.realtime:
            self._warm_up()

    def _make_policy(self) -> Policy:
        params = self.params
        policy = make_policy(params.policy, params.plant, self.rng, self.context.launch_context)
        if params.chunk == 1:
            return policy
        if isinstance(params.policy, EpsilonGreedyParams):
            return NetworkChunkPolicy(policy, params.plant.action, params.chunk, params.pending_slots)
        return ChunkPolicy(policy, params.chunk)

    def on_start(self) -> None:
        """Announce the worker to the coordinator. The first inference begins with the first observation or claim."""
        method = stagger_method(self.params.stagger)
        self._method = method.worker()
        self._paced, self._reports = method.claims, method.reports
        self._idle = True
        self._goes_on = False
        self._decisions = 0
        self._claimed: int | None = None
        self._last_inference_ns: int | None = None
        self._began_life_ns = self.now_ns
        if self._paced:
            self.observation.pause()
            self.every(BEAT_TIMEOUT_NS // 2, self._check_coordinator)
        self.every(STATE_PERIOD_NS, self._publish_state)
        self._publish_state()

    def on_params(self, changed: frozenset[str]) -> None:
        """Pass the changed parameters to the policy."""
        self._policy.change(self.params.policy)

    def on_observation(self, observation: Observation) -> None:
        if not self._goes_on:
            self._begin(observation)

    def result(self) -> dict[str, Any]:
        """Return which versions of the weights were used.

        Empty without weights, or if only version 0 was used and no announced version was missed.
        """
        versions = self._versions.versions()
        # Weights that never change need no report.
        return (
            {"policy_versions": versions}
            if versions["last"] or versions["switches"] or versions["missed"]
            else {}
        )

    def on_weights(self, announced: WeightsVersion) -> None:
        """Use the announced weights from the next inference on."""
        if not self._policy.adopt(announced):
            # The slot already holds another version, so a newer announcement is on its way.
            self._versions.missed += 1

    def on_claim(self, claim: Claim) -> None:
        """Infer from the observation that the coordinator has assigned to this worker.

        Do not infer if the claim (the message) is outdated, or was meant for this worker before its restart. Send the worker's
        state instead.
        """
        stale = self._claimed is not None and claim.number <= self._claimed
        if stale or claim.incarnation != self.context.identity.incarnation:
            self._publish_state()
            return
        self.observation.pause()
        self._claimed = claim.number
        self._begin(claim.observation)

    def _begin(self, observation: Observation) -> None:
        announced = self.weights.take()
        if announced is not None:  # it came while the worker was busy
            self.on_weights(announced)
        self._idle = False
        self._observed = observation
        self._began_ns = self.context.now_ns()
        self._infer(observation)

    def _infer(self, observation: Observation) -> None:
        """Choose an action for the observation. Then stay busy until the duration of the inference is over."""
        self._act: Act = self._policy.act(observation.value, observation.tick)
        self._versions.acted_with(self._policy.version)
        elapsed_ns = self.context.now_ns() - self._began_ns
        self.context.spend(max(0, self._draw() - elapsed_ns), self._finished)

    def _finished(self) -> None:
        self._last_inference_ns = inference_ns = self.context.now_ns() - self._began_ns
        if self._reports:
            self.inference_time.publish(
                InferenceTime(
                    worker=self.name, incarnation=self.context.identity.incarnation, inference_ns=inference_ns
                )
            )
            self._apply_delays()
        hold_ns = self._method.hold_ns(inference_ns)
        if hold_ns:
            self.spend(hold_ns, self._register)
        else:
            self._register()

    def _register(self) -> None:
        self.decision.publish(self._decision(), of=self._observed)
        self._decisions += 1
        self._idle = True
        if self._paced:
            # Sent at once: the coordinator claims at the end of this instant.
            self._publish_state()
        if not self.observation.paused:
            self._goes_on = True
            self.after(0, self._next)

    def _decision(self) -> Decision:
        action = self._act.action
        values = {
            "header": OWNED,
            "worker": self.context.identity.name,
            "number": self._decisions,
            "action": action,
            "began_ns": self._began_ns,
            "inference_ns": self._last_inference_ns or 0,
            "policy_version": self._policy.version or 0,
            "explored": self._act.explored,
            "pending": self._known,
            "chunk": self._act.chunk,
            "seen": (),
        }
        # All but the actions is counted here, or comes from rtgraph's policies.
        alone = self._known is None and self._act.chunk is None
        valid = type(action) is int and LEAST <= action <= MOST and alone
        return _decision_of(values) if valid else Decision(**values | {"header": UNSENT})

    def _next(self) -> None:
        """Begin the next inference without waiting for a claim. A timer calls this after the messages and ticks of the instant."""
        self._apply_delays()
        sleep_ns = self._method.sleep_ns()
        if self._draw_pause is not None:
            sleep_ns += self._draw_pause()
        if sleep_ns:
            self.spend(sleep_ns, self._slept)
        else:
            self._begin_newest()

    def _slept(self) -> None:
        self.after(0, self._begin_newest)

    def _begin_newest(self) -> None:
        self._goes_on = False
        if self.observation.paused or self.claim.inbox:
            return  # claims are back in control
        newest = self.observation.read_newest()
        if newest is not None:
            self._begin(newest)

    def _apply_delays(self) -> None:
        for delay in self.stagger.take_all():
            self._method.apply_delay(delay)

    def _publish_state(self) -> None:
        identity = self.context.identity
        state = _state_of(
            {
                "header": OWNED,
                "worker": identity.name,
                "incarnation": identity.incarnation,
                "busy": not self._idle,
                "claim": self._claimed,
                "inference_ns": self._last_inference_ns,
            }
        )
        self.state.publish(state)

    def _check_coordinator(self) -> None:
        """Infer without the coordinator if it has been silent for too long."""
        beat = self.beat.newest
        heard_ns = self._began_life_ns if beat is None else beat.header.stamp_ns
        if self.observation.paused and self.now_ns - heard_ns > BEAT_TIMEOUT_NS:
            self.log.warning("no message from the coordinator: inferring without staggering until it is back")
            self.observation.resume()

    def _warm_up(self) -> None:
        """Run the policy a few times before the run starts. The first passes are slow, and statistics must exclude them."""
        empty = empty_observation(self.params.plant)
        for _ in range(WARM_UP_INFERENCES):
            self._policy.warm_up(empty)


def _must_take_time(name: str, latency: AnyModel, draw: Draw) -> None:
    """Check that inferences take time in virtual time. Otherwise the node would infer without end at one instant.

    Raises:
        NodeError: the latency is measured, or constant and 0.
    """
    inference = latency.inference if isinstance(latency, Cycle) else latency
    if isinstance(inference, Measured | Constant) and draw() == 0:
        raise NodeError(
            f"{name}: inferences need a duration in the virtual world, which cannot measure it",
            hint="give latency_frames=N, or latency_file=FILE with measured times, made by `rtgraph bag latency`",
        )


class _Versions:
    """Counts which versions of the weights a worker has used."""

    def __init__(self) -> None:
        self.missed = 0
        self._first: int | None = None
        self._last: int | None = None
        self._switches = 0

    def acted_with(self, version: int | None) -> None:
        if self._first is None:
            self._first = version
        elif version != self._last:
            self._switches += 1
        self._last = version

    def versions(self) -> dict[str, Any]:
        return {
            "first": self._first,
            "last": self._last,
            "switches": self._switches,
            "missed": self.missed,
        }

"""An agent without staggering: one process that alternates between inference and learning."""

from __future__ import annotations

from typing import Literal

from rtgraph.msgs import Decision, Observation, PlantSpec, SampledBatch
from rtgraph.nodes.inference.policies import check_policy, make_policy, must_see
from rtgraph.nodes.inference.policy import EpsilonGreedyParams
from rtgraph.nodes.learner.learning import Learning, LearningParams
from rtgraph.nodes.runtime import Input, Output, Placement, latest
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.latency import LatencyParams, Measured, latency_of
from rtgraph.nodes.weights.weights import weights_named


class SequentialParams(LearningParams):
    """The parameters of the sequential agent, which infers and learns in one process."""

    plant: PlantSpec
    """The observations and actions of the plant (environment or robot): `${spec:plant}`."""
    policy: EpsilonGreedyParams
    """The parameters of the policy π, which chooses the actions."""
    order: Literal["infer_learn", "learn_infer"] = "infer_learn"
    """Whether the agent infers before it learns, or learns before it infers, each time it has received an observation."""
    inference: LatencyParams = Measured()
    """The duration of an inference. In real time, an inference that finishes earlier waits until this duration is over."""


class SequentialAgent(Learning[SequentialParams]):
    """Takes the newest observation, infers and learns one after the other, and starts again with the next observation.

    ``infer_learn`` infers before it learns, as Travnik et al. (2018) advise. Then the observation is one inference old when the
    action is ready. With ``learn_infer`` the observation is older by the duration of an update. The two orders are the sequential
    baselines of Riemer et al. (ICLR 2025). With either order, the time between two actions is the duration of an inference plus the
    duration of an update. An observation is used once at most. If no batch is available, the agent skips the update.
    """

    observation = Input(Observation, latest)
    decision = Output(Decision)

    def on_prepare(self) -> None:
        """Make the network, and the policy that acts with it."""
        super().on_prepare()
        params, launch_context = self.params, self.context.launch_context
        self._policy = make_policy(params.policy, params.plant, self.rng, launch_context)
        self._draw_inference = latency_of(params.inference, self.name).draws(self.rng, params.plant.rate_hz)

    @classmethod
    def check(cls, params: SequentialParams) -> None:
        """Check the policy with `check_policy`, as a worker does."""
        check_policy(params.policy, params.plant)

    @classmethod
    def check_placement(cls, params: SequentialParams, placement: Placement) -> None:
        """Check also the inference latency and the policy's weights.

        The weights must exist, and their network must read as many pending actions as the plant's observations contain.
        """
        super().check_placement(params, placement)
        must_see(weights_named(placement.weights, params.policy.weights), params.plant)
        inference = latency_of(params.inference, placement.name)
        inference.draws(generator(0, placement.name, 0), params.plant.rate_hz)

    def on_params(self, changed: frozenset[str]) -> None:
        """Pass the changed parameters to the policy."""
        self._policy.change(self.params.policy)

    def on_start(self) -> None:
        """Publish the first version of the weights, and wait for the first observation."""
        super().on_start()
        self._decisions = 0
        self._in_turn = False
        self._waiting: SampledBatch | None = None
        self.begin_requests(self.owner.updater.version)

    def on_batch(self, message: SampledBatch) -> None:
        """Keep the batch until it is time to learn."""
        if self.answers(message):
            self._waiting = message

    def on_observation(self, observation: Observation) -> None:
        """Begin a turn (infer and learn), unless a turn is in progress."""
        if not self._in_turn:
            self._begin(observation)

    def publish_weights(self) -> None:
        """Publish the weights, and use them for the next inference."""
        super().publish_weights()
        if self.shown is not None:
            self._policy.adopt(self.shown)

    def _begin(self, observation: Observation) -> None:
        self._in_turn = True
        self._observed = observation
        if self.params.order == "infer_learn":
            self._infer()
        else:
            self._learn()

    def _infer(self) -> None:
        self._began_ns = self.now_ns
        self._act = self._policy.act(self._observed.value, self._observed.tick)
        self._version = self._policy.version
        self.spend(max(0, self._draw_inference() - (self.now_ns - self._began_ns)), self._inferred)

    def _inferred(self) -> None:
        self.decision.publish(
            Decision(
                worker=self.name,
                number=self._decisions,
                action=self._act.action,
                explored=self._act.explored,
                began_ns=self._began_ns,
                inference_ns=self.now_ns - self._began_ns,
                policy_version=self._version or 0,
            ),
            of=self._observed,
        )
        self._decisions += 1
        # The next step comes after all other events of this instant.
        self.after(0, self._learn if self.params.order == "infer_learn" else self._end)

    def _learn(self) -> None:
        message, self._waiting = self._waiting, None
        if message is not None and self.compute(message):
            self.spend(self.left_ns(), self._learned)
        else:
            self._go_on()

    def _learned(self) -> None:
        self.computed()
        self.after(0, self._go_on)

    def _go_on(self) -> None:
        """After learning, infer or end the turn (infer and learn), depending on ``order``."""
        if self.params.order == "learn_infer":
            self._infer()
        else:
            self._end()

    def _end(self) -> None:
        """End the turn (infer and learn), and begin the next one if there is a newer observation."""
        self._in_turn = False
        newest = self.observation.read_newest()
        if newest is not None and newest is not self._observed:
            self._begin(newest)

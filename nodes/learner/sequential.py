"""The agents that do not stagger: one process that infers and learns in turn, so that each waits for the other."""

from __future__ import annotations

from typing import Literal

from rtgraph.msgs import Decision, Observation, PlantSpec, SampledBatch
from rtgraph.nodes.inference.latency import LatencyParams, Measured
from rtgraph.nodes.inference.policies import check_policy, make_policy
from rtgraph.nodes.inference.policy import EpsilonGreedyParams
from rtgraph.nodes.learner.learning import Learning, LearningParams
from rtgraph.nodes.runtime import Input, Output, Placement, latest
from rtgraph.nodes.runtime.context import generator
from rtgraph.nodes.weights.weights import weights_named


class SequentialParams(LearningParams):
    """What a sequential agent is told."""

    plant: PlantSpec
    """What the plant takes and gives: `${spec:plant}`."""
    policy: EpsilonGreedyParams
    """What chooses actions (π)."""
    order: Literal["infer_learn", "learn_infer"] = "infer_learn"
    """Whether it acts on an observation before it learns, or learns first."""
    inference: LatencyParams = Measured()
    """How long an inference takes; in real time, what it is padded to."""


class SequentialAgent(Learning[SequentialParams]):
    """Takes the newest observation, infers and learns, one after the other, and begins again with the next.

    ``infer_learn`` acts before it learns, as Travnik et al. (2018) advise, so an action is as old as an inference
    takes; with ``learn_infer`` it is older by an update. Either way the time between two actions is that of both
    (the baselines of Riemer et al., ICLR 2025). No observation is used twice. Where the replay memory allows no
    update, it acts without one.
    """

    observation = Input(Observation, latest)
    decision = Output(Decision)

    def on_prepare(self) -> None:
        """Make the network, and the policy that acts with it."""
        super().on_prepare()
        params, launch_context = self.params, self.context.launch_context
        self._policy = make_policy(params.policy, params.plant, self.rng, launch_context)
        self._draw_inference = params.inference.draws(self.rng, params.plant.rate_hz)

    @classmethod
    def check(cls, params: SequentialParams) -> None:
        """Check that the policy fits the plant."""
        check_policy(params.policy, params.plant)

    @classmethod
    def check_placement(cls, params: SequentialParams, placement: Placement) -> None:
        """Check also that the policy's weights are there, and what inferences take can be read."""
        super().check_placement(params, placement)
        weights_named(placement.weights, params.policy.weights)
        params.inference.draws(generator(0, placement.name, 0), params.plant.rate_hz)

    def on_params(self, changed: frozenset[str]) -> None:
        """Let the policy have what was changed of it."""
        self._policy.change(self.params.policy)

    def on_start(self) -> None:
        """Begin with the first observation."""
        super().on_start()
        self._decisions = 0
        self._in_turn = False
        self._waiting: SampledBatch | None = None
        self.begin_asking(self.owner.updater.version)

    def on_batch(self, message: SampledBatch) -> None:
        """Keep the batch until it is time to learn."""
        if self.answers(message):
            self._waiting = message

    def on_observation(self, observation: Observation) -> None:
        """Take a turn, unless one is under way."""
        if not self._in_turn:
            self._begin(observation)

    def show(self) -> None:
        """Show the weights, and act with them from the next inference on."""
        super().show()
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
        # What follows waits until everything else of this instant has happened.
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
        """Do what comes after learning."""
        if self.params.order == "learn_infer":
            self._infer()
        else:
            self._end()

    def _end(self) -> None:
        """Begin the next turn, if there is a newer observation."""
        self._in_turn = False
        newest = self.observation.read_newest()
        if newest is not None and newest is not self._observed:
            self._begin(newest)

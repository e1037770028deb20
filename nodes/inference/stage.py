"""A network in stages (a pipeline). Each stage is a node that runs a part of the network, after the stage before it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import PositiveInt

from rtgraph.msgs import Decision, Features, Lineage, Observation, PlantSpec, WeightsVersion
from rtgraph.msgs.array import Array
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.pending import PIPELINE, Pipeline, with_later
from rtgraph.nodes.inference.layers import Layers, RandomLayers, ScriptedLayers
from rtgraph.nodes.inference.policy import (
    Act,
    EpsilonGreedyParams,
    PolicyParams,
    ScriptedParams,
    script_class,
)
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest
from rtgraph.nodes.runtime.classes.loading import call_problem
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.latency import Constant, LatencyParams, latency_of
from rtgraph.nodes.weights.weights import weights_named


class StageParams(Params):
    """The parameters of the stages of a pipeline."""

    plant: PlantSpec
    """The observations and actions of the plant (environment or robot): `${spec:plant}`."""
    stages: PositiveInt
    """L, the number of stages. The node has L replicas (processes), one per stage."""
    policy: PolicyParams
    """The network. ``scripted``: a user's class with a method ``layer(stage, features, observation)``. It returns features; for the
    last stage, the action. ``epsilon_greedy``: learned weights. The first stage gets no features (None). Further stages get an
    observation only with ``skip``.
    """
    skip: bool = False
    """Whether all stages after the first also see the newest observation (temporal skip connections)."""
    latency: LatencyParams = Constant(frames=1.0)
    """The duration of a stage. In real time, a stage that finishes earlier waits until this duration is over."""


class Stage(Node[StageParams]):
    """Runs one stage of a network, and passes the features to the next stage. The last stage publishes decisions.

    The stages are the replicas of one node, in order. While one stage works on an observation, the stage before it works on a newer
    one. With L stages of one tick each, every tick has a decision. The first stage's observation is then L ticks old when the
    action is applied. With ``skip`` every later stage also sees the observation that is the newest when the stage begins. The last
    stage then sees an observation that is only one tick old when the action is applied.
    Source: Anokin et al., "Handling Delay in Real-Time Reinforcement Learning", ICLR 2025.

    The age of a decision counts from the first stage's observation. With ``skip``, ``seen`` of the decision gives the ticks of the
    observations that the later stages saw. Each stage uses the newest announced version of the weights, and switches to a newer
    version between two inferences.
    """

    params_type: ClassVar[type[Params]] = StageParams

    observation = Input(Observation, latest)
    features = Input(Features, latest, keyed=True, many=True, optional=True)
    weights = Input(WeightsVersion, latest, optional=True)
    passed = Output(Features, keyed=True)
    decision = Output(Decision)

    @classmethod
    def check(cls, params: StageParams) -> None:
        """Check that the class of a scripted network can be imported, accepts the parameters, and has a method ``layer``."""
        if not isinstance(params.policy, ScriptedParams):
            return
        made = script_class(params.policy)
        if problem := call_problem(made, **params.policy.params):
            raise NodeError(
                f"network {params.policy.policy!r} cannot be made: {problem}",
                hint="the keys of params are the keyword arguments of the class",
            )
        if not callable(getattr(made, "layer", None)):
            raise NodeError(
                f"network {params.policy.policy!r} has no method layer",
                hint="define layer(self, stage, features, observation)",
            )

    @classmethod
    def check_placement(cls, params: StageParams, placement: Placement) -> None:
        """Check that the network has these stages and this ``skip``, and that a stage takes time in virtual time."""
        if isinstance(params.policy, EpsilonGreedyParams):
            cls._check_weights(params, params.policy.weights, placement)
        draw = latency_of(params.latency, placement.name).draws(
            generator(0, placement.name, 0), params.plant.rate_hz
        )
        if not placement.realtime and draw() <= 0:
            raise NodeError(
                f"{placement.name}: a stage needs a duration above 0 in the virtual world, where computation takes no time",
                hint="set stage_frames=1, or another duration above 0",
            )

    @staticmethod
    def _check_weights(params: StageParams, name: str, placement: Placement) -> None:
        plan = weights_named(placement.weights, name).plan
        sees = Pipeline(agent=PIPELINE, stages=params.stages, skip=params.skip)
        has = plan.network.get("stages", 0)
        same = plan.spec.observation == with_later(params.plant, sees.later).observation
        if has != params.stages or not same:
            raise NodeError(
                f"the network {name!r} does not have {params.stages} stages {'with' if params.skip else 'without'} skip connections",
                hint="use the same `stages` and `skip` for the weights and for the stages; a pipeline needs a fully connected network: "
                "observe=positions in catch, network=mlp in gymnasium_learning",
            )

    def on_prepare(self) -> None:
        """Make the network for this stage.

        Raises:
            NodeError: the number of the node's replicas differs from the network's number of stages, or weights are missing.
        """
        params, replicas = self.params, self.context.identity.replicas
        if replicas != params.stages:
            raise NodeError(
                f"{self.name}: a network of {params.stages} stages needs as many nodes, but this node has {replicas} replicas",
                hint=f"set replicas: {params.stages}",
            )
        self._layers = self._make_layers()
        latency = latency_of(params.latency, self.name)
        self._draw = latency.draws(self.rng, params.plant.rate_hz)
        if self.context.launch_context.realtime:
            self._layers.warm_up()

    def _make_layers(self) -> Layers:
        policy = self.params.policy
        if isinstance(policy, ScriptedParams):
            return ScriptedLayers(policy)
        if isinstance(policy, EpsilonGreedyParams):
            weights = weights_named(self.context.launch_context.weights, policy.weights)
            # Only here, so that a graph of scripted networks needs no torch.
            from rtgraph.nodes.inference.network_layers import NetworkLayers  # noqa: PLC0415

            return NetworkLayers(weights, policy, self.rng)
        return RandomLayers(self.params.plant, self.rng)

    def on_start(self) -> None:
        """Wait for the first observation in the first stage, else for the first features."""
        identity = self.context.identity
        self._stage, self._is_last = identity.replica, identity.replica == identity.replicas - 1
        self._next = f"{self.name.rpartition('/')[0]}/{identity.replica + 1}"
        self._decisions = self._unseen = self._missed = 0

    def on_params(self, changed: frozenset[str]) -> None:
        """Pass the changed parameters to the network."""
        self._layers.change(self.params.policy)

    def on_weights(self, announced: WeightsVersion) -> None:
        """Use the announced weights from the next inference on."""
        if not self._layers.adopt(announced):
            # The slot already holds another version, so a newer announcement is on its way.
            self._missed += 1

    def on_observation(self, observation: Observation) -> None:
        """In the first stage, begin an inference. In every other stage, do nothing.

        The other stages begin their inferences in ``on_features``. With ``skip``, they read the newest observation there.
        """
        if not self._stage:
            self._run(None, observation, observation.origin(), self.now_ns, ())

    def on_features(self, features: Features) -> None:
        """Continue with the features that the stage before this one has computed."""
        newest, seen = None, features.seen
        if self.params.skip:
            newest = self.observation.read_newest()
            if newest is None:
                self._unseen += 1  # a stage with skip connections cannot run without an observation
                return
            seen = (*seen, newest.tick)
        oldest = features.header.lineage
        if oldest is not None:
            self._run(features.values, newest, oldest, features.began_ns, seen)

    def result(self) -> dict[str, Any]:
        """Return how many messages with features were dropped, and how many versions of the weights were overwritten before use.

        Features are dropped if ``skip`` is set and no observation has arrived. Counts of 0 are omitted.
        """
        counts = {"without_observation": self._unseen, "versions_missed": self._missed}
        return {name: count for name, count in counts.items() if count}

    def _run(
        self,
        features: Array | None,
        newest: Observation | None,
        oldest: Lineage,
        began_ns: int,
        seen: tuple[int, ...],
    ) -> None:
        announced = self.weights.take()
        if announced is not None:  # it came while the stage was busy
            self.on_weights(announced)
        start_ns = self.now_ns
        value = None if newest is None else newest.value
        self._found: Array | Act = (
            self._layers.act(self._stage, features, value, oldest.tick)
            if self._is_last
            else self._layers.layer(self._stage, features, value)
        )
        self._oldest, self._began_ns, self._seen, self._version = oldest, began_ns, seen, self._layers.version
        self.spend(max(0, self._draw() - (self.now_ns - start_ns)), self._finished)

    def _finished(self) -> None:
        found = self._found
        if not isinstance(found, Act):
            passed = Features(stage=self._stage, values=found, began_ns=self._began_ns, seen=self._seen)
            self.passed.publish(passed, of=self._oldest, key=self._next)
            return
        decision = Decision(
            worker=self.name,
            number=self._decisions,
            action=found.action,
            began_ns=self._began_ns,
            inference_ns=self.now_ns - self._began_ns,
            policy_version=self._version or 0,
            explored=found.explored,
            seen=self._seen,
        )
        self._decisions += 1
        self.decision.publish(decision, of=self._oldest)

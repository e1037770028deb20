"""Layer-pipelined inference. Each stage is a node that runs a part of a network, one tick after the stage before it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from rtgraph.msgs import Decision, Features, Lineage, Observation, PlantSpec
from rtgraph.msgs.array import Array
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.inference.policy import ScriptedParams, script_class
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest
from rtgraph.nodes.runtime.classes.loading import call_problem
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.latency import Constant, LatencyParams, latency_of


class LayersParams(ScriptedParams):
    """A user's class with ``layer(stage, features, observation)``."""


class StageParams(Params):
    """The parameters of the stages of a pipeline."""

    plant: PlantSpec
    """The spec of the plant: `${spec:plant}`."""
    layers: LayersParams
    """The network. A layer returns features, and in the last stage the action. The first stage gets no features (None). The
    others get an observation only with ``skip``."""
    skip: bool = False
    """Whether every stage sees the newest observation beside the features (temporal skip connections)."""
    latency: LatencyParams = Constant(frames=1.0)
    """The duration of a stage. In real time, a stage is padded to this duration."""


class Stage(Node[StageParams]):
    """Runs the layers of one stage, and passes the features to the next stage. The last stage publishes decisions.

    The stages are the replicas of one node, in order. While one stage works on an observation, the stage before it works on a
    newer one. With L stages of one tick each, every tick has a decision, and an observation that passed all stages is L ticks
    old when its action is applied. With ``skip`` the last stage has seen an observation that is one tick old. Source: Anokin et
    al., "Handling Delay in Real-Time Reinforcement Learning", ICLR 2025.

    The lineage of a decision, which determines its age, is that of the oldest observation.
    """

    params_type: ClassVar[type[Params]] = StageParams

    observation = Input(Observation, latest)
    features = Input(Features, latest, keyed=True, many=True, optional=True)
    passed = Output(Features, keyed=True)
    decision = Output(Decision)

    @classmethod
    def check(cls, params: StageParams) -> None:
        """Check that the class of the network can be imported and has a method ``layer``."""
        made = script_class(params.layers)
        if problem := call_problem(made, **params.layers.params):
            raise NodeError(f"network {params.layers.policy!r} cannot be made: {problem}")
        if not callable(getattr(made, "layer", None)):
            raise NodeError(
                f"network {params.layers.policy!r} has no layers",
                hint="define layer(self, stage, features, observation)",
            )

    @classmethod
    def check_placement(cls, params: StageParams, placement: Placement) -> None:
        """Check that a stage takes time in the virtual world."""
        draw = latency_of(params.latency, placement.name).draws(
            generator(0, placement.name, 0), params.plant.rate_hz
        )
        if not placement.realtime and draw() <= 0:
            raise NodeError(
                f"{placement.name}: a stage needs a duration in the virtual world",
                hint="set stage_frames=1",
            )

    def on_prepare(self) -> None:
        """Make the network."""
        self._network: Any = script_class(self.params.layers)(**self.params.layers.params)
        latency = latency_of(self.params.latency, self.name)
        self._draw = latency.draws(self.rng, self.params.plant.rate_hz)

    def on_start(self) -> None:
        """Begin to wait for the first observation, or for the first features."""
        identity = self.context.identity
        self._stage, self._is_last = identity.replica, identity.replica == identity.replicas - 1
        self._next = f"{self.name.rpartition('/')[0]}/{identity.replica + 1}"
        self._decisions = 0

    def on_observation(self, observation: Observation) -> None:
        """Begin with a new observation in the first stage. The other stages read it when features arrive."""
        if not self._stage:
            self._run(None, observation, observation.origin(), self.now_ns)

    def on_features(self, features: Features) -> None:
        """Continue with the features of the stage before this one."""
        newest = self.observation.read_newest() if self.params.skip else None
        oldest = features.header.lineage
        if oldest is not None:
            self._run(features.values, newest, oldest, features.began_ns)

    def _run(
        self, features: Array | None, newest: Observation | None, oldest: Lineage, began_ns: int
    ) -> None:
        start_ns = self.now_ns
        found = self._network.layer(self._stage, features, None if newest is None else newest.value)
        self._oldest, self._found, self._began_ns = oldest, found, began_ns
        self.spend(max(0, self._draw() - (self.now_ns - start_ns)), self._finished)

    def _finished(self) -> None:
        if not self._is_last:
            passed = Features(stage=self._stage, values=np.asarray(self._found), began_ns=self._began_ns)
            self.passed.publish(passed, of=self._oldest, key=self._next)
            return
        decision = Decision(
            worker=self.name,
            number=self._decisions,
            action=self._found,
            began_ns=self._began_ns,
            inference_ns=self.now_ns - self._began_ns,
        )
        self._decisions += 1
        self.decision.publish(decision, of=self._oldest)

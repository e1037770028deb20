"""The parameters of an algorithm in a launch file, checked without importing torch."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from rtgraph.msgs import Discrete, PlantSpec, Record
from rtgraph.msgs.errors import LearningError
from rtgraph.nodes.networks.spec import NetworkSpec


class AlgorithmParams(Record):
    """How weights are updated: the base of every algorithm's parameters.

    A subclass adds the literal field ``kind`` and names its `algorithm`. A parameter that is null gets its default.
    ``options`` may hold more parameters, so that one graph file serves algorithms with different parameters.
    """

    algorithm: ClassVar[str]
    """The path of the algorithm's class, ``package.module:Class``. Only learners import it, and torch with it."""
    acting: ClassVar[str]
    """The path of the class that chooses actions with the learned weights, a subclass of `Acting`."""
    usual: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Values, by name, of arguments that a launch file leaves null. Launch files that can run any plant use these values."""

    kind: str
    """The name of the algorithm."""
    optimiser: Literal["adam", "sgd"] = "adam"
    """Adam (Kingma & Ba, 2015), or plain gradient descent: weights − learning_rate · gradient."""
    learning_rate: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    """The step size."""
    adam_epsilon: float = Field(default=1e-8, gt=0, allow_inf_nan=False)
    """ε of Adam, added to the root of its second moment."""
    max_gradient_norm: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Maximum norm of a gradient; longer ones are clipped."""
    target_every: PositiveInt = 10_000
    """Number of updates of the weights from one change of the target network to the next."""
    tau: float = Field(default=1.0, gt=0, le=1)
    """How far each change of the target network moves it towards the weights: 1 copies the weights."""
    gamma: float | None = Field(default=None, gt=0, le=1, exclude_if=lambda gamma: gamma is None)
    """The discount per tick, equal to the replay memory's. A network with ``predict`` computes the number of ticks of a
    transition from it; if it is null, the network learns its model from the algorithm's loss alone."""
    auxiliary_weight: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, exclude_if=lambda weight: weight == 1
    )
    """The factor of the network's own loss, which is added to the algorithm's loss. Only networks with ``predict`` have such a loss."""
    device: str = "cpu"
    """A device name of torch: `cpu`, `cuda`, `cuda:1`."""
    channels_last: bool = True
    """Use torch's memory format channels_last for convolutions: 1.2 to 1.8 times as fast on one core."""
    autocast: bool = False
    """Compute hidden layers in bfloat16; last layers, values, weights, gradients and the optimiser stay float32.

    A CPU without AVX-512 takes three to twelve times as long with autocast.
    """
    compiled: bool = Field(default=False, exclude_if=operator.not_)
    """Compute IMPALA networks up to k = 1/2, and DQN's updates of fully connected networks, on a CPU with C code.

    It is compiled once on each machine. Results are equal within rounding. An update of k = 1/16 takes a tenth of the time on one
    core. Without a C compiler, torch computes.
    """

    @model_validator(mode="before")
    @classmethod
    def _with_options(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        options = value.get("options")
        given = {
            name: item for name, item in value.items() if name != "options" or not isinstance(options, dict)
        }
        given |= options if isinstance(options, dict) else {}
        return {name: item for name, item in given.items() if item is not None}

    @classmethod
    def check_plant(cls, plant: PlantSpec) -> None:
        """Check that the algorithm can learn this kind of action (discrete or continuous).

        Raises:
            LearningError: the algorithm needs another kind of action.
        """

    def check(self, network: NetworkSpec, plant: PlantSpec) -> None:
        """Check that the algorithm fits a network and a plant.

        Raises:
            LearningError: the algorithm does not fit.
        """
        del network
        self.check_plant(plant)


class ValueParams(AlgorithmParams):
    """The parameters of algorithms that learn the values of discrete actions."""

    acting: ClassVar[str] = "rtgraph.nodes.algorithms.values:Greedy"
    usual: ClassVar[Mapping[str, float]] = MappingProxyType(
        {
            "batch": 16,
            "epsilon": 0.05,
            "hidden": 64,
            "learning_rate": 1e-3,
            "target_every": 200,
            "updates_per_tick": 0.25,
        }
    )
    distributional: ClassVar[bool] = False
    """Whether the algorithm learns distributions of returns, which need a head with a support."""

    @classmethod
    def check_plant(cls, plant: PlantSpec) -> None:
        """Check that the actions are discrete.

        Raises:
            LearningError: the plant's actions are not discrete.
        """
        must_be_discrete(plant)

    def check(self, network: NetworkSpec, plant: PlantSpec) -> None:
        """Check that the actions are discrete, and that the network's head has a support if it needs one.

        Raises:
            LearningError: the actions are not discrete, or the head does not fit the algorithm.
        """
        super().check(network, plant)
        if self.distributional and network.head.support is None:
            raise LearningError(
                f"{self.kind} learns distributions of returns, and the network's head has no support",
                hint="give the head a support (head: {support: {low: …, high: …}}), or choose kind: dqn",
            )
        if not self.distributional and network.head.support is not None:
            raise LearningError(
                f"{self.kind} learns values, and the network's head has a support, which is for distributions of returns",
                hint="choose kind: c51, or leave the support out",
            )


def must_be_discrete(plant: PlantSpec) -> int:
    """Return the number of a plant's discrete actions.

    Raises:
        LearningError: the plant's actions are not discrete.
    """
    if not isinstance(plant.action, Discrete):
        raise LearningError(
            f"this algorithm needs discrete actions, and the plant has {plant.action.kind} ones",
            hint="leave algorithm out, or choose a plant with discrete actions",
        )
    return plant.action.count

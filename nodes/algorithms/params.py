"""The parameters of algorithms in a launch file. They are checked without importing torch."""

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
    """The base class of every algorithm's parameters, which say how weights are updated.

    A subclass adds the literal field ``kind`` and sets `algorithm`. A parameter that is null counts as not given. Parameters may
    also be given in a dict ``options``. So one graph file serves algorithms with different parameters.
    """

    algorithm: ClassVar[str]
    """The import path of the algorithm's class, ``package.module:Class``. Only learners import this class, and torch with it."""
    acting: ClassVar[str]
    """The import path of the class that chooses actions with the learned weights, a subclass of `Acting`."""
    usual: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Default values for arguments of launch files, by name. Launch files that can run any environment leave these arguments null."""

    kind: str
    """The name of the algorithm."""
    optimiser: Literal["adam", "sgd"] = "adam"
    """Adam (Kingma & Ba, 2015), or plain gradient descent: weights − learning_rate · gradient."""
    learning_rate: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    """The step size of the optimiser."""
    adam_epsilon: float = Field(default=1e-8, gt=0, allow_inf_nan=False)
    """ε of Adam, added to the square root of the second moment."""
    max_gradient_norm: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Maximum norm of a gradient. A gradient with a larger norm is scaled down."""
    target_every: PositiveInt = 10_000
    """Number of updates of the weights between two changes of the target network."""
    tau: float = Field(default=1.0, gt=0, le=1)
    """Each change moves the target network towards the weights by this share of the distance. 1 copies the weights."""
    gamma: float | None = Field(default=None, gt=0, le=1, exclude_if=lambda gamma: gamma is None)
    """The discount per tick, the same as in the replay memory. Only networks with ``predict`` use it, for the prediction loss.

    Such a network computes the number of ticks of a transition from the discount. If null, there is no prediction loss.
    """
    auxiliary_weight: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, exclude_if=lambda weight: weight == 1
    )
    """The factor of the prediction loss, which is added to the algorithm's loss. Only networks with ``predict`` have this loss."""
    device: str = "cpu"
    """The name of a torch device: `cpu`, `cuda`, `cuda:1`."""
    channels_last: bool = True
    """Use torch's memory format channels_last for convolutions. On one core they are then 1.2 to 1.8 times as fast."""
    autocast: bool = False
    """Compute hidden layers in bfloat16. Last layers, values, weights, gradients and the optimiser stay in float32.

    A CPU without AVX-512 takes three to twelve times as long with autocast.
    """
    compiled: bool = Field(default=False, exclude_if=operator.not_)
    """Compute IMPALA networks of width k up to 1/2, and DQN's updates of fully connected networks, with C code on a CPU.

    The code is compiled once per machine. Its results equal torch's within rounding. On one core, an update with k = 1/16 takes a
    fifth to a quarter of the time. Without a C compiler, torch computes them.
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
        """Check that the algorithm can learn the environment's kind of action (discrete or continuous).

        Raises:
            LearningError: the algorithm needs the other kind of action.
        """

    def check(self, network: NetworkSpec, plant: PlantSpec) -> None:
        """Check that the algorithm fits a network and the actions of an environment.

        Raises:
            LearningError: the algorithm does not fit.
        """
        del network
        self.check_plant(plant)


class ValueParams(AlgorithmParams):
    """The base class of parameters of algorithms that learn the values of discrete actions."""

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
    """Whether the algorithm learns distributions of returns. If so, the network's head needs a support (possible returns)."""

    @classmethod
    def check_plant(cls, plant: PlantSpec) -> None:
        """Check that the environment's actions are discrete.

        Raises:
            LearningError: the actions are not discrete.
        """
        must_be_discrete(plant)

    def check(self, network: NetworkSpec, plant: PlantSpec) -> None:
        """Check that the actions are discrete, and that the network's head fits the algorithm.

        An algorithm that learns distributions of returns needs a head with a support (possible returns).

        Raises:
            LearningError: the actions are not discrete, or the head does not fit the algorithm.
        """
        super().check(network, plant)
        if self.distributional and network.head.support is None:
            raise LearningError(
                f"{self.kind} learns distributions of returns, and the network's head has no support",
                hint="give atoms=51 or algorithm=dqn (in a graph file: head: {support: {low: …, high: …}}, or kind: dqn)",
            )
        if not self.distributional and network.head.support is not None:
            raise LearningError(
                f"{self.kind} learns values, and the network's head has a support, which is for distributions of returns",
                hint="leave out algorithm= or atoms= (in a graph file: choose kind: c51, or leave the support out)",
            )


def must_be_discrete(plant: PlantSpec) -> int:
    """Return the number of discrete actions of an environment.

    Raises:
        LearningError: the actions are not discrete.
    """
    if not isinstance(plant.action, Discrete):
        raise LearningError(
            f"this algorithm needs discrete actions, and the plant has {plant.action.kind} ones",
            hint="leave algorithm out, or choose a plant with discrete actions",
        )
    return plant.action.count

"""The parameters of SAC."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from rtgraph.msgs import Continuous, PlantSpec
from rtgraph.msgs.errors import LearningError
from rtgraph.nodes.algorithms.params import AlgorithmParams


class SacParams(AlgorithmParams):
    """The parameters of SAC (Haarnoja et al., 2018) with a learned temperature. The defaults come from the paper.

    One learning rate serves actor, critics and temperature. Actions are normalised to ±1 for the network, whatever ranges the
    environment's actions have.
    """

    algorithm: ClassVar[str] = "rtgraph.nodes.algorithms.sac.algorithm:Sac"
    acting: ClassVar[str] = "rtgraph.nodes.algorithms.sac.acting:SquashedGaussian"
    usual: ClassVar[Mapping[str, float]] = MappingProxyType(
        {
            "batch": 256,
            "epsilon": 0.0,
            "hidden": 256,
            "learning_rate": 3e-4,
            "target_every": 1,
            "updates_per_tick": 1.0,
        }
    )

    kind: Literal["sac"] = "sac"
    learning_rate: float = Field(default=3e-4, gt=0, allow_inf_nan=False)
    """The step size of the optimiser."""
    max_gradient_norm: float = Field(default=1e9, gt=0, allow_inf_nan=False)
    """Maximum norm of a gradient. The default is so large that no gradient is clipped."""
    target_every: PositiveInt = 1
    """Number of updates of the weights between two changes of the target critics."""
    tau: float = Field(default=0.005, gt=0, le=1)
    """Each change moves the target critics towards the critics by this share of the distance. 1 copies the critics."""
    target_entropy: float | None = Field(default=None, allow_inf_nan=False)
    """Target of the policy's entropy, for actions normalised to ±1. The temperature is learned so that the entropy stays near it.
    Null for the default: minus the number of elements of an action.
    """

    @classmethod
    def check_plant(cls, plant: PlantSpec) -> None:
        """Check that the environment's actions are continuous.

        Raises:
            LearningError: the actions are not continuous.
        """
        if not isinstance(plant.action, Continuous):
            raise LearningError(
                f"sac is for continuous actions, not for {plant.action.kind} ones",
                hint="leave algorithm out: it is chosen by the plant's actions",
            )

"""The parameters of updates in a launch file, checked without importing torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from rtgraph.msgs import Discrete, PlantSpec, Record
from rtgraph.msgs.errors import LearningError


class UpdateParams(Record):
    """How weights are updated.

    The network's head determines the loss: Huber for values (DQN, Mnih et al., 2015), cross-entropy for
    distributions over a support (C51, Bellemare et al., 2017). The replay memory defines the discount.
    """

    optimiser: Literal["adam", "sgd"] = "adam"
    """Adam (Kingma & Ba, 2015), or plain gradient descent: weights − learning_rate · gradient."""
    learning_rate: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    adam_epsilon: float = Field(default=1e-8, gt=0, allow_inf_nan=False)
    max_gradient_norm: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Maximum norm of a gradient; longer ones are clipped."""
    target_every: PositiveInt = 10_000
    """Number of updates between copies of the weights to the target network."""
    double: bool = False
    """Choose the next action with the weights, and value it with the target network (van Hasselt et al.,
    2016)."""
    device: str = "cpu"
    """A device name of torch: `cpu`, `cuda`, `cuda:1`."""
    channels_last: bool = True
    """Keep convolutions with the channels innermost, which suits batches: 1.2 to 1.8 times as fast on one
    core."""
    autocast: bool = False
    """Compute in bfloat16 where that is safe; last layers, values, weights, gradients and the optimiser stay
    float32.

    It needs hardware support: a CPU without AVX-512 takes three to twelve times as long with it.
    """


def must_be_discrete(plant: PlantSpec) -> int:
    """Return the number of a plant's actions.

    Raises:
        LearningError: they are not discrete.
    """
    if not isinstance(plant.action, Discrete):
        raise LearningError(
            f"values are learned for discrete actions, not for {plant.action.kind} ones",
            hint="give the plant discrete actions",
        )
    return plant.action.count

"""How SAC chooses actions: it samples a squashed Gaussian (tanh of a normal variable), or takes its mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from rtgraph.msgs import Action, Continuous, PlantSpec
from rtgraph.msgs.errors import LearningError
from rtgraph.nodes.algorithms.acting import Acting
from rtgraph.nodes.algorithms.sac.gaussian import ActionRange, Gaussian
from rtgraph.nodes.algorithms.sac.network import ActorCritic
from rtgraph.nodes.networks.network import Network, Observations
from rtgraph.nodes.networks.spec import NetworkSpec


class SquashedGaussian(Acting):
    """Chooses actions with SAC's actor: a sample of the squashed Gaussian if it explores, else tanh of the mean."""

    def __init__(self, network: NetworkSpec, plant: PlantSpec) -> None:
        super().__init__(network, plant)
        self._action = continuous_of(plant)
        self._range = ActionRange.of(self._action)
        self._low, self._high = (
            np.array(bound, np.float32) for bound in (self._action.low, self._action.high)
        )

    def assemble(self) -> Network:
        """Return the network (actor, critics and temperature) on torch's meta device: shapes without memory."""
        with torch.device("meta"):
            return ActorCritic(self.network, self.plant, self._action.size)

    def act(
        self, module: Network, observations: Observations, rng: np.random.Generator, *, explore: bool
    ) -> Action:
        """Return an action in the environment's ranges, (size,) float32."""
        gaussian = Gaussian.of(module(observations))
        sample = gaussian.mean
        if explore:
            noise = rng.standard_normal((1, self._action.size), dtype=np.float32)
            sample = gaussian.sample(torch.from_numpy(noise))
        action = self._range.scaled(sample.tanh())[0].numpy()
        within: npt.NDArray[np.float32] = np.clip(
            action, self._low, self._high
        )  # rounding may exceed a bound
        return within

    def random(self, rng: np.random.Generator) -> Action:
        """Return a random action, (size,) float32, uniform in the environment's ranges."""
        return rng.uniform(self._action.low, self._action.high).astype(np.float32)


def continuous_of(plant: PlantSpec) -> Continuous:
    """Return the spec of an environment's continuous actions.

    Raises:
        LearningError: the actions are not continuous.
    """
    if not isinstance(plant.action, Continuous):
        raise LearningError(f"sac chooses continuous actions, and the plant has {plant.action.kind} ones")
    return plant.action

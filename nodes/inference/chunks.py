"""A policy that decides on a chunk of actions: one for each of several successive ticks."""

from __future__ import annotations

import numpy as np

from rtgraph.msgs import WeightsVersion
from rtgraph.msgs.array import frozen
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.policy import (
    Act,
    EpsilonGreedyParams,
    Policy,
    RandomParams,
    RandomPolicy,
    ScriptedParams,
)


def check_chunk(params: RandomParams | EpsilonGreedyParams | ScriptedParams, length: int) -> None:
    """Check that a policy can decide on ``length`` actions at once.

    Raises:
        NodeError: it has a network, which gives one action.
    """
    if length > 1 and isinstance(params, EpsilonGreedyParams):
        raise NodeError(
            f"chunk is {length}, and a network gives one action",
            hint="chunks are for random and scripted policies: chunk=1",
        )


class ChunkPolicy(Policy):
    """Decides on chunks of actions with a policy.

    A random policy draws every action. A user's class returns all of them at once: an array (length,) of discrete actions, or
    (length, size).

    Args:
        policy: a random or scripted policy.
        length: number of actions in a chunk, h; at least 2.
    """

    def __init__(self, policy: Policy, length: int) -> None:
        self._policy = policy
        self._length = length

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the action for one tick, and those for the ticks after it."""
        if isinstance(self._policy, RandomPolicy):
            drawn = [self._policy.act(observation, tick).action for _ in range(self._length)]
            return Act(drawn[0], explored=True, chunk=frozen(np.array(drawn[1:])))
        actions = np.asarray(self._policy.act(observation, tick).action)
        if not actions.ndim or len(actions) != self._length:
            raise NodeError(
                f"the policy returned actions of shape {actions.shape}",
                hint=f"return {self._length} actions, as chunk={self._length}",
            )
        first = int(actions[0]) if actions.ndim == 1 else frozen(actions[0])
        return Act(first, chunk=frozen(actions[1:]))

    def adopt(self, announced: WeightsVersion) -> bool:
        """Pass the announced weights to the wrapped policy; return False if they are already overwritten."""
        return self._policy.adopt(announced)

"""A policy that decides on a chunk of actions: one action for each of several successive ticks."""

from __future__ import annotations

import numpy as np

from rtgraph.msgs import ActionSpec, WeightsVersion
from rtgraph.msgs.array import frozen
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.pending import PendingCode, joined, split
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.policy import (
    Act,
    EpsilonGreedyParams,
    Policy,
    RandomParams,
    RandomPolicy,
    ScriptedParams,
)


class ChunkPolicy(Policy):
    """Decides on chunks: one action for each of several successive ticks. The actions come from a random policy or a user's class.

    A random policy draws every action. A user's class returns all actions of a chunk at once: an array (length,) of discrete
    actions, or (length, size) of actions with ``size`` numbers each.

    Args:
        policy: a random or scripted policy.
        length: number of actions in a chunk, h; at least 2.
    """

    def __init__(self, policy: Policy, length: int) -> None:
        self._policy = policy
        self._length = length

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the action for ``tick``, together with the actions for the ticks after it."""
        if isinstance(self._policy, RandomPolicy):
            drawn = [self._policy.act(observation, tick).action for _ in range(self._length)]
            return Act(drawn[0], explored=True, chunk=frozen(np.array(drawn[1:])))
        actions = np.asarray(self._policy.act(observation, tick).action)
        if not actions.ndim or len(actions) != self._length:
            raise NodeError(
                f"the policy returned an array of shape {actions.shape}, but chunk={self._length} needs {self._length} actions",
                hint=f"return an array with the first dimension {self._length}",
            )
        first = int(actions[0]) if actions.ndim == 1 else frozen(actions[0])
        return Act(first, chunk=frozen(actions[1:]))

    def adopt(self, announced: WeightsVersion) -> bool:
        """Pass the announced version of the weights to the wrapped policy.

        Return False if newer weights have overwritten this version.
        """
        return self._policy.adopt(announced)


class NetworkChunkPolicy(Policy):
    """Decides with a network on chunks: one action for each of several successive ticks. The actions are computed one by one.

    The network's trunk (the part that reads only the observation) runs once per chunk. The head (the part that also reads earlier
    actions) runs once per action. It reads the pending actions (decided, not yet applied), followed by the earlier actions of the
    chunk. So the network computes the value of an action given the actions before it, as Q-Transformer does for the numbers of one
    action (Chebotar et al., 2023).

    Args:
        policy: a policy with a network.
        action: the spec of actions.
        length: number of actions in a chunk, h; at least 2.
        slots: number D of pending actions with which the observation is joined; 0 for none.
    """

    def __init__(self, policy: Policy, action: ActionSpec, length: int, slots: int) -> None:
        self._policy = policy
        self._code = PendingCode(action, slots + length - 1)
        self._length = length
        self._slots = slots
        self.version = policy.version

    def trunk(self, observation: Value) -> Value:
        """Return the features that depend only on the observation. Pass these features to ``act`` in place of the observation."""
        return self._policy.trunk(observation)

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the action for ``tick``, together with the actions for the ticks after it."""
        alone, known = split(observation)
        pending, features = self._code.extended(known), self._policy.trunk(alone)
        acts: list[Act] = []
        for place in range(self._length):
            if place:
                self._code.put(pending, self._slots + place - 1, acts[-1].action)
            acts.append(self._policy.act(joined(features, pending), tick))
        rest = np.stack([np.asarray(act.action) for act in acts[1:]])
        return Act(acts[0].action, any(act.explored for act in acts), frozen(rest))

    def warm_up(self, observation: Value) -> None:
        """Run the network once before the run starts, because the first pass is slow."""
        alone, known = split(observation)
        self._policy.warm_up(joined(alone, self._code.extended(known)))

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use the announced version of the weights from now on. Return False if newer weights have overwritten this version."""
        found = self._policy.adopt(announced)
        self.version = self._policy.version
        return found

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Give new parameters to the wrapped policy. Only parameters marked as changeable may differ."""
        self._policy.change(params)

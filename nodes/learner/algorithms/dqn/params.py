"""The parameters of DQN."""

from __future__ import annotations

from typing import ClassVar, Literal

from rtgraph.nodes.learner.algorithms.params import ValueParams


class DqnParams(ValueParams):
    """DQN (Mnih et al., 2015): the Huber loss of values of actions."""

    algorithm: ClassVar[str] = "rtgraph.nodes.learner.algorithms.dqn.algorithm:Dqn"

    kind: Literal["dqn"] = "dqn"
    double: bool = False
    """Choose the next action with the weights, and value it with the target network (van Hasselt et al.,
    2016)."""

"""The parameters of DQN."""

from __future__ import annotations

from typing import ClassVar, Literal

from rtgraph.nodes.algorithms.params import ValueParams


class DqnParams(ValueParams):
    """The parameters of DQN (Mnih et al., 2015). The loss is the Huber loss of action values."""

    algorithm: ClassVar[str] = "rtgraph.nodes.algorithms.dqn.algorithm:Dqn"

    kind: Literal["dqn"] = "dqn"
    double: bool = False
    """Double learning: the online network chooses the next action, and the target network computes its value (van Hasselt et al., 2016)."""

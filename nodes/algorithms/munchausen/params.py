"""The parameters of Munchausen DQN."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rtgraph.nodes.algorithms.params import ValueParams


class MunchausenParams(ValueParams):
    """The parameters of Munchausen DQN (Vieillard et al., 2020): it adds the log-probability of the action taken to the reward."""

    algorithm: ClassVar[str] = "rtgraph.nodes.algorithms.munchausen.algorithm:Munchausen"

    kind: Literal["munchausen"] = "munchausen"
    temperature: float = Field(default=0.03, gt=0, allow_inf_nan=False)
    """τ, the temperature of the policy softmax(values / τ), in the unit of rewards."""
    share: float = Field(default=0.9, ge=0, le=1)
    """alpha in the paper: the factor of the log-probability that is added to the reward."""
    least: float = Field(default=-1.0, le=0, allow_inf_nan=False)
    """l₀ in the paper: the lower bound of τ · the log-probability of the action."""

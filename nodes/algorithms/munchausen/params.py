"""The parameters of Munchausen DQN."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rtgraph.nodes.algorithms.params import ValueParams


class MunchausenParams(ValueParams):
    """Munchausen DQN (Vieillard et al., 2020): soft values, and the action's log-policy added to its reward."""

    algorithm: ClassVar[str] = "rtgraph.nodes.algorithms.munchausen.algorithm:Munchausen"

    kind: Literal["munchausen"] = "munchausen"
    temperature: float = Field(default=0.03, gt=0, allow_inf_nan=False)
    """τ, the temperature of the policy softmax(values / τ), in units of the reward."""
    share: float = Field(default=0.9, ge=0, le=1)
    """The share of the log-policy that is added to the reward (alpha in the paper)."""
    least: float = Field(default=-1.0, le=0, allow_inf_nan=False)
    """l₀, the lower bound of the scaled log-policy."""

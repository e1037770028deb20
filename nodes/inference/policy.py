"""The policy π, which chooses an action for an observation."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from rtgraph.msgs import Action, Continuous, Discrete, PlantSpec, Record, WeightsVersion
from rtgraph.msgs.array import Array, frozen
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.runtime.classes.imports import class_at
from rtgraph.nodes.runtime.interface.changeable import Changeable

EPSILON_OVER = 100_000
"""Default of ``epsilon_over``, the number of ticks during which the share of random actions falls."""


@dataclass(frozen=True, slots=True)
class Act:
    """An action, and whether it was drawn uniformly at random (explored).

    With a chunk, ``explored`` is True if at least one action of the chunk was drawn uniformly at random.
    """

    action: Action
    explored: bool = False
    chunk: Array | None = None
    """The actions for the h - 1 ticks after the first action, if a decision has h actions: an array (h - 1,), or (h - 1, size) for
    actions of several numbers. None if a decision has one action.
    """


class Policy(ABC):
    """Chooses actions. A policy reads no clock, and uses only the random generator with which it was made."""

    version: int | None = None
    """The version of the weights in use; None without weights."""

    @abstractmethod
    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the action for the observation of a tick.

        The observation is an array, or a dict of arrays by the name of a part. For a delay-aware agent, the observation also
        contains the pending actions, which are decided but not yet applied (see ``rtgraph.msgs.pending``).
        """

    def trunk(self, observation: Value) -> Value:
        """Return the features that depend only on the observation. Pass these features to ``act`` in place of the observation."""
        return observation

    def warm_up(self, observation: Value) -> None:
        """Do slow first-time work before the run starts. By default, call ``act`` once."""
        self.act(observation)

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use the announced version of the weights from now on, if this policy uses these weights.

        Return False if newer weights have overwritten this version. The policy then keeps the version in use. In all other
        cases return True, also if this policy does not use these weights.
        """
        del announced
        return True

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Replace the parameters by new ones of the same class. Only parameters marked as changeable may differ."""
        del params


class RandomParams(Record):
    """A policy that draws every action uniformly."""

    kind: Literal["random"] = "random"


class EpsilonGreedyParams(Record):
    """A policy that acts by an algorithm and its network, or with probability ε at random.

    The share of random actions can fall over time: linearly from ``epsilon_from`` at tick 0 to ``epsilon`` at
    tick ``epsilon_over``. ``epsilon_over`` without ``epsilon_from`` is rejected.
    """

    kind: Literal["epsilon_greedy"] = "epsilon_greedy"
    weights: str = "policy"
    """The name in the graph of the weights that the network uses: `${weights:policy}`."""
    epsilon: Changeable[float] = Field(default=0.05, ge=0, le=1)
    """The share of random actions."""
    epsilon_from: float | None = Field(default=None, ge=0, le=1)
    """The share of random actions at tick 0; null if the share does not fall, i.e. is always ``epsilon``."""
    epsilon_over: PositiveInt | None = None
    """Number of ticks after which the share of random actions has fallen to ``epsilon``; null for 100,000."""
    resume: str | None = None
    """A checkpoint from which the run resumes, or a folder of checkpoints. ``epsilon_over`` then counts from the start of the earlier
    run.
    """
    noise: bool = True
    """Whether the algorithm itself explores: a noisy network draws noise, a Gaussian policy is sampled. False to evaluate."""
    compiled: bool = Field(default=False, exclude_if=operator.not_)
    """Whether compiled C code computes the network, if it is fully connected or an IMPALA network of width k up to 1/2.

    A fully connected network is compiled only without dueling and noisy heads, and only if the algorithm acts greedily. The code
    is compiled once per machine. Its results equal those of torch within rounding. A pass of an IMPALA network with k = 1/16 takes
    a fifth of the time. Without a C compiler, torch computes the network.
    """

    @model_validator(mode="after")
    def _falls_from_something(self) -> Self:
        if self.epsilon_from is None and self.epsilon_over is not None:
            raise ValueError(
                "epsilon_over is given without epsilon_from, the share of random actions at the beginning"
            )
        return self

    def epsilon_at(self, tick: int) -> float:
        """Return ε, the share of random actions, at a tick.

        If a run resumes an earlier run, ticks count from the start of the earlier run.
        """
        if self.epsilon_from is None:
            return self.epsilon
        done = min(1.0, tick / (self.epsilon_over or EPSILON_OVER))
        return self.epsilon_from + done * (self.epsilon - self.epsilon_from)


class ScriptedParams(Record):
    """A policy that is a user's class with a method ``act(observation) -> action``."""

    kind: Literal["scripted"] = "scripted"
    policy: str
    """The import path of the class, `package.module:Class`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """The keyword arguments with which the class is called."""


PolicyParams = Annotated[RandomParams | EpsilonGreedyParams | ScriptedParams, Field(discriminator="kind")]


def script_class(params: ScriptedParams) -> type:
    """Import the class of a scripted policy.

    Raises:
        NodeError: the class cannot be imported.
    """
    try:
        return class_at(params.policy)
    except NodeError as error:
        raise NodeError(
            f"policy {params.policy!r} cannot be made: {error.problem}", hint=error.hint
        ) from error


class RandomPolicy(Policy):
    """Draws every action uniformly from the plant's actions."""

    def __init__(self, plant: PlantSpec, rng: np.random.Generator) -> None:
        self._space = plant.action
        self._rng = rng

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return a random action."""
        space = self._space
        if isinstance(space, Discrete):
            # Not rng.integers, which takes six times as long for a single number.
            return Act(int(self._rng.random() * space.count), explored=True)
        if isinstance(space, Continuous):
            return Act(self._rng.uniform(space.low, space.high).astype(np.float32), explored=True)
        return Act(self._rng.integers(space.count, size=space.size), explored=True)


class ScriptedPolicy(Policy):
    """A policy that calls a user's class."""

    def __init__(self, params: ScriptedParams) -> None:
        made = script_class(params)
        try:
            self._script = made(**params.params)
        except (AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise NodeError(
                f"policy {params.policy!r} cannot be made: its class raised {type(error).__name__}: {error}"
            ) from error

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the action that the user's class chooses. If the action is an array, it is copied: the class cannot change it later.

        If the observation is a mapping, the class gets a copy, which it may change. The arrays in it are read-only.
        """
        action = self._script.act(observation.copy() if isinstance(observation, dict) else observation)
        return Act(frozen(action) if isinstance(action, np.ndarray) else action)

"""The two small environments of the paper's proofs, with exactly known costs of inaction and of delay.

Source: Riemer, Subbaraj, Berseth, Rish, "Enabling Realtime Reinforcement Learning at Scale with Staggered
Asynchronous Inference", ICLR 2025 (arXiv 2412.14355), proof of Theorem 1. ``rtgraph.nodes.emulator.theory``
has their optimal rates.

Many independent copies ("lanes") step together, so that a rate can be measured in few steps. Lanes share only
the clock. With one lane the action is a number. With several it is a vector with one number per lane.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from rtgraph.msgs.spaces import ActionSpec, ArraySpec, Discrete, MultiDiscrete, PlantSpec, RateHz
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.snapshots import (
    Saved,
    derive_generator,
    pack_generator,
    pack_snapshot,
    unpack_generator,
    unpack_snapshot,
)
from rtgraph.nodes.plant import PlantParams
from rtgraph.nodes.plant.actions import check_discrete, check_multi_discrete
from rtgraph.nodes.plant.environment import Action, Array, Step

_INACTION_ACTIONS = ("a1", "a2", "a3")
_DEFAULT_BEHAVIOUR = 2
"""The action a3, the only action that leads to state s2. The default behaviour β always takes it."""


class LaneSettings(BaseModel):
    """Settings of environments with lanes. Lanes are independent copies of an environment that step together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lanes: int = Field(default=1, ge=1)
    """Number of lanes: independent copies that step together."""
    rate_hz: RateHz = 60.0
    """Steps per second."""
    episode_ticks: int | None = Field(default=None, ge=1)
    """Number of steps after which an episode is truncated; null for never."""

    def lane_spec(self, states: int, actions: int, names: tuple[str, ...] = ()) -> PlantSpec:
        """Return the spec of an environment with this many states and actions per lane. Observations are (lanes,) int64."""
        action: ActionSpec
        if self.lanes == 1:
            action = Discrete(count=actions, names=names)
        else:
            action = MultiDiscrete(size=self.lanes, count=actions)
        return PlantSpec(
            rate_hz=self.rate_hz,
            observation=ArraySpec(dtype="int64", shape=(self.lanes,), low=0, high=states - 1),
            action=action,
        )


class InactionSettings(LaneSettings):
    """The settings of the inaction environment."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings."""
        return self.lane_spec(states=2, actions=len(_INACTION_ACTIONS), names=_INACTION_ACTIONS)


class DelaySettings(LaneSettings):
    """The settings of the delay environment: the number of states, and the probability that a state stays."""

    states: int = Field(default=64, ge=2)
    """Number n of states in the cycle."""
    stay: float = Field(default=0.9, ge=0, le=1)
    """The probability p that a state stays for a step."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings."""
        return self.lane_spec(states=self.states, actions=self.states)


class _SavedLanes(Saved):
    states: bytes
    tick: int = Field(ge=0)
    generator: bytes


class LaneEnvironment(ABC):
    """Independent copies ("lanes") of an environment that step together, with an episode length and exact snapshots.

    A subclass defines how lanes begin and move. ``_generator`` is the source of randomness. ``_states`` has the state of each
    lane, (lanes,) int64.
    """

    def __init__(self, settings: LaneSettings, spec: PlantSpec, default_action: int, owner: str) -> None:
        self.spec = spec
        self._lanes = settings.lanes
        self._episode_ticks = settings.episode_ticks
        self._count = spec.action.count if isinstance(spec.action, Discrete | MultiDiscrete) else 0
        self.noop: Action = default_action
        """The action of the default behaviour β (which acts if the policy has not decided), in every lane."""
        if self._lanes > 1:
            self.noop = np.full(self._lanes, default_action)
            self.noop.setflags(write=False)
        self._owner = f"{owner} lanes={self._lanes}"
        self._states = np.zeros(self._lanes, np.int64)
        self._tick = 0
        self._generator: np.random.Generator | None = None

    @property
    def observation(self) -> Array:
        """The latest observation."""
        return self._states.copy()

    def reset(self, rng: np.random.Generator) -> Array:
        """Begin an episode and return the first state of each lane, (lanes,) int64."""
        self._generator = derive_generator(rng)
        self._states = self._first_states(self._generator)
        self._tick = 0
        return self.observation

    def step(self, action: Action) -> Step:
        """Advance every lane by one step. The reward is the mean over lanes; ``reward_sum`` is the sum.

        Raises:
            ValueError: the action does not fit the spec.
            RuntimeError: no episode is running.
        """
        generator = self._begun()
        if self._tick == self._episode_ticks:
            raise RuntimeError("the episode was truncated: reset first")
        actions: npt.NDArray[np.int64]
        if self._lanes == 1:
            actions = np.array((check_discrete(action, self._count),), np.int64)
        else:
            actions = check_multi_discrete(action, self._lanes, self._count)
        rewarded = self._move(actions, generator)
        self._tick += 1
        return Step(
            observation=self.observation,
            reward=rewarded / self._lanes,
            terminated=False,
            truncated=self._tick == self._episode_ticks,
            measurements={"reward_sum": float(rewarded)},
        )

    def screen(self) -> None:  # noqa: B027 - complete as it is
        """Return None: there is no image."""

    def snapshot(self) -> bytes:
        """Return the state of every lane, the number of steps and the generator. Raises ``RuntimeError`` before a reset."""
        saved = _SavedLanes(
            states=self._states.astype("<i8").tobytes(),
            tick=self._tick,
            generator=pack_generator(self._begun()),
        )
        return pack_snapshot(self._owner, saved)

    def restore(self, snapshot: bytes) -> None:
        """Restore a snapshot.

        Raises:
            ValueError: the snapshot is of another kind of environment, or has another number of lanes.
        """
        saved = unpack_snapshot(snapshot, self._owner, _SavedLanes)
        if len(saved.states) != self._states.nbytes:
            raise ValueError(
                f"this snapshot of {self._owner!r} is damaged: it has {len(saved.states)} bytes of states, "
                f"not {self._states.nbytes}"
            )
        self._generator = unpack_generator(saved.generator)
        self._states = np.frombuffer(saved.states, "<i8").astype(np.int64)
        self._tick = saved.tick

    def close(self) -> None:  # noqa: B027 - complete as it is
        """Do nothing: there are no resources to release."""

    @abstractmethod
    def _first_states(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the initial state of each lane, (lanes,) int64."""

    @abstractmethod
    def _move(self, actions: npt.NDArray[np.int64], generator: np.random.Generator) -> int:
        """Move every lane. Return the number of lanes that earned the reward."""

    def _begun(self) -> np.random.Generator:
        if self._generator is None:
            raise RuntimeError("no episode has begun: reset first")
        return self._generator


class InactionEnvironment(LaneEnvironment):
    """Two states: reaching s1 (observed as 0) earns 1, reaching s2 (observed as 1) earns nothing.

    From both states, the actions a1 and a2 (0, 1) lead to s1, and the action a3 (2) leads to s2. The default behaviour β always
    takes a3. If the policy takes a1 or a2 on every I-th step and β acts on the other steps, the mean reward is 1/I:
    ``theory.inaction_rate``. Every lane (independent copy) begins in s1.
    """

    def __init__(self, settings: InactionSettings) -> None:
        super().__init__(settings, settings.spec(), _DEFAULT_BEHAVIOUR, "inaction")

    def _first_states(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        return np.zeros(self._lanes, np.int64)

    def _move(self, actions: npt.NDArray[np.int64], generator: np.random.Generator) -> int:
        np.equal(actions, _DEFAULT_BEHAVIOUR, out=self._states)
        return self._lanes - int(np.count_nonzero(self._states))


class DelayEnvironment(LaneEnvironment):
    """A cycle of n states. The reward is 1 if the action equals the current state, else 0.

    A step first moves every lane (independent copy) to the next state or, with probability p, not at all. Then it compares the
    action with the new state, which is also the observation. So an action that applies d steps after an observation (d = 1: at
    the next step) is compared after d steps, in each of which the lane may move. The maximum mean reward is
    ``theory.best_delayed_rate(p, d)``. Every lane begins in a random state.

    The paper defines no action of the default behaviour β here. ``noop`` is action 0, which is right in one of n steps on
    average. To measure only delay, let the policy act on every step.
    """

    def __init__(self, settings: DelaySettings) -> None:
        super().__init__(settings, settings.spec(), 0, f"delay states={settings.states}")
        self._stay = np.float32(settings.stay)

    def _first_states(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        return generator.integers(0, self._count, self._lanes)

    def _move(self, actions: npt.NDArray[np.int64], generator: np.random.Generator) -> int:
        # Single precision takes half the time, and its 24 bits keep the probability within 6e-8 of p.
        self._states += generator.random(self._lanes, dtype=np.float32) >= self._stay
        self._states *= self._states < self._count
        return int(np.count_nonzero(actions == self._states))


class InactionParams(PlantParams, InactionSettings):
    """The parameters of the node ``Inaction``: the parameters of every plant (environment or robot), and the environment's settings."""


class Inaction(Emulator[InactionParams]):
    """The paper's environment in which every tick without a decision costs its reward."""

    environment_type = InactionEnvironment
    incidental = frozenset({"rate_hz", "episode_ticks"})


class DelayParams(PlantParams, DelaySettings):
    """The parameters of the node ``Delay``: the parameters of every plant (environment or robot), and the environment's settings."""


class Delay(Emulator[DelayParams]):
    """The paper's environment in which the state may move at every tick. So a delayed action may no longer fit the state."""

    environment_type = DelayEnvironment
    incidental = frozenset({"rate_hz", "episode_ticks"})

"""Any environment that is registered with Gymnasium and observes arrays. A ``Dict`` or ``Tuple`` observation becomes several arrays."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from rtgraph.msgs.spaces import Continuous, Discrete, MultiDiscrete, PlantSpec, RateHz, Value
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.gymnasium_spaces import Observations, action_spec
from rtgraph.nodes.plant import PlantParams
from rtgraph.nodes.plant.actions import check_continuous, check_discrete, check_multi_discrete
from rtgraph.nodes.plant.environment import Action, Step

if TYPE_CHECKING:
    import gymnasium

SAME_RATE = 0.01
"""Two rates count as equal if their relative difference is below this value."""

MUJOCO_PACKAGES = {"imageio": "imageio", "mujoco": "MuJoCo"}
"""The packages that Gymnasium's MuJoCo tasks need: the name of each package by the module that the tasks import."""


class GymnasiumSettings(BaseModel):
    """The settings of a Gymnasium environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """The registered name, such as "CartPole-v1"."""
    rate_hz: RateHz
    """Steps per second."""
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments of `gymnasium.make`, such as `max_episode_steps`."""
    render: bool = False
    """Whether to render images for ``screen``. Many environments need an extra of gymnasium for this."""
    noop: int | tuple[int, ...] | tuple[float, ...] | None = None
    """The idle action; null for 0, or for the number nearest to 0 in each range."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings. An environment is made for this, and closed.

        Raises ``ValueError`` in the same cases as ``GymnasiumEnvironment``.
        """
        environment = GymnasiumEnvironment(self)
        environment.close()
        return environment.spec


class GymnasiumEnvironment:
    """An environment made by ``gymnasium.make``, including its time limit.

    Actions may be ``Discrete`` (numbered from 0 here, whatever their start), a one-dimensional bounded float ``Box``, or a
    one-dimensional ``MultiDiscrete`` with equal numbers of choices. Observations may be ``Box``, ``Discrete`` (int64, shape
    ()), ``MultiDiscrete`` or ``MultiBinary``. A ``Dict`` or ``Tuple`` of these becomes named arrays. Each reset draws a seed
    from the given generator.

    There are no snapshots of the environment during a run, because its state is private. A checkpoint of the virtual world is
    possible if all attributes of the environment and its wrappers are numbers, arrays and similar values. It is refused if
    there is other state, such as a physics engine.

    Raises:
        ValueError: the environment does not exist, cannot be made, or has spaces of another kind, or ``noop`` does not fit.
    """

    def __init__(self, settings: GymnasiumSettings) -> None:
        self._settings = settings
        self._env = _make(settings)
        self._closed = False
        try:
            self._observations = Observations(self._env.observation_space, settings.id)
            self.spec = PlantSpec(
                rate_hz=settings.rate_hz,
                observation=self._observations.spec,
                action=action_spec(self._env.action_space, settings.id),
            )
            self._action_dtype: np.dtype[Any] = np.dtype(self._env.action_space.dtype)
            self._first_action = getattr(self._env.action_space, "start", 0)
            self.noop: Action = (
                self._default_noop() if settings.noop is None else self._given_noop(settings.noop)
            )
        except ValueError:
            self.close()
            raise
        self._render = settings.render
        self._over = True

    @property
    def own_rate_hz(self) -> float | None:
        """The rate in Hz for which the environment was designed; None if the environment does not say."""
        inner = self._env.unwrapped
        for name in ("dt", "tau"):
            step_s = getattr(inner, name, None)
            if isinstance(step_s, int | float) and step_s > 0:
                return 1 / step_s
        shown = (getattr(inner, "metadata", None) or {}).get("render_fps")
        return float(shown) if isinstance(shown, int | float) and shown > 0 else None

    def reset(self, rng: np.random.Generator) -> Value:
        """Begin an episode with a seed drawn from ``rng``."""
        observation, _ = self._env.reset(seed=int(rng.integers(2**31)))
        self._over = False
        return self._observations.read(observation)

    def step(self, action: Action) -> Step:
        """Advance by one step.

        Raises:
            ValueError: the action does not fit the spec.
            RuntimeError: no episode is running.
        """
        checked = self._check(action)
        if self._over:
            raise RuntimeError("no episode is under way: reset first")
        observation, reward, terminated, truncated, _ = self._env.step(checked)
        self._over = bool(terminated or truncated)
        return Step(self._observations.read(observation), float(reward), bool(terminated), bool(truncated))

    def screen(self) -> npt.NDArray[np.uint8] | None:
        """Return the image, (height, width, 3) uint8 RGB; None without ``render``, or if the environment draws none."""
        image = self._env.render() if self._render else None
        return None if image is None else np.asarray(image, np.uint8)

    def world_state(self) -> dict[str, Any]:
        """Return the settings, whether the episode is over, and a list ``layers`` with the attributes of each wrapper.

        The outermost wrapper is first, and the environment itself is last.
        """
        layers = [_attributes(layer) for layer in _layers(self._env)]
        return {"settings": self._settings, "over": self._over, "layers": layers}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Make the environment again, and restore its attributes."""
        GymnasiumEnvironment.__init__(self, state["settings"])
        self._over = state["over"]
        for layer, attributes in zip(_layers(self._env), state["layers"], strict=True):
            vars(layer).update(attributes)

    def close(self) -> None:
        """Close the environment. Closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._env.close()

    def _check(self, action: Action) -> Action:
        """Return the action in the environment's form. Raises ``ValueError`` if the action does not fit the spec."""
        spec = self.spec.action
        match spec:
            case Discrete():
                return int(self._first_action) + check_discrete(action, spec.count)
            case MultiDiscrete():
                return np.asarray(self._first_action + check_multi_discrete(action, spec.size, spec.count))
            case Continuous():
                numbers = check_continuous(action, np.array(spec.low), np.array(spec.high))
                return numbers.astype(self._action_dtype)
            case _:
                assert_never(spec)

    def _default_noop(self) -> Action:
        spec = self.spec.action
        match spec:
            case Discrete():
                return 0
            case MultiDiscrete():
                return np.zeros(spec.size, np.int64)
            case Continuous():
                return np.clip(np.zeros(spec.size), spec.low, spec.high)
            case _:
                assert_never(spec)

    def _given_noop(self, given: int | tuple[float, ...]) -> Action:
        noop: Action = given if isinstance(given, int) else np.array(given)
        try:
            self._check(noop)
        except ValueError as problem:
            raise ValueError(f"noop: {problem}") from problem
        return noop


def _make(settings: GymnasiumSettings) -> gymnasium.Env[Any, Any]:
    import gymnasium  # noqa: PLC0415 - an import of 0.2 s that only this node needs

    # Without the checker: it costs time at every step, and the relevant checks are made here.
    arguments: dict[str, Any] = {"disable_env_checker": True, **settings.kwargs}
    if settings.render:
        arguments["render_mode"] = "rgb_array"
    # An environment of another module ("module:Env-v0") is registered only when gymnasium imports the module.
    if ":" not in settings.id and settings.id not in gymnasium.registry:
        import ale_py  # noqa: PLC0415 - an emulator that only Atari games need, under their old names too

        gymnasium.register_envs(ale_py)
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    try:
        return gymnasium.make(settings.id, **arguments)
    except Exception as problem:  # whatever somebody's environment raises
        if lacking := _lacking(problem):
            raise ValueError(
                f"gymnasium environment {settings.id!r} needs {lacking}, which is not installed. "
                "hint: pip install 'rtgraph[mujoco]'"
            ) from problem
        kind = "" if isinstance(problem, gymnasium.error.Error | TypeError) else f"{type(problem).__name__}: "
        close = difflib.get_close_matches(settings.id, gymnasium.registry, n=1)
        unknown = isinstance(problem, gymnasium.error.UnregisteredEnv) and close
        hint = f". hint: did you mean {close[0]!r}?" if unknown else ""
        raise ValueError(
            f"gymnasium environment {settings.id!r} cannot be made: {kind}{problem}{hint}"
        ) from problem


def _lacking(problem: Exception) -> str | None:
    """Return the name of the MuJoCo package that could not be imported; None if the environment failed for another reason."""
    missing = problem if isinstance(problem, ImportError) else problem.__cause__
    return MUJOCO_PACKAGES.get(str(missing.name)) if isinstance(missing, ImportError) else None


def _layers(env: gymnasium.Env[Any, Any]) -> list[gymnasium.Env[Any, Any]]:
    """Return the wrappers of an environment and the environment itself. The outermost wrapper is first, the environment last."""
    import gymnasium  # noqa: PLC0415

    layers = [env]
    while isinstance(layers[-1], gymnasium.Wrapper):
        layers.append(layers[-1].env)
    return layers


def _attributes(layer: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """Return the attributes of a wrapper or environment, without the inner environment, the spaces and the Gymnasium spec."""
    from gymnasium import Env, Space  # noqa: PLC0415
    from gymnasium.envs.registration import EnvSpec  # noqa: PLC0415

    return {
        name: value for name, value in vars(layer).items() if not isinstance(value, Env | Space | EnvSpec)
    }


class GymnasiumParams(PlantParams, GymnasiumSettings):
    """The parameters of the node ``Gymnasium``: the parameters of every plant (environment or robot), and the environment's settings."""


class Gymnasium(Emulator[GymnasiumParams]):
    """Any Gymnasium environment, at a configured rate."""

    environment_type = GymnasiumEnvironment
    imports_later = ("gymnasium",)
    incidental = frozenset({"rate_hz", "render", "noop"})

    def result(self) -> dict[str, Any]:
        """Return the plant's result. It has a warning if the environment was designed for another rate than ``rate_hz``."""
        result, environment, rate_hz = super().result(), self._environment, self.params.rate_hz
        own_hz = environment.own_rate_hz if isinstance(environment, GymnasiumEnvironment) else None
        if own_hz is None or math.isclose(own_hz, rate_hz, rel_tol=SAME_RATE):
            return result
        warning = f"{self.params.id} steps at {rate_hz:g} Hz, and is made for {own_hz:g} Hz: its time runs at another speed"
        return result | {"warnings": [*result.get("warnings", ()), f"{warning}. hint: rate_hz={own_hz:g}"]}

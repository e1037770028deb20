import sys
import types

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from pydantic import ValidationError

from rtgraph.msgs.spaces import ArraySpec, Continuous, Discrete, MultiDiscrete, PartsSpec
from rtgraph.nodes.emulator.gymnasium_environment import GymnasiumEnvironment, GymnasiumSettings
from rtgraph.nodes.plant.environment import Saveable

BOX = spaces.Box(-1, 1, (2,), np.float32)


class Echo(gymnasium.Env):
    """Records every action; the third step terminates. The observation array is reused."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 1}  # noqa: RUF012 - required by gymnasium

    def __init__(self, action_space=BOX, observation_space=BOX, render_mode=None):
        self.action_space, self.observation_space, self.render_mode = (
            action_space,
            observation_space,
            render_mode,
        )
        self.seeds, self.actions, self.closed = [], [], 0
        self.seen = np.zeros((2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.actions.clear()
        return self._observe(), {}

    def step(self, action):
        self.actions.append(action)
        return self._observe(), np.float64(0.5), np.bool_(len(self.actions) == 3), False, {"info": 1}

    def render(self):
        return np.full((4, 5, 3), 7, np.uint8)

    def close(self):
        self.closed += 1

    def _observe(self):
        self.seen += 1
        if isinstance(self.observation_space, spaces.Box):
            return self.seen
        return getattr(self.observation_space, "start", np.zeros(2, np.int8))


@pytest.fixture
def register():
    """Register environments with the given spaces under one name, for the duration of a test."""

    def registered(action_space=BOX, observation_space=BOX):
        made = []

        def make(**kwargs):
            made.append(Echo(action_space, observation_space, **kwargs))
            return made[-1]

        gymnasium.registry.pop("Echo-v0", None)
        gymnasium.register("Echo-v0", entry_point=make)
        return made

    yield registered
    gymnasium.registry.pop("Echo-v0", None)


def echo(**settings):
    return GymnasiumEnvironment(GymnasiumSettings(id="Echo-v0", rate_hz=10.0, **settings))


def begun(environment, seed=0):
    environment.reset(np.random.default_rng(seed))
    return environment


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "MountainCarContinuous-v0"])
def test_ordinary_environments_play(name):
    settings = GymnasiumSettings(id=name, rate_hz=50.0)
    environment = GymnasiumEnvironment(settings)
    assert environment.spec == settings.spec()
    assert environment.spec.rate_hz == 50.0
    assert environment.spec.observation.admits(environment.reset(np.random.default_rng(0)))
    for _ in range(3):
        step = environment.step(environment.noop)
        assert environment.spec.observation.admits(step.observation)
        assert (type(step.reward), type(step.terminated), type(step.truncated)) == (float, bool, bool)
    assert environment.screen() is None
    environment.close()


def test_equal_seeds_give_equal_futures():
    first, second, third = (
        begun(GymnasiumEnvironment(GymnasiumSettings(id="Pendulum-v1", rate_hz=1)), seed)
        for seed in (4, 4, 5)
    )
    steps = [
        [environment.step([1.0]).observation.tolist() for _ in range(20)]
        for environment in (first, second, third)
    ]
    assert steps[0] == steps[1] != steps[2]


def test_each_reset_draws_a_seed(register):
    made = register()
    environment, rng = echo(), np.random.default_rng(0)
    environment.reset(rng)
    environment.reset(rng)
    begun(environment)
    first, second, again = made[0].seeds
    assert first == again != second


def test_discrete_actions_are_numbered_from_0_wherever_they_start(register):
    made = register(spaces.Discrete(3, start=5))
    environment = begun(echo())
    assert environment.spec.action == Discrete(count=3)
    assert environment.noop == 0
    environment.step(2)
    environment.step(np.int64(0))
    assert made[0].actions == [7, 5]
    with pytest.raises(ValueError, match="expected a whole number from 0 to 2"):
        environment.step(5)


def test_continuous_actions_keep_their_ranges(register):
    made = register(spaces.Box(np.array([-1, 0.5], np.float32), np.array([1, 2], np.float32)))
    environment = begun(echo())
    assert environment.spec.action == Continuous(low=(-1.0, 0.5), high=(1.0, 2.0))
    assert environment.noop.tolist() == [0.0, 0.5]
    environment.step(np.array([1.0, 2.0]))
    assert made[0].actions[0].dtype == np.float32
    assert made[0].actions[0].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"action\[1\] = 0.0: expected a number from 0.5 to 2.0"):
        environment.step(np.array([0.0, 0.0]))


def test_multi_discrete_actions_are_numbered_from_0(register):
    made = register(spaces.MultiDiscrete([3, 3], start=[0, 10]))
    environment = begun(echo())
    assert environment.spec.action == MultiDiscrete(size=2, count=3)
    assert environment.noop.tolist() == [0, 0]
    environment.step(np.array([2, 1]))
    assert made[0].actions[0].tolist() == [2, 11]
    with pytest.raises(ValueError, match=r"action\[0\] = 3"):
        environment.step(np.array([3, 0]))


@pytest.mark.parametrize(
    "space",
    [
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiDiscrete([[2, 2], [2, 2]]),
        spaces.Box(-1, 1, (2, 2), np.float32),
        spaces.Box(-np.inf, np.inf, (2,), np.float32),
        spaces.Box(0, 3, (2,), np.int64),
        spaces.MultiBinary(3),
        spaces.Dict({"left": spaces.Discrete(2)}),
    ],
    ids=str,
)
def test_other_action_spaces_are_named_and_refused(register, space):
    made = register(space)
    with pytest.raises(ValueError, match=r"(?s)'Echo-v0': the action space .* is not supported") as caught:
        echo()
    assert str(space) in str(caught.value)
    assert made[0].closed == 1


@pytest.mark.parametrize(
    ("space", "spec"),
    [
        (spaces.Box(0, 255, (2,), np.uint8), ArraySpec(dtype="uint8", shape=(2,), low=0, high=255)),
        (spaces.Box(-np.inf, 1, (2,), np.float64), ArraySpec(dtype="float64", shape=(2,), high=1)),
        (spaces.Discrete(5, start=2), ArraySpec(dtype="int64", shape=(), low=2, high=6)),
        (spaces.MultiDiscrete([2, 3]), ArraySpec(dtype="int64", shape=(2,), low=0, high=2)),
        (spaces.MultiBinary(2), ArraySpec(dtype="int8", shape=(2,), low=0, high=1)),
    ],
)
def test_observations_are_typed(register, space, spec):
    register(observation_space=space)
    environment = echo()
    assert environment.spec.observation == spec
    assert spec.admits(environment.reset(np.random.default_rng(0)))
    assert spec.admits(environment.step([0, 0]).observation)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Text(3),
        spaces.Box(0, 9, (2,), np.uint32),
        spaces.Tuple([BOX, spaces.Text(3)]),
        spaces.Dict({"words": spaces.Dict({"one": spaces.Text(3)})}),
        spaces.Sequence(BOX),
    ],
    ids=str,
)
def test_other_observation_spaces_are_named_and_refused(register, space):
    made = register(observation_space=space)
    with pytest.raises(
        ValueError, match=r"(?s)'Echo-v0': the observation space .* is not supported"
    ) as caught:
        echo()
    assert str(space) in str(caught.value)
    assert made[0].closed == 1


class Several(gymnasium.Env):
    """An environment with nested observations: it returns the arrays that it works in."""

    action_space = spaces.Discrete(2)
    observation_space = spaces.Dict(
        {
            "camera": spaces.Dict({"rgb": spaces.Box(0, 255, (4, 4, 3), np.uint8)}),
            "joints": spaces.Tuple([spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3)]),
        }
    )

    def __init__(self):
        self._joints = np.zeros(2, np.float32)

    def _observation(self):
        rgb = np.full((4, 4, 3), round(10 * self._joints[0]), np.uint8)
        return {"camera": {"rgb": rgb}, "joints": (self._joints, 2)}

    def reset(self, *, seed=None, options=None):
        self._joints[:] = 0.5
        return self._observation(), {}

    def step(self, action):
        self._joints[:] = 1.0
        return self._observation(), 0.0, False, False, {}


def test_dict_and_tuple_spaces_are_parts_named_by_their_path():
    gymnasium.register("Several-v0", Several)
    try:
        environment = GymnasiumEnvironment(GymnasiumSettings(id="Several-v0", rate_hz=10))
    finally:
        del gymnasium.registry["Several-v0"]
    spec = environment.spec.observation
    assert spec == PartsSpec(
        parts={
            "camera/rgb": ArraySpec(dtype="uint8", shape=(4, 4, 3), low=0, high=255),
            "joints/0": ArraySpec(dtype="float32", shape=(2,), low=-1, high=1),
            "joints/1": ArraySpec(dtype="int64", shape=(), low=0, high=2),
        }
    )
    first = environment.reset(np.random.default_rng(0))
    assert spec.admits(first)
    second = environment.step(0).observation
    assert [first["joints/0"].tolist(), second["joints/0"].tolist()] == [[0.5, 0.5], [1, 1]]
    assert [first["camera/rgb"].max(), second["camera/rgb"].max()] == [5, 10]
    assert first["joints/1"] == 2


def test_two_parts_of_one_name_are_refused(register):
    register(observation_space=spaces.Dict({"a/b": BOX, "a": spaces.Dict({"b": BOX})}))
    with pytest.raises(ValueError, match="two parts of its observations get the name 'a/b'"):
        echo()


def test_observations_are_copied(register):
    register()
    environment = echo()
    first = environment.reset(np.random.default_rng(0))
    environment.step([0, 0])
    assert first.tolist() == [1, 1]


def test_an_ended_episode_needs_a_reset(register):
    register()
    environment = echo()
    with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
        environment.step([0, 0])
    begun(environment)
    steps = [environment.step([0, 0]) for _ in range(3)]
    assert [(step.terminated, step.truncated) for step in steps] == [
        (False, False),
        (False, False),
        (True, False),
    ]
    assert steps[0].reward == 0.5
    with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
        environment.step([0, 0])
    begun(environment).step([0, 0])


def test_the_time_limit_truncates():
    settings = GymnasiumSettings(id="Pendulum-v1", rate_hz=1, kwargs={"max_episode_steps": 2})
    environment = begun(GymnasiumEnvironment(settings))
    ends = [environment.step([0.0]) for _ in range(2)]
    assert [(step.terminated, step.truncated) for step in ends] == [(False, False), (False, True)]
    with pytest.raises(RuntimeError, match="reset first"):
        environment.step([0.0])


def test_the_screen_is_rendered_on_demand(register):
    register()
    assert begun(echo()).screen() is None
    screen = begun(echo(render=True)).screen()
    assert screen.shape == (4, 5, 3)
    assert screen.dtype == np.uint8


@pytest.mark.parametrize(
    ("space", "noop"),
    [
        (spaces.Discrete(3), 2),
        (spaces.MultiDiscrete([3, 3]), (1, 2)),
        (BOX, (0.5, -1.0)),
    ],
    ids=str,
)
def test_the_noop_can_be_given(register, space, noop):
    register(space)
    environment = begun(echo(noop=noop))
    assert np.asarray(environment.noop).tolist() == np.asarray(noop).tolist()
    environment.step(environment.noop)


@pytest.mark.parametrize("noop", [1, (0.0,), (0.0, 3.0)])
def test_a_noop_outside_the_action_space_is_refused(register, noop):
    made = register()
    with pytest.raises(ValueError, match="noop: action"):
        echo(noop=noop)
    assert made[0].closed == 1


def test_it_does_not_claim_to_be_saveable(register):
    register()
    assert not isinstance(echo(), Saveable)


def test_it_is_closed_once(register):
    made = register()
    environment = echo()
    environment.close()
    environment.close()
    assert made[0].closed == 1


@pytest.mark.parametrize(
    ("name", "kwargs"), [("NoSuchThing-v0", {}), ("CartPole-v1", {"gravitas": 1}), ("no name", {})]
)
def test_what_cannot_be_made_is_named(name, kwargs):
    with pytest.raises(ValueError, match=f"gymnasium environment '{name}' cannot be made: "):
        GymnasiumSettings(id=name, rate_hz=1, kwargs=kwargs).spec()


@pytest.mark.parametrize("wrong", [{"rate_hz": 0}, {"speed": 1}, {"kwargs": {"a": object()}}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        GymnasiumSettings(**({"id": "CartPole-v1", "rate_hz": 1} | wrong))


def test_an_atari_game_of_gymnasium_is_known():
    spec = GymnasiumSettings(id="ALE/Pong-v5", rate_hz=15).spec()
    assert spec.observation.shape == (210, 160, 3)
    assert spec.action.count == 6


def test_whatever_an_environment_raises_is_named(monkeypatch):
    def broken(**_):
        raise RuntimeError("no display")

    monkeypatch.setitem(
        gymnasium.registry, "Broken-v0", gymnasium.envs.registration.EnvSpec("Broken-v0", broken)
    )
    with pytest.raises(ValueError, match="'Broken-v0' cannot be made: RuntimeError: no display"):
        GymnasiumSettings(id="Broken-v0", rate_hz=1).spec()


def test_atari_games_have_their_old_names():
    spec = GymnasiumSettings(id="PongNoFrameskip-v4", rate_hz=60.0).spec()
    assert spec.observation.shape == (210, 160, 3)


def test_the_nearest_name_is_told_of_an_environment_there_is_not():
    with pytest.raises(ValueError, match=r"cannot be made: .*hint: did you mean 'PongNoFrameskip-v4'"):
        GymnasiumSettings(id="PongNoFrameskp-v4", rate_hz=60.0).spec()


@pytest.mark.parametrize(
    ("name", "own_hz"), [("CartPole-v1", 50), ("Pendulum-v1", 20), ("MountainCar-v0", 30)]
)
def test_the_rate_that_an_environment_is_made_for_is_known(name, own_hz):
    environment = GymnasiumEnvironment(GymnasiumSettings(id=name, rate_hz=60))
    assert environment.own_rate_hz == pytest.approx(own_hz)
    environment.close()


@pytest.mark.parametrize("module", ["imageio", "mujoco"])
def test_mujoco_tasks_name_the_extra_that_they_need(module, monkeypatch):
    for name in [
        name for name in sys.modules if name.startswith(("gymnasium.envs.mujoco", "imageio", "mujoco"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "imageio", types.ModuleType("imageio"))
    monkeypatch.setitem(sys.modules, "mujoco", types.ModuleType("mujoco"))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ValueError, match=f"(?i)'Hopper-v5' needs {module}, .*rtgraph\\[mujoco\\]'$"
    ) as caught:
        GymnasiumEnvironment(GymnasiumSettings(id="Hopper-v5", rate_hz=125))
    assert "\n" not in str(caught.value)

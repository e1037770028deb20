import subprocess
import sys

import msgpack
import numpy as np
import pytest
from support.emulated import atari, begun, play, random_actions

from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.emulator.atari_environment import AtariEnvironment, AtariSettings


@pytest.fixture(scope="module")
def loaded():
    """Return an emulator shared by tests that do not need a separate one: loading a game takes 0.1 s."""
    return atari()


@pytest.fixture
def boxing(loaded):
    return begun(loaded)


@pytest.mark.parametrize(
    ("settings", "shape", "count"),
    [
        (AtariSettings(game="boxing"), (84, 84), 18),
        (AtariSettings(game="name_this_game", full_action_set=False), (84, 84), 6),
        (AtariSettings(game="krull", observation="rgb"), (210, 160, 3), 18),
        (AtariSettings(game="mr_do", observation="rgb"), (250, 160, 3), 18),
        (AtariSettings(game="skiing"), (84, 84), 9),
    ],
    ids=lambda value: value.game if isinstance(value, AtariSettings) else None,
)
def test_the_spec_follows_from_the_settings(settings, shape, count):
    spec = settings.spec()
    assert spec.observation == ArraySpec(dtype="uint8", shape=shape, low=0, high=255)
    assert spec.action.count == len(spec.action.names) == count
    assert spec.rate_hz == 60.0
    environment = AtariEnvironment(settings)
    assert environment.spec == spec
    assert spec.observation.admits(environment.reset(np.random.default_rng(0)))
    assert spec.observation.admits(environment.step(environment.noop).observation)
    assert spec.action.names[environment.noop] == "NOOP"


def test_the_memory_is_observed_as_the_emulator_reads_it():
    environment = begun(atari("boxing", observation="ram"))
    assert environment.spec.observation == ArraySpec(dtype="float32", shape=(128,), low=0, high=1)
    for action in random_actions(environment, 20):
        observation = environment.step(action).observation
        assert environment.spec.observation.admits(observation)
        assert (np.round(observation * 255) == environment._ale.getRAM()).all()


def test_the_bits_of_the_memory_are_observed():
    environment = begun(atari("boxing", observation="bits"))
    assert environment.spec.observation == ArraySpec(dtype="uint8", shape=(1024,), low=0, high=1)
    for action in random_actions(environment, 20):
        assert (np.packbits(environment.step(action).observation) == environment._ale.getRAM()).all()


def test_a_game_that_is_not_there_is_named_with_its_nearest():
    with pytest.raises(
        ValueError, match=r"game 'Boxing': ale-py has no such game.*nearest names are boxing, "
    ):
        AtariSettings(game="Boxing").spec()
    with pytest.raises(ValueError, match="name_this_game"):
        atari("NameThisGame")


@pytest.mark.parametrize("game", ["../boxing", "", "boxing.bin"])
def test_a_game_is_not_a_path(game):
    with pytest.raises(ValueError, match="ale-py has no such game"):
        atari(game)


def test_a_game_that_ale_cannot_play_is_refused():
    with pytest.raises(ValueError, match="game 'joust': ALE has its ROM but cannot play it"):
        atari("joust")


def test_a_game_whose_own_actions_lack_a_noop_needs_them_all():
    with pytest.raises(
        ValueError,
        match=r"the actions that the game uses do not include a no-op. hint: full_action_set: true",
    ):
        AtariSettings(game="backgammon", full_action_set=False).spec()
    assert atari("backgammon").noop == 0


def test_actions_are_numbered_within_the_set():
    few, all_actions = begun(atari("pong", full_action_set=False)), begun(atari("pong"))
    names = few.spec.action.names
    assert names == ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    translated = [all_actions.spec.action.names.index(name) for name in names]
    actions = random_actions(few, 200)
    assert play(few, actions) == play(all_actions, [translated[action] for action in actions])


def test_a_noop_start_depends_on_the_generator():
    environment = atari("krull")
    assert len({environment.reset(np.random.default_rng(seed)).tobytes() for seed in range(10)}) > 1


def test_without_noop_starts_every_episode_begins_alike():
    environment = atari("krull", noop_max=0)
    starts = set()
    for seed in range(3):
        starts.add((environment.reset(np.random.default_rng(seed)).tobytes(), environment.screen().tobytes()))
        play(environment, random_actions(environment, 20))
    assert len(starts) == 1


@pytest.mark.parametrize("game", ["boxing", "tetris", "qbert", "amidar"])
def test_an_episode_depends_on_nothing_that_went_before(game):
    fresh, used = atari(game), begun(atari(game), seed=1)
    play(used, random_actions(used, 123, seed=1))
    actions = random_actions(fresh, 100, seed=2)
    for environment in (fresh, used):
        begun(environment, seed=3)
    assert (fresh.observation == used.observation).all()
    assert play(fresh, actions) == play(used, actions)


def test_an_episode_terminates_when_the_game_is_over():
    environment = begun(atari("breakout"))
    fire = environment.spec.action.names.index("FIRE")
    steps = [environment.step(fire)]
    while not steps[-1].terminated:
        assert len(steps) < 5000, "five balls were not lost in time"
        steps.append(environment.step(fire))
    assert not steps[-1].truncated
    assert sum(step.reward for step in steps) >= 0
    for restored in (environment, atari("breakout")):
        restored.restore(environment.snapshot())
        with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
            restored.step(fire)


def test_always_sticking_is_doing_nothing(boxing):
    stuck = begun(atari(sticky=1.0))
    assert play(stuck, random_actions(stuck, 60)) == play(boxing, [boxing.noop] * 60)


@pytest.mark.parametrize("game", ["boxing", "krull", "name_this_game"])
@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_a_snapshot_is_exact(game, sticky):
    settings = AtariSettings(game=game, sticky=sticky, max_frames=500)
    environment, other = begun(AtariEnvironment(settings)), begun(AtariEnvironment(settings), seed=9)
    rng = np.random.default_rng(1)
    for point in range(2):
        play(environment, random_actions(environment, int(rng.integers(0, 150)), seed=point))
        snapshot, observation, screen = environment.snapshot(), environment.observation, environment.screen()
        actions = random_actions(environment, 400, seed=10 + point)
        expected = play(environment, actions)
        other.restore(snapshot)
        assert (other.observation == observation).all()
        assert (other.screen() == screen).all()
        assert other.snapshot() == snapshot
        assert play(other, actions) == expected


@pytest.mark.parametrize("observation", ["rgb", "ram", "bits"])
def test_a_snapshot_of_other_observations_is_exact(observation):
    environment = begun(atari("krull", observation=observation, noop_max=0))
    at_once = environment.snapshot()
    actions = random_actions(environment, 50)
    expected = play(environment, actions)
    other = begun(atari("krull", observation=observation, noop_max=0))
    play(other, actions)
    other.restore(at_once)
    assert play(other, actions) == expected


def test_a_snapshot_of_another_game_or_setting_is_refused(boxing):
    for other in (atari("krull"), atari(observation="rgb"), atari("pong", full_action_set=False)):
        with pytest.raises(
            ValueError, match=r"this is a snapshot of 'atari .*', not of 'atari boxing grey84"
        ):
            boxing.restore(begun(other).snapshot())
    with pytest.raises(ValueError, match="they cannot be read"):
        boxing.restore(b"nonsense")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"emulator": b"short"}, "ALE cannot read its state"),
        ({"screen": b"not zlib"}, "no valid compressed picture"),
        ({"observation": b"x\x9c\x03\x00\x00\x00\x00\x01"}, "no valid compressed picture"),
        ({"sticky_generator": b""}, "no valid state of a random generator"),
        ({"frames": -1}, "is damaged"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_damaged_snapshot_changes_nothing(boxing, damage, message):
    before = boxing.snapshot()
    owner, fields = msgpack.unpackb(before)
    with pytest.raises(ValueError, match=message):
        boxing.restore(msgpack.packb([owner, fields | damage]))
    assert boxing.snapshot() == before


def test_importing_the_environments_loads_no_emulator():
    names = [
        "atari_environment",
        "gymnasium_environment",
        "proof_environments",
        "endless_environment",
        "theory",
        "tracking.environment",
    ]
    program = (
        f"import sys; {'; '.join(f'import rtgraph.nodes.emulator.{name}' for name in names)}; "
        "print(sorted({'ale_py', 'gymnasium', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

import subprocess
import sys

import msgpack
import numpy as np
import pytest
from support.emulated import begun, gameboy, play, random_actions

from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.emulator.gameboy import find_game
from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings
from rtgraph.nodes.plant.preprocess import AreaResize

DOWN = 6


@pytest.mark.parametrize(("observation", "shape"), [("grey84", (84, 84)), ("rgb", (144, 160, 3))])
def test_the_spec_follows_from_the_settings(observation, shape):
    settings = GameBoySettings(game="blocks", observation=observation)
    spec = settings.spec()
    assert spec.observation == ArraySpec(dtype="uint8", shape=shape, low=0, high=255)
    assert spec.action.names == ("NOOP", "A", "B", "LEFT", "UP", "RIGHT", "DOWN")
    assert spec.rate_hz == 59.7275
    environment = GameBoyEnvironment(settings)
    assert environment.spec == spec
    assert spec.observation.admits(environment.reset(np.random.default_rng(0)))
    assert spec.observation.admits(environment.step(environment.noop).observation)
    assert spec.action.names[environment.noop] == "NOOP"


@pytest.mark.parametrize("game", ["blocks", "duel_catching"])
def test_the_memory_is_observed_as_bytes_or_as_bits(game):
    bytes_seen, bits_seen = (begun(gameboy(game, observation=kind)) for kind in ("ram", "bits"))
    assert bytes_seen.spec.observation == ArraySpec(dtype="float32", shape=(256,), low=0, high=1)
    assert bits_seen.spec.observation == ArraySpec(dtype="uint8", shape=(2048,), low=0, high=1)
    for action in random_actions(bytes_seen, 40):
        seen = bytes_seen.step(action).observation
        memory = np.frombuffer(bytes_seen._console.memory().read(0xC000, 256), np.uint8)
        assert np.array_equal(np.round(seen * 255), memory)
        bits = bits_seen.step(action).observation
        assert bits_seen.spec.observation.admits(bits)
        assert np.array_equal(np.packbits(bits), memory)


def test_a_game_or_a_start_that_is_not_there_is_named():
    with pytest.raises(
        ValueError, match=r"game 'Block': there is no such Game Boy game. hint: the nearest names are blocks"
    ):
        GameBoySettings(game="Block").spec()
    with pytest.raises(
        ValueError, match=r"blocks has no state 'level3'. hint: the states are level0, level5, level9"
    ):
        gameboy(state="level3")


@pytest.mark.parametrize("level", [0, 5, 9])
def test_an_episode_starts_from_its_state(level):
    step = begun(gameboy(state=f"level{level}")).step(0)
    assert step.measurements["level"] == level


def test_each_action_presses_its_button():
    environment = begun(gameboy(noop_max=0))
    held = {"NOOP": 0, "A": 1, "B": 2, "RIGHT": 16, "LEFT": 32, "UP": 64, "DOWN": 128}
    for action, name in enumerate(environment.spec.action.names):
        environment.step(action)
        assert environment._console.memory().read(0xC007) == bytes([held[name]])


def test_the_observation_is_the_screen_made_small():
    environment, resize = begun(gameboy()), AreaResize(144, 160)
    for action in random_actions(environment, 30):
        observation = environment.step(action).observation
        assert (observation == resize(np.ascontiguousarray(environment.screen()[:, :, 1]))).all()
    assert observation.min() < 60
    assert observation.max() > 240


def test_what_the_memory_says_is_measured():
    environment = begun(gameboy())
    step = environment.step(0)
    assert set(step.measurements) == set(find_game("blocks").variables)
    assert {type(value) for value in step.measurements.values()} == {float}
    assert step.measurements["pieces"] == 1
    assert step.measurements["score"] == 0


def test_the_reward_is_the_change_of_the_score_and_waiting_loses():
    environment = begun(gameboy(state="level9"))
    total, steps = 0.0, 0
    while True:
        step = environment.step(DOWN if steps % 40 < 20 else 0)
        total, steps = total + step.reward, steps + 1
        assert step.measurements["score"] == total
        if step.terminated:
            break
        assert steps < 3_000
    assert not step.truncated
    assert step.measurements["ended"] == 1
    assert total > 0
    for restored in (environment, gameboy(state="level9")):
        restored.restore(environment.snapshot())
        with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
            restored.step(0)


def test_an_episode_depends_on_its_seed_alone():
    fresh, used = gameboy(), begun(gameboy(), seed=1)
    play(used, random_actions(used, 123, seed=1))
    actions = random_actions(fresh, 100, seed=2)
    for environment in (fresh, used):
        begun(environment, seed=3)
    assert (fresh.observation == used.observation).all()
    assert play(fresh, actions) == play(used, actions)


def test_seeds_and_noop_starts_come_from_the_generator():
    environment = gameboy()
    first_pieces = {begun(environment, seed).step(0).measurements["piece"] for seed in range(20)}
    assert len(first_pieces) > 3
    frames = {begun(environment, seed)._console.memory().read(0xC002, 2) for seed in range(20)}
    assert len(frames) > 5
    still = gameboy(noop_max=0)
    assert len({begun(still, seed)._console.memory().read(0xC002, 2) for seed in range(20)}) == 1


@pytest.mark.parametrize(
    "settings",
    [{}, {"sticky": 0.25, "state": "level9"}, *({"observation": kind} for kind in ("rgb", "ram", "bits"))],
)
def test_a_snapshot_is_exact(settings):
    environment = begun(gameboy(max_frames=500, **settings))
    other = begun(gameboy(max_frames=500, **settings), seed=9)
    rng = np.random.default_rng(1)
    for point in range(2):
        play(environment, random_actions(environment, int(rng.integers(0, 150)), seed=point))
        snapshot, observation, screen = environment.snapshot(), environment.observation, environment.screen()
        actions = random_actions(environment, 300, seed=10 + point)
        expected = play(environment, actions)
        other.restore(snapshot)
        assert (other.observation == observation).all()
        assert (other.screen() == screen).all()
        assert play(other, actions) == expected


def test_several_environments_take_turns_at_the_emulator():
    actions = random_actions(gameboy(), 100)
    alone = [play(begun(gameboy(), seed), actions) for seed in range(3)]
    environments = [begun(gameboy(), seed) for seed in range(3)]
    together = [[] for _ in environments]
    for place, action in enumerate(actions):
        for index in np.random.default_rng(place).permutation(3):
            together[index] += play(environments[index], [action])
    assert together == alone


def test_a_snapshot_of_another_game_or_setting_is_refused():
    environment = begun(gameboy())
    for other in (gameboy(observation="rgb"), gameboy("duel_battles")):
        with pytest.raises(
            ValueError, match=r"this is a snapshot of 'gameboy .*', not of 'gameboy blocks grey84"
        ):
            environment.restore(begun(other).snapshot())
    with pytest.raises(ValueError, match="they cannot be read"):
        environment.restore(b"nonsense")


def test_a_snapshot_of_another_version_of_the_program_is_refused():
    environment = begun(gameboy())
    owner, fields = msgpack.unpackb(environment.snapshot())
    with pytest.raises(ValueError, match=r"not of 'gameboy blocks grey84 [0-9a-f]{12}'"):
        environment.restore(msgpack.packb([owner[:-1] + "x", fields]))


@pytest.mark.parametrize(
    ("game", "actions", "rewards"),
    [("duel_battles", "A", {1.0, -1.0}), ("duel_catching", "A", {-1.0})],
)
def test_duel_is_played_to_its_end(game, actions, rewards):
    """Choosing the first of every menu, which fights and never throws a net."""
    environment = begun(GameBoyEnvironment(GameBoySettings(game=game)))
    press = environment.spec.action.names.index(actions)
    earned = []
    for frame in range(3_000):
        step = environment.step(press if frame % 2 else 0)
        earned.append(step.reward)
        if step.terminated:
            break
    assert step.terminated
    assert step.measurements["ended"] in {1, 2}
    assert {reward for reward in earned if reward} <= rewards
    assert sum(earned) in rewards


def test_without_a_button_a_duel_waits():
    environment = begun(GameBoyEnvironment(GameBoySettings(game="duel_battles", state="battle7")))
    measured = [environment.step(0).measurements for _ in range(600)]
    assert measured[-1] == measured[200]
    assert measured[-1]["turns"] == 0
    assert measured[-1]["opp_size"] == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"console": b"not zlib"}, "its console's state cannot be decompressed"),
        ({"console": b"x\x9c\x03\x00\x00\x00\x00\x01"}, "not a state of this ROM"),
        ({"variables": {"score": 1}}, "the names of its variables differ"),
        ({"screen": b"not zlib"}, "no valid compressed picture"),
        ({"sticky_generator": b""}, "no valid state of a random generator"),
        ({"frames": -1}, "is damaged"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_damaged_snapshot_changes_nothing(damage, message):
    environment = begun(gameboy())
    before = environment.snapshot()
    owner, fields = msgpack.unpackb(before)
    with pytest.raises(ValueError, match=message):
        environment.restore(msgpack.packb([owner, fields | damage]))
    assert environment.snapshot() == before


def test_settings_and_spec_load_no_emulator():
    program = (
        "import sys; from rtgraph.nodes.emulator import GameBoy; "
        "GameBoy.spec(GameBoy.params_type(game='blocks')); "
        "print(sorted({'stable_retro', 'gymnasium', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

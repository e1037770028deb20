import os
import shutil

import numpy as np
import pytest
from support.weights import shared_weights

from rtgraph.msgs import ArraySpec, Continuous, Discrete, MultiDiscrete, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.inference.policies import make_policy
from rtgraph.nodes.inference.policy import EpsilonGreedyParams, RandomParams, ScriptedParams
from rtgraph.nodes.runtime import LaunchContext

OBSERVATION = np.zeros(1)


class Constant:
    def __init__(self, action=2):
        self.action = action

    def act(self, observation):
        return self.action


def policy(action, params=None, seed=0):
    spec = PlantSpec(rate_hz=60.0, observation=ArraySpec(dtype="uint8", shape=(1,)), action=action)
    return make_policy(params or RandomParams(), spec, np.random.default_rng(seed), LaunchContext())


def test_discrete_actions_are_drawn_evenly():
    acts = [policy_.act(OBSERVATION) for policy_ in [policy(Discrete(count=6))] for _ in range(6_000)]
    assert all(type(act.action) is int and act.explored for act in acts)
    counts = np.bincount([act.action for act in acts], minlength=6)
    assert counts.size == 6
    assert counts.min() > 850
    assert counts.max() < 1_150


def test_continuous_actions_keep_to_their_ranges():
    made = policy(Continuous(low=(-1.0, 5.0), high=(1.0, 6.0)))
    actions = np.array([made.act(OBSERVATION).action for _ in range(500)])
    assert actions.dtype == np.float32
    assert (actions >= [-1, 5]).all()
    assert (actions <= [1, 6]).all()
    assert actions.std(axis=0) == pytest.approx([2 / 12**0.5, 1 / 12**0.5], rel=0.1)


def test_vectors_of_numbers_are_drawn_evenly():
    made = policy(MultiDiscrete(size=3, count=4))
    actions = np.array([made.act(OBSERVATION).action for _ in range(500)])
    assert actions.shape == (500, 3)
    assert set(actions.ravel()) == {0, 1, 2, 3}


def test_actions_are_drawn_by_the_generator_given():
    for action in (Discrete(count=6), MultiDiscrete(size=3, count=4)):
        first, again, other = (
            [np.sum(p.act(OBSERVATION).action) for _ in range(30)]
            for p in (policy(action), policy(action), policy(action, seed=1))
        )
        assert first == again
        assert first != other


def test_a_policy_of_ones_own_is_named_by_its_path():
    made = policy(Discrete(count=4), ScriptedParams(policy=f"{__name__}:Constant", params={"action": 3}))
    assert (made.act(OBSERVATION).action, made.act(OBSERVATION).explored) == (3, False)


@pytest.mark.parametrize(
    "params",
    [
        {"policy": "nowhere.at_all:Constant"},
        {"policy": f"{__name__}:Variable"},
        {"policy": f"{__name__}:Constant", "params": {"wrong": 1}},
    ],
)
def test_a_policy_that_cannot_be_made_is_refused(params):
    with pytest.raises(NodeError, match=r"policy .* cannot be made"):
        policy(Discrete(count=4), ScriptedParams(**params))


def test_a_greedy_policy_needs_weights():
    with pytest.raises(NodeError, match=r"no weights named 'policy'. hint: it has none"):
        policy(Discrete(count=2), EpsilonGreedyParams())


def test_epsilon_is_changed_while_it_acts():
    from rtgraph.nodes.weights.first_version import fill
    from rtgraph.nodes.weights.memory_file import create
    from rtgraph.nodes.weights.shared_versions import SharedVersions

    plant = PlantSpec(
        rate_hz=60.0, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=6)
    )
    network = {"kind": "impala", "depth": 1, "k": 0.0625}
    descriptor = create("policy")
    try:
        weights = shared_weights("policy", network, plant)
        fill(weights.name, weights.plan, descriptor)
        weights.where = SharedVersions(descriptor, "fixed")
        params = EpsilonGreedyParams(epsilon=0.0)
        made = make_policy(
            params, plant, np.random.default_rng(0), LaunchContext(weights={"policy": weights})
        )
        observation = np.zeros((84, 84), np.uint8)
        assert not any(made.act(observation).explored for _ in range(5))
        made.change(EpsilonGreedyParams(epsilon=1.0))
        assert all(made.act(observation).explored for _ in range(50))
    finally:
        os.close(descriptor)


def test_epsilon_falls_linearly_from_the_ticks_of_the_observations():
    falling = EpsilonGreedyParams(epsilon=0.1, epsilon_from=0.9, epsilon_over=100)
    assert [falling.epsilon_at(tick) for tick in (0, 50, 100, 5_000)] == pytest.approx([0.9, 0.5, 0.1, 0.1])
    assert EpsilonGreedyParams(epsilon=0.3).epsilon_at(7) == 0.3
    unsaid = EpsilonGreedyParams(epsilon=0.0, epsilon_from=1.0)
    assert [unsaid.epsilon_at(tick) for tick in (0, 25_000, 100_000)] == pytest.approx([1, 0.75, 0])
    with pytest.raises(ValueError, match="epsilon_over is given without epsilon_from"):
        EpsilonGreedyParams(epsilon_over=1_000)


def test_a_run_that_goes_on_explores_as_if_it_had_never_ended(tmp_path):
    from rtgraph.nodes.algorithms.dqn.params import DqnParams
    from rtgraph.nodes.learner.updates.checkpoint import Checkpoints
    from rtgraph.nodes.learner.updates.update import Updater
    from rtgraph.nodes.networks import MlpSpec

    plant = PlantSpec(
        rate_hz=60.0, observation=ArraySpec(dtype="float32", shape=(2,)), action=Discrete(count=6)
    )
    network = MlpSpec(hidden=())
    Checkpoints(tmp_path).save(Updater(network, plant, DqnParams(), seed=0).training_state({"ticks": 600}))
    weights = shared_weights("policy", network.model_dump(mode="json"), plant)
    params = EpsilonGreedyParams(epsilon=0.0, epsilon_from=1.0, epsilon_over=1_000, resume=str(tmp_path))
    made = make_policy(params, plant, np.random.default_rng(0), LaunchContext(weights={"policy": weights}))
    observation = np.zeros(2, np.float32)
    explored = [sum(made.act(observation, tick).explored for _ in range(500)) / 500 for tick in (0, 200, 400)]
    assert explored == pytest.approx([0.4, 0.2, 0.0], abs=0.07)
    assert explored[2] == 0


def test_a_policy_explores_as_the_tick_says():
    plant = PlantSpec(
        rate_hz=60.0, observation=ArraySpec(dtype="float32", shape=(2,)), action=Discrete(count=6)
    )
    weights = shared_weights("policy", {"kind": "mlp", "hidden": []}, plant)
    params = EpsilonGreedyParams(epsilon=0.0, epsilon_from=1.0, epsilon_over=1_000)
    made = make_policy(params, plant, np.random.default_rng(0), LaunchContext(weights={"policy": weights}))
    observation = np.zeros(2, np.float32)

    def explored(tick):
        return sum(made.act(observation, tick).explored for _ in range(200))

    assert explored(0) == 200
    assert 60 < explored(500) < 140
    assert explored(1_000) == 0


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.parametrize(
    "network", [{"kind": "impala", "k": 0.0625}, {"kind": "mlp"}], ids=lambda it: it["kind"]
)
def test_a_compiled_policy_acts_as_the_same_network_does_with_torch(network):
    plant = PlantSpec(
        rate_hz=60.0, observation=ArraySpec(dtype="uint8", shape=(40, 40)), action=Discrete(count=6)
    )

    def made(compiled):
        weights = shared_weights("policy", network, plant)
        params = EpsilonGreedyParams(epsilon=0.0, compiled=compiled)
        context = LaunchContext(weights={"policy": weights})
        policy = make_policy(params, plant, np.random.default_rng(0), context)
        found = policy._network.module.compiled if network["kind"] == "impala" else policy._compiled
        assert (found is not None) == compiled
        return policy

    seen = np.random.default_rng(1).integers(0, 256, (20, 40, 40), dtype=np.uint8)
    torch_acts, compiled_acts = (
        [policy.act(frame).action for frame in seen] for policy in map(made, (False, True))
    )
    assert torch_acts == compiled_acts


class Shared:
    """Acts with one array that all instances share."""

    buffer = np.zeros(2, np.float32)

    def act(self, observation):
        self.buffer += 1
        return self.buffer


def test_a_script_may_reuse_the_array_of_its_actions():
    params = ScriptedParams(policy=f"{__name__}:Shared")
    space = Continuous(low=(-9.0, -9.0), high=(9.0, 9.0))
    first, second = (policy(space, params).act(OBSERVATION) for _ in range(2))
    assert [first.action.tolist(), second.action.tolist()] == [[1, 1], [2, 2]]


class Taking:
    """Takes the parts out of its observation."""

    def act(self, observation):
        observation.clear()
        return 0


def test_a_script_may_write_to_its_mapping_of_parts():
    parts = {"joints": OBSERVATION}
    policy(Discrete(count=4), ScriptedParams(policy=f"{__name__}:Taking")).act(parts)
    assert list(parts) == ["joints"]

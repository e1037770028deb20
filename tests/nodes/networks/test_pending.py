"""Networks with a late head."""

import numpy as np
import pytest
import torch
from support.batches import PARTS, PIXELS, STEERING, VECTORS

from rtgraph.msgs.pending import PENDING, PendingCode, joined, with_pending, without_pending
from rtgraph.msgs.plant import empty_observation
from rtgraph.msgs.spaces import PartsSpec
from rtgraph.nodes.algorithms.acting_by_name import acting_of
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.fit import check_fit
from rtgraph.nodes.networks.network import batch_of_one
from rtgraph.nodes.networks.pending import TRUNK

SLOTS = 3
NETWORKS = {
    "mlp": (MlpSpec(hidden=(8, 6)), VECTORS),
    "linear": (MlpSpec(hidden=()), VECTORS),
    "one hot": (MlpSpec(hidden=(8,), one_hot=2), VECTORS),
    "parts": (MlpSpec(hidden=(8, 6)), PARTS),
    "impala": (ImpalaSpec(k=1 / 16), PIXELS),
    "dueling, noisy": (MlpSpec(hidden=(8, 6), head=HeadSpec(dueling=True, noisy=True)), VECTORS),
    "sac": (MlpSpec(hidden=(8, 6)), STEERING),
}
networks = pytest.mark.parametrize(("spec", "plant"), NETWORKS.values(), ids=NETWORKS)


def built(spec, plant):
    module = acting_of(None, spec, with_pending(plant, SLOTS)).built(torch.device("cpu"), 0)
    return module.eval()


def code_of(plant, known):
    return PendingCode(plant.action, SLOTS).of(known)


def actions_of(plant):
    return [0, 3, 2] if plant.action.kind == "discrete" else list(np.float32([[0, 0], [1, 0.5], [-1, 0.2]]))


@networks
def test_the_trunk_may_run_before_the_pending_actions_are_known(spec, plant):
    module, observation = built(spec, plant), empty_observation(plant)
    first, second, _ = actions_of(plant)
    pending = code_of(plant, {1: first, 3: second})
    at_once = module(batch_of_one(joined(observation, pending)))
    features = module.trunk(batch_of_one(observation))
    late = module({TRUNK: features, PENDING: torch.from_numpy(pending).unsqueeze(0)})
    assert torch.equal(at_once, late)


@networks
def test_values_depend_on_each_pending_action_and_on_which_are_known(spec, plant):
    module, observation = built(spec, plant), empty_observation(plant)
    first, second, third = actions_of(plant)
    known = [{}, {1: first}, {2: first}, {1: second}, {1: first, 2: second, 3: third}]
    values = [module(batch_of_one(joined(observation, code_of(plant, each)))) for each in known]
    for place, value in enumerate(values):
        assert not any(torch.equal(value, other) for other in values[:place])


@networks
def test_every_parameter_has_a_gradient(spec, plant):
    module = built(spec, plant)
    if plant is STEERING:
        module = module.actor  # the losses of SAC use the rest
    module.draw_noise(np.random.default_rng(0))
    observations = batch_of_one(joined(empty_observation(plant), code_of(plant, {})))
    torch.autograd.grad(module(observations).sum(), list(module.parameters()))


@networks
def test_specs_are_joined_and_taken_apart(spec, plant):
    seen = with_pending(plant, SLOTS)
    check_fit(spec, seen)
    assert without_pending(seen.observation) == (plant.observation, PendingCode(plant.action, SLOTS).spec)
    assert without_pending(plant.observation) == (plant.observation, None)
    assert with_pending(plant, 0) is plant


def test_a_plant_with_a_part_of_that_name_is_refused():
    named = PartsSpec(parts={PENDING: VECTORS.array})
    with pytest.raises(
        ValueError, match=r"has a part named 'pending', which is reserved .*\. hint: rename it"
    ):
        with_pending(VECTORS.model_copy(update={"observation": named}), SLOTS)


def test_a_network_without_pending_actions_has_no_trunk_to_run_first():
    with pytest.raises(ValueError, match="reads no pending actions"):
        build(MlpSpec(), VECTORS).trunk(batch_of_one(empty_observation(VECTORS)))
    with pytest.raises(
        ValueError, match="this network reads pending actions, and the observations have no part 'pending'"
    ):
        build(MlpSpec(), with_pending(VECTORS, 2))(batch_of_one(empty_observation(VECTORS)))

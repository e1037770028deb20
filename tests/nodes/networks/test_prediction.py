"""Networks that predict: features rolled through pending actions, and the loss of their model."""

import numpy as np
import pytest
import torch
from support.batches import PARTS, PIXELS, STEERING, VECTORS

from rtgraph.msgs.pending import PENDING, PendingCode, joined, with_pending
from rtgraph.msgs.plant import empty_observation
from rtgraph.nodes.algorithms.acting_by_name import acting_of
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.network import batch_of_one
from rtgraph.nodes.networks.pending import TRUNK

SLOTS = 4
GAMMA = 0.9
NETWORKS = {
    "mlp": (MlpSpec(hidden=(8, 6), predict=True), VECTORS),
    "linear": (MlpSpec(hidden=(), predict=True), VECTORS),
    "parts": (MlpSpec(hidden=(8, 6), predict=True), PARTS),
    "impala": (ImpalaSpec(k=1 / 16, predict=True), PIXELS),
    "dueling, noisy": (
        MlpSpec(hidden=(8, 6), head=HeadSpec(dueling=True, noisy=True), predict=True),
        VECTORS,
    ),
    "sac": (MlpSpec(hidden=(8, 6), predict=True), STEERING),
}
networks = pytest.mark.parametrize(("spec", "plant"), NETWORKS.values(), ids=NETWORKS)
vectors = pytest.mark.parametrize(("spec", "plant"), [NETWORKS["mlp"], NETWORKS["sac"]], ids=["mlp", "sac"])


def built(spec, plant, slots=SLOTS):
    """Return the network, and the part of it that predicts: of SAC, the actor."""
    module = acting_of(None, spec, with_pending(plant, slots)).built(torch.device("cpu"), 0).eval()
    return module, getattr(module, "actor", module)


def actions_of(plant):
    if plant.action.kind == "discrete":
        return [0, 3, 2, 1]
    return list(np.float32([[0, 0], [1, 0.5], [-1, 0.2], [0.3, 0.4]]))


def seen_by(plant, known, slots=SLOTS, number=0.0):
    """Return an observation of equal numbers with pending actions by lag, in a batch of one."""
    empty = empty_observation(plant)
    filled = (
        {name: part + number for name, part in empty.items()} if isinstance(empty, dict) else empty + number
    )
    return batch_of_one(joined(filled, PendingCode(plant.action, slots).of(known)))


@networks
def test_rolling_equals_a_slow_loop(spec, plant):
    module, predicting = built(spec, plant)
    first, second, third, fourth = actions_of(plant)
    # Lags count back from the decision: the action of the largest acts first, and the observation shows it.
    seen = seen_by(plant, {4: first, 3: second, 2: third, 1: fourth})
    features = module.trunk(seen)
    for action in (second, third, fourth):
        code = predicting.encoded(torch.from_numpy(PendingCode(plant.action, 1).of({1: action})).unsqueeze(0))
        features = features + predicting.model(torch.cat([features, code[:, 0]], dim=1))
    torch.testing.assert_close(module.features(seen), features, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(module(seen), predicting.head(features), rtol=1e-5, atol=1e-6)
    assert not torch.equal(features, module.trunk(seen))


@networks
def test_unknown_actions_and_the_one_that_the_observation_shows_change_nothing(spec, plant):
    module, _ = built(spec, plant)
    first, second, third, _ = actions_of(plant)
    trunk = module.trunk(seen_by(plant, {}))
    for known in ({}, {4: first}, {4: second}):
        assert torch.equal(module.features(seen_by(plant, known)), trunk)
    alone = module.features(seen_by(plant, {2: third}))
    assert not torch.equal(alone, trunk)
    assert torch.equal(module.features(seen_by(plant, {4: second, 2: third})), alone)
    assert not torch.equal(module.features(seen_by(plant, {3: second, 2: third})), alone)


@networks
def test_the_trunk_may_run_before_the_pending_actions_are_known(spec, plant):
    module, _ = built(spec, plant)
    first, second, _, _ = actions_of(plant)
    seen = seen_by(plant, {1: first, 3: second})
    features = module.trunk(batch_of_one(empty_observation(plant)))
    assert torch.equal(module({TRUNK: features, PENDING: seen[PENDING]}), module(seen))


@networks
@pytest.mark.parametrize("slots", [1, SLOTS])
def test_every_parameter_has_a_gradient_whatever_is_known(spec, plant, slots):
    _, predicting = built(spec, plant, slots)
    predicting.draw_noise(np.random.default_rng(0))
    torch.autograd.grad(predicting(seen_by(plant, {}, slots)).sum(), list(predicting.parameters()))


def perfect_model(predicting, change):
    """Let the model add the same numbers to the features, whatever the action."""
    with torch.no_grad():
        for parameter in predicting.model.parameters():
            parameter.zero_()
        predicting.model[-1].bias.copy_(change)


def loss_of(module, seen, following, discount):
    return module.auxiliary_loss(seen, following, torch.tensor([discount]), GAMMA)


@vectors
@pytest.mark.parametrize("ticks", [1, 2, 3])
def test_a_perfect_model_has_no_loss(spec, plant, ticks):
    module, predicting = built(spec, plant)
    first, second, third, fourth = actions_of(plant)
    seen = seen_by(plant, {4: first, 3: second, 2: third, 1: fourth})
    following = seen_by(plant, {4: second}, number=0.5)
    between = (module.trunk(following) - module.trunk(seen)).detach()[0]
    perfect_model(predicting, between / ticks)
    assert loss_of(module, seen, following, GAMMA**ticks).item() == pytest.approx(0, abs=1e-12)
    perfect_model(predicting, between / ticks + 0.5)
    assert loss_of(module, seen, following, GAMMA**ticks).item() == pytest.approx(
        (0.5 * ticks) ** 2, rel=1e-5
    )


@vectors
def test_transitions_without_known_actions_count_as_no_error(spec, plant):
    module, _ = built(spec, plant)
    first, second, third, fourth = actions_of(plant)
    whole = {4: first, 3: second, 2: third, 1: fourth}
    following = seen_by(plant, {}, number=0.5)

    def loss(known, discount):
        found = loss_of(module, seen_by(plant, known), following, discount)
        torch.autograd.grad(found, list(getattr(module, "actor", module).model.parameters()))
        return found.item()

    assert loss(whole, GAMMA) > 0
    assert loss({3: second}, GAMMA) == pytest.approx(loss(whole, GAMMA)), "later actions do not matter"
    assert loss(whole, 0.0) == 0, "a terminal state"
    assert loss({4: first, 2: third}, GAMMA) == 0, "unknown"
    assert loss({3: second}, GAMMA**2) == 0, "the second one unknown"
    assert loss(whole, GAMMA**4) == 0, "more ticks than slots to roll"


def test_the_mean_is_over_the_transitions_that_count_and_wants_the_next_features_as_they_are():
    module, _ = built(*NETWORKS["mlp"])
    known = seen_by(VECTORS, {3: 1})
    following = seen_by(VECTORS, {}, number=0.5)
    alone = loss_of(module, known, following, GAMMA)

    def both(one, other):
        return {name: torch.cat([one[name], other[name]]) for name in one}

    pair = both(known, known), both(following, following)
    of_two = module.auxiliary_loss(*pair, torch.tensor([GAMMA, 0.0]), GAMMA)
    torch.testing.assert_close(of_two, alone)
    following["observation"].requires_grad_()
    (change,) = torch.autograd.grad(
        loss_of(module, known, following, GAMMA), following["observation"], allow_unused=True
    )
    assert change is None


def test_there_is_no_loss_without_a_model_or_if_gamma_hides_the_ticks():
    one, _ = built(*NETWORKS["mlp"], slots=1)
    seen = seen_by(VECTORS, {1: 2}, slots=1)
    assert loss_of(one, seen, seen, GAMMA) is None
    assert torch.equal(one.features(seen), one.trunk(seen))
    more, _ = built(*NETWORKS["mlp"])
    seen = seen_by(VECTORS, {1: 2})
    assert more.auxiliary_loss(seen, seen, torch.ones(1), 1.0) is None
    plain = build(MlpSpec(), with_pending(VECTORS, SLOTS))
    assert loss_of(plain, seen, seen, GAMMA) is None


def test_a_network_that_predicts_needs_pending_actions():
    with pytest.raises(ValueError, match=r"and the agent sees none\. hint: delay_aware: {kind: predict}"):
        build(MlpSpec(predict=True), VECTORS)


def test_only_a_network_that_predicts_says_so():
    assert "predict" not in MlpSpec().model_dump()
    assert MlpSpec(predict=True).model_dump()["predict"] is True

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.batches import ACTIONS, VECTORS, drawn

from rtgraph.nodes.algorithms.munchausen.params import MunchausenParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import HeadSpec, MlpSpec
from rtgraph.nodes.networks.build import build

NETWORK = MlpSpec(hidden=(16,))
PARAMS = MunchausenParams(learning_rate=1e-2, temperature=0.4, share=0.7, least=-0.5, target_every=3)


def values_of(updater, group, observations):
    module = build(NETWORK, VECTORS)
    tensors = updater.training_state().tensors.items()
    module.load_state_dict(
        {name.removeprefix(f"{group}."): tensor for name, tensor in tensors if name.startswith(f"{group}.")}
    )
    return module(observations).detach().double().numpy()


def target_of(row, batch, now, following):
    """Compute one target in the longest way: equation 2 of the paper, action by action."""
    t = PARAMS.temperature

    def policy(values):
        shares = [math.exp((value - max(values)) / t) for value in values]
        return [share / sum(shares) for share in shares]

    bonus = t * math.log(policy(now[row])[int(batch.actions[row])])
    bonus = min(0.0, max(PARAMS.least, bonus))
    soft = sum(
        chance * (value - t * math.log(chance))
        for chance, value in zip(policy(following[row]), following[row], strict=True)
    )
    return float(batch.returns[row]) + PARAMS.share * bonus + float(batch.discounts[row]) * soft


def test_errors_and_loss_are_those_of_the_paper():
    rng = np.random.default_rng(0)
    updater = Updater(NETWORK, VECTORS, PARAMS, seed=1)
    for _ in range(4):  # so that the weights and the target network differ
        updater.step(drawn(rng))
    batch = drawn(rng, 24)
    now = values_of(updater, "target", batch.observations)
    following = values_of(updater, "target", batch.next_observations)
    taken = values_of(updater, "weights", batch.observations)[np.arange(24), batch.actions]
    wanted = np.array([target_of(row, batch, now, following) for row in range(24)])
    errors = np.abs(wanted - taken)
    huber = np.where(errors < 1, errors**2 / 2, errors - 0.5)
    _, found = updater.gradients(batch)
    np.testing.assert_allclose(found.td_errors, errors, atol=1e-5)
    assert found.loss == pytest.approx(float((huber * batch.weights.numpy()).mean()), abs=1e-5)
    assert found.q_mean == pytest.approx(float(taken.mean()), abs=1e-5)


def test_without_a_share_and_cold_it_is_dqn():
    """With no bonus and a temperature near 0 the soft value is the maximum."""
    cold = MunchausenParams(temperature=1e-3, share=0.0)
    batch = drawn(np.random.default_rng(2))
    updater = Updater(NETWORK, VECTORS, cold, seed=1)
    best = values_of(updater, "target", batch.next_observations).max(1)
    taken = values_of(updater, "weights", batch.observations)[np.arange(16), batch.actions]
    errors = np.abs(batch.returns.numpy() + batch.discounts.numpy() * best - taken)
    np.testing.assert_allclose(updater.gradients(batch)[1].td_errors, errors, atol=5e-3)


@pytest.mark.parametrize("head", [HeadSpec(), HeadSpec(dueling=True, noisy=True)], ids=repr)
def test_values_become_what_is_earned(head):
    """A bandit with a clear best action: the values of all actions are their rewards, with their bonuses."""
    updater = Updater(
        MlpSpec(hidden=(16,), head=head),
        VECTORS,
        MunchausenParams(learning_rate=1e-2, target_every=20),
        seed=1,
    )
    rng = np.random.default_rng(0)
    rewards = torch.tensor([-3.0, -1.0, 2.0, 4.0])
    for _ in range(150):
        batch = drawn(rng, 32)
        found = updater.step(replace(batch, returns=rewards[batch.actions], discounts=torch.zeros(32)))
    assert len(rewards) == ACTIONS
    assert np.abs(found.td_errors).mean() < 0.5

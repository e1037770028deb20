"""Whole updates, compared with torchrl's losses and target updates, and torch's clipping and Adam, on plain networks.

torchrl lacks a distributional loss that chooses by the target network, and one with weights that are not divided by
their sum. The sums are therefore computed here; `test_losses` covers the rest.

torchrl takes seconds to import, so only these tests do it, not every process that collects them.
"""

import numpy as np
import pytest
import torch
from support.batches import ACTIONS, GAMMA, VECTORS, drawn
from torch import nn

from rtgraph.nodes.algorithms.c51.params import C51Params
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import HeadSpec, MlpSpec, SupportSpec

SUPPORT = SupportSpec(low=-6, high=5, atoms=23)
UPDATES = 8
TARGET_EVERY = 3


class Distribution(nn.Module):
    """Converts our log-probabilities to the shape that torchrl expects: (batch, atoms, actions)."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, observations):
        scores = self.layers(observations).unflatten(-1, (ACTIONS, SUPPORT.atoms))
        return scores.transpose(-1, -2).log_softmax(-2)


def layers(outputs):
    return nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, outputs))


def as_theirs(batch):
    """Invert the discounts: return ticks, and whether the episode terminated."""
    from tensordict import TensorDict

    running = batch.discounts > 0
    ticks = torch.where(running, batch.discounts.log() / np.log(GAMMA), 1.0).round()
    following = TensorDict(
        {
            "observation": batch.next_observations,
            "reward": batch.returns[:, None],
            "done": ~running[:, None],
            "terminated": ~running[:, None],
        },
        [len(batch)],
    )
    return TensorDict(
        {
            "observation": batch.observations,
            "action": batch.actions,
            "steps_to_next_obs": ticks[:, None],
            "next": following,
        },
        [len(batch)],
    )


def compared(loss, params, updater, batches):
    """Update both sides in step, compare all results, and return how many gradients were clipped."""
    from torchrl.objectives import HardUpdate

    follow = HardUpdate(loss, value_network_update_interval=0)
    weights = [leaf for leaf in loss.parameters() if leaf.requires_grad]
    adam = torch.optim.Adam(weights, lr=params.learning_rate, eps=params.adam_epsilon)
    clipped = 0
    for number, batch in enumerate(batches, start=1):
        per_sample = loss(as_theirs(batch))["loss"]
        assert per_sample.shape == (len(batch),)
        total = (per_sample * batch.weights).mean()
        adam.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, params.max_gradient_norm)
        clipped += norm > params.max_gradient_norm
        adam.step()
        if number % TARGET_EVERY == 0:  # torchrl would count one more
            follow.step()
        result = updater.prepare(batch)
        assert updater.finish() == pytest.approx(norm.item(), abs=1e-5)
        assert updater.version == number
        assert result.loss == pytest.approx(total.item(), abs=1e-5)
        ours = updater.training_state().weights()
        for weight, mine in zip(weights, ours.values(), strict=True):
            torch.testing.assert_close(mine, weight.detach(), atol=1e-5, rtol=1e-5)
    return clipped


@pytest.mark.parametrize("most", [10.0, 0.05])
@pytest.mark.parametrize("double", [False, True])
def test_dqn(double, most):
    from torchrl.modules import QValueActor
    from torchrl.objectives import DQNLoss

    params = DqnParams(learning_rate=1e-2, target_every=TARGET_EVERY, double=double, max_gradient_norm=most)
    updater = Updater(MlpSpec(hidden=(32, 24)), VECTORS, params, seed=1)
    network = layers(ACTIONS)
    network.load_state_dict(
        dict(zip(network.state_dict(), updater.training_state().weights().values(), strict=True))
    )
    actor = QValueActor(network, in_keys=["observation"], action_space="categorical")
    loss = DQNLoss(
        actor,
        loss_function="smooth_l1",
        double_dqn=double,
        action_space="categorical",
        reduction="none",
    )
    loss.make_value_estimator(gamma=GAMMA)
    rng = np.random.default_rng(2)
    clipped = compared(loss, params, updater, [drawn(rng) for _ in range(UPDATES)])
    assert clipped == (UPDATES if most < 1 else 0)


@pytest.mark.parametrize("most", [10.0, 0.05])
def test_c51(most):
    from torchrl.modules import DistributionalQValueActor
    from torchrl.objectives import DistributionalDQNLoss

    params = C51Params(learning_rate=1e-2, target_every=TARGET_EVERY, double=True, max_gradient_norm=most)
    spec = MlpSpec(hidden=(32, 24), head=HeadSpec(support=SUPPORT))
    updater = Updater(spec, VECTORS, params, seed=1)
    network = layers(ACTIONS * SUPPORT.atoms)
    network.load_state_dict(
        dict(zip(network.state_dict(), updater.training_state().weights().values(), strict=True))
    )
    actor = DistributionalQValueActor(
        Distribution(network),
        in_keys=["observation"],
        support=torch.linspace(SUPPORT.low, SUPPORT.high, SUPPORT.atoms),
        action_space="categorical",
    )
    loss = DistributionalDQNLoss(actor, gamma=GAMMA, reduction="none")
    loss.make_value_estimator()
    rng = np.random.default_rng(3)

    clipped = compared(loss, params, updater, [drawn(rng) for _ in range(UPDATES)])
    assert clipped == (UPDATES if most < 1 else 0)

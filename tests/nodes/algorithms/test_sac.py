"""SAC: its density, its gradients, how it acts, and whole updates compared with torchrl's.

torchrl takes seconds to import, so only that test does it.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.batches import GAMMA, STEERING, drawn

from rtgraph.msgs import ArraySpec, Continuous
from rtgraph.msgs.errors import LearningError
from rtgraph.msgs.spaces import PartsSpec
from rtgraph.nodes.algorithms.acting_by_name import acting_of
from rtgraph.nodes.algorithms.algorithm import algorithm_of
from rtgraph.nodes.algorithms.sac.gaussian import ActionRange, Gaussian
from rtgraph.nodes.algorithms.sac.params import SacParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import ImpalaSpec, MlpSpec, NatureSpec

SIZE = 2
UPDATES = 4
NETWORK = MlpSpec(hidden=(32, 24))
PARAMS = SacParams(learning_rate=1e-2, tau=0.1)


class TorchNoise:
    """Normal noise from torch's global generator, as torchrl draws it."""

    def standard_normal(self, shape, dtype):
        return torch.randn(shape).numpy().astype(dtype)


def steered(rng, size=16):
    """Draw a batch with continuous actions."""
    moves = rng.uniform(STEERING.action.low, STEERING.action.high, (size, SIZE)).astype(np.float32)
    return replace(drawn(rng, size), actions=torch.from_numpy(moves), weights=torch.ones(size))


def test_density_of_the_squashed_gaussian_is_torchs():
    from torch.distributions import Independent, Normal, TanhTransform, TransformedDistribution

    rng = torch.Generator().manual_seed(0)
    gaussian = Gaussian.of(torch.randn((64, 6), generator=rng))
    sample = gaussian.sample(torch.randn((64, 3), generator=rng))
    normal = Normal(gaussian.mean, gaussian.log_deviation.exp())
    theirs = Independent(TransformedDistribution(normal, [TanhTransform(cache_size=1)]), 1)
    squashed = theirs.base_dist.transforms[0](sample)  # keeps the inverse, which is not exact
    torch.testing.assert_close(
        gaussian.log_probability(sample), theirs.log_prob(squashed), atol=1e-5, rtol=1e-5
    )


def test_density_integrates_to_one_far_from_the_middle():
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64)[:, None]
    gaussian = Gaussian(torch.full_like(x, 2.0), torch.full_like(x, 0.5))
    squashed_width = (1 - x.tanh().square())[:, 0]  # da = (1 - tanh²) dx
    density = gaussian.log_probability(x).exp() * squashed_width
    assert torch.trapezoid(density, x[:, 0]).item() == pytest.approx(1, abs=1e-6)


def test_actions_are_normalised_to_one():
    range_ = ActionRange.of(Continuous(low=(-2, 0, 3), high=(2, 10, 3)))
    actions = torch.tensor([[-2.0, 10.0, 3.0], [1.0, 2.5, 3.0]])
    assert range_.normalised(actions).tolist() == [[-1, 1, 0], [0.5, -0.5, 0]]
    torch.testing.assert_close(range_.scaled(range_.normalised(actions)), actions)


def parts_of_the_gradient(margin=0.0):
    updater = Updater(NETWORK, STEERING, PARAMS, seed=1)
    sac = algorithm_of(PARAMS, NETWORK, STEERING)
    batch = steered(np.random.default_rng(0))
    loss = sac.loss(updater._online, updater._target, batch, np.random.default_rng(1), margin)
    return dict(
        zip(
            dict(updater._online.named_parameters()),
            torch.autograd.grad(loss.total, list(updater._online.parameters())),
            strict=True,
        )
    )


def test_the_actors_loss_does_not_change_the_critics():
    """The gradient of a critic is that of its own squared error, and nothing else's."""
    updater = Updater(NETWORK, STEERING, PARAMS, seed=1)
    found = parts_of_the_gradient()
    batch = steered(np.random.default_rng(0))
    critics, rng = updater._online.critics, np.random.default_rng(1)
    with torch.no_grad():
        gaussian = Gaussian.of(updater._online(batch.next_observations))
        sample = gaussian.sample(torch.from_numpy(rng.standard_normal((16, SIZE), dtype=np.float32)))
        least = updater._target.values(batch.next_observations, sample.tanh()).amin(0)
        wanted = batch.returns + batch.discounts * (least - gaussian.log_probability(sample))
    moves = ActionRange.of(STEERING.action).normalised(batch.actions)
    error = (updater._online.values(batch.observations, moves) - wanted).square().sum(0).mean() / 2
    alone = torch.autograd.grad(error, list(critics.parameters()))
    names = [f"critics.{name}" for name, _ in critics.named_parameters()]
    for name, gradient in zip(names, alone, strict=True):
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-5)
    assert all(parameter.requires_grad for parameter in critics.parameters())


def test_a_margin_is_refused():
    with pytest.raises(LearningError, match="a margin is for discrete actions"):
        parts_of_the_gradient(margin=0.5)


def theirs(updater):
    """Return torchrl's loss with our weights, and its parameters in the order of ours."""
    from tensordict.nn import TensorDictModule
    from torch import nn
    from torchrl.modules import ProbabilisticActor, TanhNormal, ValueOperator
    from torchrl.objectives import SACLoss

    def layers(inputs, outputs):
        return nn.Sequential(
            nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, outputs)
        )

    class Actor(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = layers(5, 2 * SIZE)

        def forward(self, observations):
            mean, log_deviation = self.layers(observations).chunk(2, -1)
            return mean, log_deviation.clamp(-20, 2).exp()

    class Critic(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = layers(SIZE + 5, 1)

        def forward(self, observations, moves):
            return self.layers(torch.cat([observations, moves], -1))

    actor = ProbabilisticActor(
        TensorDictModule(Actor(), in_keys=["observation"], out_keys=["loc", "scale"]),
        in_keys=["loc", "scale"],
        distribution_class=TanhNormal,
        return_log_prob=True,
    )
    critics = [ValueOperator(Critic(), in_keys=["observation", "action"]) for _ in range(2)]
    loss = SACLoss(actor, critics, loss_function="l2", target_entropy=-float(SIZE), alpha_init=1.0)
    loss.make_value_estimator(gamma=GAMMA)
    return loss


@pytest.fixture
def updater():
    made = Updater(NETWORK, STEERING, PARAMS, seed=1)
    made._loss._rng = TorchNoise()
    return made


def copied(updater, loss):
    """Copy our weights to torchrl's loss."""
    ours = dict(updater._online.named_parameters())
    with torch.no_grad():
        actor = [value for name, value in ours.items() if name.startswith("actor.")]
        for mine, other in zip(actor, loss.actor_network_params.flatten_keys().values(), strict=True):
            other.data.copy_(mine)
        for group in (loss.qvalue_network_params, loss.target_qvalue_network_params):
            pairs = zip(*(updater._online.critics[i].parameters() for i in range(2)), strict=True)
            for both, other in zip(pairs, group.flatten_keys().values(), strict=True):
                other.data.copy_(torch.stack(both))


def as_theirs(batch):
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
            "action": ActionRange.of(STEERING.action).normalised(batch.actions),
            "steps_to_next_obs": ticks[:, None],
            "next": following,
        },
        [len(batch)],
    )


@pytest.mark.filterwarnings("ignore")
def test_updates_are_torchrls(updater):
    from torchrl.objectives import SoftUpdate

    loss = theirs(updater)
    copied(updater, loss)
    follow = SoftUpdate(loss, tau=PARAMS.tau)
    weights = [leaf for leaf in loss.parameters() if leaf.requires_grad]
    adam = torch.optim.Adam(weights, lr=PARAMS.learning_rate, eps=PARAMS.adam_epsilon)
    rng = np.random.default_rng(2)
    for number in range(UPDATES):
        batch = steered(rng)
        torch.manual_seed(number)
        parts = loss(as_theirs(batch))
        total = parts["loss_actor"] + parts["loss_qvalue"] / 2 + parts["loss_alpha"]
        adam.zero_grad()
        total.backward()
        adam.step()
        follow.step()
        torch.manual_seed(number)
        result = updater.step(batch)
        assert result.loss == pytest.approx(total.item(), abs=1e-5, rel=1e-5)
        ours = dict(updater._online.named_parameters())
        assert ours["log_temperature.value"].item() == pytest.approx(loss.log_alpha.item(), abs=1e-5)
        actor = [value for name, value in ours.items() if name.startswith("actor.")]
        for mine, other in zip(actor, loss.actor_network_params.flatten_keys().values(), strict=True):
            torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)
        for network, group in (
            (updater._online, loss.qvalue_network_params),
            (updater._target, loss.target_qvalue_network_params),
        ):
            pairs = zip(*(network.critics[i].parameters() for i in range(2)), strict=True)
            for both, other in zip(pairs, group.flatten_keys().values(), strict=True):
                torch.testing.assert_close(torch.stack(both), other.data, atol=1e-5, rtol=1e-5)


PICTURE = ArraySpec(dtype="uint8", shape=(44, 40, 3))
VECTOR = ArraySpec(dtype="float32", shape=(3,))
MIXED = PartsSpec(parts={"camera": PICTURE, "joints": VECTOR})


@pytest.mark.parametrize(
    ("network", "observation"),
    [
        (NETWORK, VECTOR),
        (NETWORK, MIXED),
        (NatureSpec(), PICTURE),
        (NatureSpec(), MIXED),
        (ImpalaSpec(k=0.0625), PICTURE),
        (ImpalaSpec(k=0.0625), MIXED),
    ],
)
def test_vectors_pictures_and_both_are_learned_from(network, observation):
    plant = STEERING.model_copy(update={"observation": observation})
    rng = np.random.default_rng(0)

    def values(spec):
        if spec.is_picture:
            return rng.integers(0, 256, (8, *spec.shape), dtype=np.uint8)
        return rng.standard_normal((8, *spec.shape), dtype=np.float32)

    def observations():
        if observation is MIXED:
            return {name: torch.from_numpy(values(part)) for name, part in MIXED.parts.items()}
        return torch.from_numpy(values(observation))

    batch = replace(steered(rng, 8), observations=observations(), next_observations=observations())
    updater = Updater(network, plant, SacParams(), seed=0)
    before = updater.weights.clone()
    updater.step(batch)
    slots = updater.training_state().weights()
    changed = updater.weights != before
    assert changed.sum() > 0.2 * sum(tensor.numel() for tensor in slots.values())  # others have dead inputs

    acting = acting_of("sac", network, plant)
    one = (
        {name: part[:1] for name, part in batch.observations.items()}
        if observation is MIXED
        else batch.observations[:1]
    )
    with torch.inference_mode():
        action = acting.act(updater._online, one, rng, explore=False)
    assert action.shape == (SIZE,)
    assert action.dtype == np.float32


def test_it_samples_while_it_explores_and_stays_in_the_ranges():
    acting = acting_of(None, NETWORK, STEERING)
    module = acting.built(torch.device("cpu"), 0)
    with torch.no_grad():
        module.actor.head.actions[-1].bias.add_(torch.tensor([30.0, -30.0, 0, 0]))
    observation, rng = torch.zeros((1, 5)), np.random.default_rng(0)
    with torch.inference_mode():
        best = acting.act(module, observation, rng, explore=False)
        assert best.tolist() == [STEERING.action.high[0], STEERING.action.low[1]]
        module.actor.head.actions[-1].bias[:2] = 0
        best = acting.act(module, observation, rng, explore=False)
        assert np.array_equal(best, acting.act(module, observation, rng, explore=False))
        drawn = np.stack([acting.act(module, observation, rng, explore=True) for _ in range(300)])
    assert len(np.unique(drawn[:, 0])) > 250
    low, high = np.array(STEERING.action.low), np.array(STEERING.action.high)
    assert ((drawn >= low) & (drawn <= high)).all()
    random = np.stack([acting.random(rng) for _ in range(300)])
    np.testing.assert_allclose(random.mean(0), (low + high) / 2, atol=0.1)


def test_the_target_follows_by_a_share_at_each_update(updater):
    before = updater.target_weights.clone()
    updater.step(steered(np.random.default_rng(0)))
    torch.testing.assert_close(updater.target_weights, before + 0.1 * (updater.weights - before))
    assert updater.target_version == updater.version == 1

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.batches import GAMMA, PIXELS, STEERING, VECTORS, drawn, params_for

from rtgraph.msgs import ArraySpec, Continuous, PartsSpec
from rtgraph.msgs.errors import LearningError
from rtgraph.msgs.pending import PENDING, PendingCode, with_pending
from rtgraph.nodes.algorithms import losses
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.algorithms.registry import params_class
from rtgraph.nodes.learner.gradients.round_robin import Parallel, RoundRobin
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec, SupportSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes

SUPPORT = SupportSpec(low=-6, high=6, atoms=13)
RAINBOW = HeadSpec(dueling=True, noisy=True, support=SUPPORT)
HEADS = [HeadSpec(), HeadSpec(dueling=True), HeadSpec(noisy=True), HeadSpec(support=SUPPORT), RAINBOW]


def updater_of(head=HeadSpec(), seed=1, **params):  # noqa: B008
    network = MlpSpec(hidden=(16,), head=head)
    return Updater(network, VECTORS, params_for(network, learning_rate=1e-2, **params), seed)


def part_of(batch, part):
    """Return a part of a batch. ``part`` is a slice."""
    fields = ((name, getattr(batch, name)) for name in batch.__slots__)
    return replace(batch, **{name: values[part] for name, values in fields if values is not None})


def shown(updater):
    """Return the visible state of an updater: its version, its weights and its target network's weights."""
    size = size_bytes(layout(build(updater.network, updater.plant, device="meta")))
    weights, target = np.zeros((2, size), np.uint8)
    updater.write(weights)
    updater.write_target(target)
    return updater.version, weights, target


def take_over(updater, seen):
    version, weights, target = seen
    updater.read(version, weights)
    updater.read_target(target)


def batches(count, size=16, seed=2):
    rng = np.random.default_rng(seed)
    return [drawn(rng, size) for _ in range(count)]


@pytest.mark.parametrize("head", [HeadSpec(), HeadSpec(support=SUPPORT), RAINBOW], ids=repr)
def test_values_become_what_is_earned(head):
    """A bandit: every episode ends at once. The reward depends on the action; no next observation shows it."""
    updater = updater_of(head, double=True)
    rng = np.random.default_rng(0)
    rewards = torch.tensor([-3.0, -1.0, 2.0, 4.0])
    for batch in batches(150, 32):
        returns = rewards[batch.actions]
        result = updater.step(replace(batch, returns=returns, discounts=torch.zeros(32)))
    module = build(updater.network, VECTORS)
    module.load_state_dict(updater.training_state().weights())
    module.draw_noise(rng)
    values = module(torch.zeros(1, 5)).detach()
    torch.testing.assert_close(values, rewards.unsqueeze(0), atol=0.4, rtol=0)
    assert np.abs(result.td_errors).mean() < 0.4
    assert result.q_mean == pytest.approx(float(returns.mean()), abs=0.4)


def test_rainbow_learns_from_several_parts():
    """A bandit: the reward is a sum of what the picture and the vector show, and of the action."""
    network = MlpSpec(hidden=(32,), head=RAINBOW)
    parts = {"light": ArraySpec(dtype="uint8", shape=(2, 2)), "side": ArraySpec(dtype="float32", shape=(1,))}
    plant = VECTORS.model_copy(update={"observation": PartsSpec(parts=parts)})
    updater = Updater(network, plant, params_for(network, learning_rate=1e-2), seed=1)
    rng = np.random.default_rng(0)

    def observed(light, side):
        pictures = np.repeat(np.asarray(light, np.uint8), 4).reshape(-1, 2, 2) * 255
        return {"light": pictures, "side": np.asarray(side, np.float32).reshape(-1, 1)}

    for batch in batches(150, 32):
        light, side = rng.integers(0, 2, (2, 32))
        observations = observed(light, side)
        returns = torch.from_numpy((2.0 * light - 3.0 * side).astype(np.float32)) + batch.actions
        updater.step(
            replace(
                batch,
                observations=observations,
                next_observations=observations,
                returns=returns,
                discounts=torch.zeros(32),
            )
        )
    module = build(network, plant)
    module.load_state_dict(updater.training_state().weights())
    tensors = {name: torch.from_numpy(part) for name, part in observed([0, 0, 1, 1], [0, 1, 0, 1]).items()}
    values = module(tensors).detach()[:, 0]
    torch.testing.assert_close(values, torch.tensor([0.0, -3.0, 2.0, -1.0]), atol=0.7, rtol=0)


@pytest.mark.parametrize("kind", ["dqn", "munchausen"])
def test_only_demonstrated_transitions_have_a_margin(kind):
    updater = Updater(MlpSpec(hidden=(8,)), VECTORS, params_class(kind)(), seed=0)
    batch = drawn(np.random.default_rng(0), 6)
    plain = updater.prepare(batch).td_errors
    assert np.array_equal(updater.prepare(batch, margin=2).td_errors, plain)
    marked = replace(batch, demonstrated=torch.tensor([1.0, 0, 0, 1, 0, 0]))
    more = updater.prepare(marked, margin=2).td_errors - plain
    values = updater._online(batch.observations).detach()
    missed = losses.margin(values, batch.actions, 2).numpy()
    assert missed.min() > 0
    np.testing.assert_allclose(more, missed * [1, 0, 0, 1, 0, 0], atol=1e-5)


def test_nothing_is_left_of_an_earlier_gradient():
    updater = updater_of()
    one, other = batches(2)
    first = updater.gradients(one)[0].clone()
    updater.gradients(other)
    again, _ = updater.gradients(one)
    assert torch.equal(again, first)
    assert again.abs().max() > 0
    assert all(parameter.grad is None for parameter in updater._online.parameters())


def test_gradients_do_not_share_memory():
    updater = updater_of()
    one, other = batches(2)
    first, _ = updater.gradients(one)
    kept = first.clone()
    second, _ = updater.gradients(other)
    updater.step(other)
    assert torch.equal(first, kept)
    assert first.data_ptr() != second.data_ptr()


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_step_is_a_gradient_applied(head):
    one, other = updater_of(head), updater_of(head)
    for batch in batches(3):
        result = one.prepare(batch)
        norm = one.finish()
        vector, found = other.gradients(batch)
        assert norm == other.apply(vector)
        assert (result.loss, result.q_mean) == (found.loss, found.q_mean)
        assert np.array_equal(result.td_errors, found.td_errors)
        assert torch.equal(one.weights, other.weights)
    assert one.version == other.version == 3


def test_gradients_on_what_another_has_shown_are_its_own_of_then():
    updater, then, other = updater_of(target_every=2), updater_of(target_every=2), updater_of(seed=9)
    *before, batch = batches(4)
    old = shown(updater)
    for earlier in before:
        updater.step(earlier)
    take_over(other, old)
    assert torch.equal(other.gradients(batch)[0], then.gradients(batch)[0])
    assert not torch.equal(other.gradients(batch)[0], updater.gradients(batch)[0])
    take_over(other, shown(updater))
    assert other.version == 3
    assert torch.equal(other.gradients(batch)[0], updater.gradients(batch)[0])


def test_the_gradient_is_shortened_and_never_lengthened():
    batch = replace(batches(1)[0], returns=torch.full((16,), 1e4))
    for most in (0.5, 1e6):
        updater = updater_of(max_gradient_norm=most)
        norm = updater.apply(updater.gradients(batch)[0])
        used = updater.training_state().tensors
        # After one step, the first moment is a tenth of the applied gradient.
        moments = [tensor for name, tensor in used.items() if name.startswith("first_moment.")]
        applied = 10 * float(torch.linalg.vector_norm(torch.cat([moment.flatten() for moment in moments])))
        assert applied == pytest.approx(min(norm, most), rel=1e-4)


def test_the_target_follows_every_so_many_updates():
    updater = updater_of(target_every=3)
    start = updater.weights.clone()
    for number, batch in enumerate(batches(7), start=1):
        updater.step(batch)
        copied = [start, updater.weights][number % 3 == 0]
        if number % 3 == 0:
            start = updater.weights.clone()
        assert torch.equal(updater.target_weights, copied)


def test_terminal_samples_do_not_see_the_next_observation():
    updater = updater_of()
    (batch,) = batches(1)
    ended = replace(batch, discounts=torch.zeros(16))
    elsewhere = replace(ended, next_observations=batch.next_observations + 100)
    assert torch.equal(updater.gradients(ended)[0], updater.gradients(elsewhere)[0])
    going_on = replace(elsewhere, discounts=batch.discounts)
    assert not torch.equal(updater.gradients(going_on)[0], updater.gradients(elsewhere)[0])


@pytest.mark.parametrize("head", [HeadSpec(), HeadSpec(support=SUPPORT)], ids=repr)
def test_a_weight_of_0_is_as_if_the_sample_were_not_there(head):
    updater = updater_of(head)
    (batch,) = batches(1)
    weights = batch.weights.clone()
    weights[8:] = 0
    half, found = updater.gradients(replace(batch, weights=weights))
    alone, _ = updater.gradients(part_of(batch, slice(8)))
    torch.testing.assert_close(half, alone / 2)
    # ... but its error is reported nevertheless.
    assert np.all(found.td_errors[8:] > 0)


def test_double_chooses_by_the_weights_and_values_by_the_target():
    plain, double = updater_of(), updater_of(double=True)
    one, other = batches(2)
    for updater in (plain, double):
        updater.step(one)
    online, target = (build(plain.network, VECTORS) for _ in range(2))
    online.load_state_dict(double.training_state().weights())
    target.load_state_dict(
        {
            name.removeprefix("target."): tensor
            for name, tensor in double.training_state().tensors.items()
            if name.startswith("target.")
        }
    )
    with torch.no_grad():
        rows = torch.arange(16)
        taken = online(other.observations)[rows, other.actions]
        following = target(other.next_observations)
        chosen = online(other.next_observations).argmax(1)
        expected = {
            plain: following.amax(1),
            double: following[rows, chosen],
        }
    assert not torch.equal(*expected.values())
    for updater, value in expected.items():
        errors = (other.returns + other.discounts * value - taken).abs()
        np.testing.assert_allclose(updater.gradients(other)[1].td_errors, errors, atol=1e-5)


def test_noise_is_drawn_for_each_gradient_and_from_the_seed():
    (batch,) = batches(1)
    head = HeadSpec(noisy=True)
    one, same, other = updater_of(head), updater_of(head), updater_of(head)
    other.load_training_state(updater_of(head, seed=9).training_state())
    first, second = one.gradients(batch)[0], one.gradients(batch)[0]
    assert not torch.equal(first, second)
    assert torch.equal(same.gradients(batch)[0], first)
    quiet = updater_of()
    assert torch.equal(quiet.gradients(batch)[0], quiet.gradients(batch)[0])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_change_nothing(value):
    updater = updater_of(HeadSpec(support=SUPPORT))
    batch, broken = batches(2)
    updater.step(batch)
    before = updater.training_state()
    observations = broken.observations.clone()
    observations[0, 0] = value
    with pytest.raises(
        LearningError, match=r"the gradient is not finite after 1 updates: its norm is nan.*hint: lower"
    ):
        updater.step(replace(broken, observations=observations))
    after = updater.training_state()
    assert after.facts == before.facts
    assert all(torch.equal(after.tensors[name], tensor) for name, tensor in before.tensors.items())


def test_what_does_not_fit_is_refused():
    updater = updater_of()
    short = torch.zeros(3)
    with pytest.raises(LearningError, match=r"the gradient has the shape \(3,\), and the weights have"):
        updater.apply(short)
    with pytest.raises(ValueError, match="3 bytes"):
        updater.read(1, np.zeros(3, np.uint8))
    with pytest.raises(LearningError, match=r"cannot learn on device 'abacus'.*hint: device: cpu"):
        updater_of(device="abacus")
    steering = VECTORS.model_copy(update={"action": Continuous(low=(0,), high=(1,))})
    with pytest.raises(LearningError, match="needs discrete actions, and the plant has continuous ones"):
        Updater(MlpSpec(), steering, DqnParams(), 0)


@pytest.mark.parametrize(
    ("buffer", "problem"),
    [
        (bytearray(8), r"8 bytes is too small for \d+ bytes of weights"),
        (bytes(4096), "into a read-only buffer"),
    ],
    ids=["too small", "read-only"],
)
def test_weights_are_not_written_into_a_buffer_that_cannot_take_them(buffer, problem):
    updater = updater_of()
    for write in (updater.write, updater.write_target):
        with pytest.raises(ValueError, match=problem):
            write(memoryview(buffer))


@pytest.mark.parametrize("channels_last", [True, False])
def test_readers_get_the_weights_whatever_the_memory_format(channels_last):
    spec = ImpalaSpec(k=1 / 8)
    rng = np.random.default_rng(0)
    updater = Updater(spec, PIXELS, DqnParams(learning_rate=1e-3, channels_last=channels_last), 1)
    batch = drawn(rng, 2, frames=True)
    updater.step(batch)
    reader = build(spec, PIXELS, device="meta")
    buffer = np.zeros(size_bytes(layout(reader)), np.uint8)
    updater.write(buffer)
    bind(reader, buffer)
    expected = build(spec, PIXELS)
    expected.load_state_dict(updater.training_state().weights())
    assert torch.equal(reader(batch.observations), expected(batch.observations))
    if channels_last:
        formats = {
            p.is_contiguous(memory_format=torch.channels_last)
            for p in updater._online.parameters()
            if p.ndim == 4
        }
        assert formats == {True}


@pytest.mark.parametrize(
    ("option", "tolerance"), [({"channels_last": False}, 1e-4), ({"autocast": True}, 0.05)]
)
def test_options_for_speed_learn_the_same(option, tolerance):
    spec, batch = ImpalaSpec(k=1 / 8), drawn(np.random.default_rng(0), 4, frames=True)
    found = []
    for options in ({}, option):
        updater = Updater(spec, PIXELS, DqnParams(learning_rate=1e-3, double=True, **options), 1)
        vectors = updater.gradients(batch)[0], updater
        state = updater.training_state()
        found.append((torch.linalg.vector_norm(vectors[0]), updater.gradients(batch)[1].loss))
        assert all(tensor.dtype == torch.float32 for tensor in state.tensors.values())
    (norm, loss), (fast_norm, fast_loss) = found
    assert fast_norm == pytest.approx(float(norm), rel=tolerance)
    assert fast_loss == pytest.approx(loss, rel=tolerance)


@pytest.mark.parametrize("count", [2, 3])
def test_parallel_learning_is_one_large_batch(count):
    """N updaters that each compute a share of the batch, compared with one that computes the whole batch."""
    names = [f"learner/{number}" for number in range(count)]
    group, owner, alone = Parallel(names), updater_of(), updater_of()
    helpers = {name: updater_of() for name in names}
    for large in batches(5, 16 * count):
        for number, (name, helper) in enumerate(helpers.items()):
            part = slice(16 * number, 16 * (number + 1))
            assert group.offer(name, helper.gradients(part_of(large, part))[0], owner.version)
        update = group.due()
        owner.apply(torch.stack([offer.gradient for offer in update.offers]).mean(0))
        alone.step(large)
        assert owner.version == update.version
        torch.testing.assert_close(owner.weights, alone.weights, atol=1e-5, rtol=1e-4)
        for helper in helpers.values():
            take_over(helper, shown(owner))


def test_round_robin_with_networks_is_delayed_updates_by_hand():
    names = ["a", "b", "c"]
    ring, owner, hand = RoundRobin(names), updater_of(target_every=4), updater_of(target_every=4)
    learners = {name: updater_of(target_every=4) for name in names}
    work = batches(12)
    queue = {name: work[number::3] for number, name in enumerate(names)}
    for name, learner in learners.items():
        ring.offer(name, learner.gradients(queue[name].pop(0))[0], 0)
    while (update := ring.due()) is not None:
        (offer,) = update.offers
        owner.apply(offer.gradient)
        learner = learners[offer.learner]
        take_over(learner, shown(owner))
        if queue[offer.learner]:
            vector, _ = learner.gradients(queue[offer.learner].pop(0))
            ring.offer(offer.learner, vector, learner.version)
    assert owner.version == 12
    versions = [shown(hand)]
    for number, batch in enumerate(work):
        twin = updater_of()
        take_over(twin, versions[max(0, number - 2)])
        hand.apply(twin.gradients(batch)[0])
        versions.append(shown(hand))
    assert torch.equal(owner.weights, hand.weights)


def test_weights_that_become_infinite_are_told_and_make_no_version():
    params = DqnParams(optimiser="sgd", learning_rate=1e30, max_gradient_norm=1e38)
    updater = Updater(MlpSpec(hidden=(16,)), VECTORS, params, seed=1)
    with pytest.raises(LearningError, match=r"the weights are not finite after 1 updates. hint: lower"):
        updater.apply(torch.full_like(updater.weights, 1e9))
    assert updater.version == 0


def predicting(kind, slots=3):
    """Return an updater's parameters for a network that predicts, and a batch of one-step transitions for it."""
    rng = np.random.default_rng(4)
    plant = STEERING if kind == "sac" else VECTORS
    head = HeadSpec(support=SUPPORT) if kind == "c51" else HeadSpec()
    batch = drawn(rng)
    actions = batch.actions if kind != "sac" else torch.from_numpy(rng.uniform(0, 0.5, (16, 2))).float()
    code = PendingCode(plant.action, slots)

    def seen(observations):
        pending = [
            code.of({lag: actions[(row + lag) % 16].numpy() for lag in (1, 2, 3)}) for row in range(16)
        ]
        return {"observation": observations, PENDING: torch.from_numpy(np.stack(pending))}

    batch = replace(
        batch,
        observations=seen(batch.observations),
        actions=actions,
        next_observations=seen(batch.next_observations),
        discounts=torch.full((16,), GAMMA),
    )
    return MlpSpec(hidden=(16, 8), head=head, predict=True), with_pending(plant, slots), batch


@pytest.mark.parametrize("kind", ["dqn", "c51", "munchausen", "sac"])
def test_the_loss_of_a_network_that_predicts_is_added_to_that_of_any_algorithm(kind):
    network, plant, batch = predicting(kind)

    def found(**params):
        return Updater(network, plant, params_class(kind)(**params), seed=1).gradients(batch)

    (alone, without), (_, unknown) = found(gamma=GAMMA, auxiliary_weight=0), found()
    (whole, once), (_, twice) = found(gamma=GAMMA), found(gamma=GAMMA, auxiliary_weight=2)
    assert without.loss == unknown.loss < once.loss
    assert twice.loss - once.loss == pytest.approx(once.loss - without.loss, rel=1e-3)
    assert not torch.equal(alone, whole)
    assert np.array_equal(without.td_errors, once.td_errors)


def test_a_network_that_predicts_learns_its_model():
    network, plant, batch = predicting("dqn")
    updater = Updater(network, plant, DqnParams(gamma=GAMMA, learning_rate=3e-3), seed=1)
    online = updater._online

    def error():
        pair = batch.observations, batch.next_observations
        return online.auxiliary_loss(*pair, batch.discounts, GAMMA).item()

    before = error()
    for _ in range(300):
        updater.step(batch)
    assert error() < before / 3

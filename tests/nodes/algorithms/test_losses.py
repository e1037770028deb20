import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from rtgraph.nodes.algorithms import losses
from rtgraph.nodes.algorithms.c51 import projection
from rtgraph.nodes.networks import SupportSpec

finite = st.floats(-30, 30, width=32)


def projected(probabilities, reward, discount, support):
    """Project one distribution, atom by atom."""
    step = (support.high - support.low) / (support.atoms - 1)
    result = np.zeros(support.atoms)
    for atom, probability in enumerate(probabilities):
        moved = reward + discount * (support.low + atom * step)
        place = (min(max(moved, support.low), support.high) - support.low) / step
        below = min(int(np.floor(place)), support.atoms - 1)
        share = place - below
        result[below] += probability * (1 - share)
        if share > 0:
            result[min(below + 1, support.atoms - 1)] += probability * share
    return result


@given(
    rewards=st.lists(finite, min_size=1, max_size=4),
    discount=st.floats(0, 1, width=32),
    low=st.floats(-20, 0, width=32),
    width=st.floats(1, 40, width=32),
    atoms=st.integers(2, 60),
    seed=st.integers(0, 100),
)
def test_the_projection_is_that_of_each_atom_by_itself(rewards, discount, low, width, atoms, seed):
    support = SupportSpec(low=low, high=low + width, atoms=atoms)
    before = np.random.default_rng(seed).dirichlet(np.ones(atoms), len(rewards)).astype(np.float32)
    discounts = torch.full((len(rewards),), discount)
    moved = projection.project(torch.from_numpy(before), torch.tensor(rewards), discounts, support)
    expected = [
        projected(row, reward, discount, support) for row, reward in zip(before, rewards, strict=True)
    ]
    np.testing.assert_allclose(moved.numpy(), np.array(expected), atol=2e-4)
    np.testing.assert_allclose(moved.sum(1).numpy(), 1, atol=1e-5)


def test_each_sample_is_discounted_by_its_own_ticks():
    support = SupportSpec(low=-4, high=4, atoms=9)
    certain = functional.one_hot(torch.tensor([8, 8, 8]), 9).float()  # certain of a return of 4
    moved = projection.project(certain, torch.zeros(3), torch.tensor([1.0, 0.5, 0.25]), support)
    assert moved.argmax(1).tolist() == [8, 6, 5]
    assert torch.equal(moved.max(1).values, torch.ones(3))


def test_negative_returns_are_told_apart():
    support = SupportSpec(low=-10, high=10, atoms=21)
    anything = torch.full((4, 21), 1 / 21)
    rewards = torch.tensor([-10.0, -7.0, -0.5, 3.0])
    moved = projection.project(anything, rewards, torch.zeros(4), support)
    means = moved @ torch.linspace(-10, 10, 21)
    torch.testing.assert_close(means, rewards)


def test_a_terminal_state_is_worth_what_it_earned():
    returns, discounts = torch.tensor([2.0, 2.0]), torch.tensor([0.0, 0.5])
    wanted = losses.targets(returns, discounts, torch.tensor([100.0, 100.0]))
    assert wanted.tolist() == [2, 52]
    assert losses.targets(returns, torch.zeros(2), torch.tensor([torch.inf, torch.nan])).tolist() == [2, 2]


def test_huber_is_quadratic_then_linear():
    errors = torch.tensor([0.0, 0.5, -0.5, 1.0, 3.0, -3.0])
    assert losses.huber(errors, torch.zeros(6)).tolist() == [0, 0.125, 0.125, 0.5, 2.5, 2.5]


def test_divergence_is_0_where_nothing_is_to_learn():
    wanted = torch.tensor([[0.2, 0.8, 0.0], [0.5, 0.25, 0.25]])
    logits = torch.stack([torch.tensor([0.2, 0.8, 1e-30]).log(), torch.zeros(3)])
    found = projection.divergence(projection.cross_entropy(logits, wanted), wanted)
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[1] == pytest.approx(float((wanted[1] * (wanted[1] * 3).log()).sum()), abs=1e-6)


def test_a_weight_acts_on_its_own_sample_only():
    per_sample = torch.tensor([1.0, 10.0, 100.0], requires_grad=True)
    weights = torch.tensor([1.0, 0.5, 0.0])
    loss = losses.weighted_mean(per_sample, weights)
    assert loss.item() == 2
    (gradient,) = torch.autograd.grad(loss, per_sample)
    torch.testing.assert_close(gradient, weights / 3)


@pytest.mark.parametrize(
    "call",
    [
        losses.weighted_mean,
        losses.huber,
        lambda row, column: losses.targets(row, column, row),
        lambda row, column: losses.targets(row, row, column),
        projection.cross_entropy,
    ],
)
def test_nothing_is_broadcast(call):
    with pytest.raises(ValueError, match=r"shapes must be equal.*\(3, 1\)"):
        call(torch.ones(3), torch.ones(3, 1))


@pytest.mark.parametrize(("norm", "factor"), [(0.0, 1.0), (9.9, 1.0), (20.0, 0.5)])
def test_clipping(norm, factor):
    assert losses.clipping(norm, 10.0) == pytest.approx(factor)


def test_outputs_of_actions():
    outputs = torch.arange(24).reshape(2, 3, 4)
    assert losses.of_actions(outputs, torch.tensor([2, 0])).tolist() == [[8, 9, 10, 11], [12, 13, 14, 15]]


@given(
    values=st.lists(st.lists(finite, min_size=3, max_size=3), min_size=1, max_size=5),
    actions=st.lists(st.integers(0, 2), min_size=5, max_size=5),
    least=st.floats(0, 4, width=32),
)
def test_the_margin_is_that_of_the_best_other_action(values, actions, least):
    actions = actions[: len(values)]
    expected = [
        max(value + (0 if action == demonstrated else least) for action, value in enumerate(row))
        - row[demonstrated]
        for row, demonstrated in zip(values, actions, strict=True)
    ]
    found = losses.margin(torch.tensor(values), torch.tensor(actions), least)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)
    assert (found >= 0).all()


def test_a_demonstrated_action_is_raised_above_the_best_other_one_and_no_further():
    values = torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.1, 0.0]], requires_grad=True)
    losses.margin(values, torch.tensor([0, 0]), 0.8).sum().backward()
    assert values.grad.tolist() == [[-1, 1, 0], [0, 0, 0]]

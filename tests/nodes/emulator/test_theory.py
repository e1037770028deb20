import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.emulator.theory import (
    best_delayed_rate,
    best_delayed_shift,
    chunked_rate,
    delay_bound,
    inaction_bound,
    inaction_rate,
    observed_state_rate,
    voted_rate,
)


def chance_of_moves(moves, stay, delay):
    return math.comb(delay, moves) * (1 - stay) ** moves * stay ** (delay - moves)


@given(st.floats(0, 1), st.integers(0, 60))
def test_the_best_rate_is_the_likeliest_number_of_moves(stay, delay):
    chances = [chance_of_moves(moves, stay, delay) for moves in range(delay + 1)]
    assert best_delayed_rate(stay, delay) == pytest.approx(max(chances), rel=1e-6)
    assert chances[best_delayed_shift(stay, delay)] == pytest.approx(max(chances), rel=1e-6)


@given(st.floats(0, 1), st.integers(0, 60))
def test_aiming_at_the_observed_state_is_best_only_while_no_move_is_likeliest(stay, delay):
    observed, best = observed_state_rate(stay, delay), best_delayed_rate(stay, delay)
    assert observed <= best * (1 + 1e-6)
    if best_delayed_shift(stay, delay) == 0:
        assert observed == best


@pytest.mark.parametrize(
    ("stay", "delay", "observed", "best", "shift"),
    [
        (0.9, 0, 1.0, 1.0, 0),
        (0.9, 8, 0.430, 0.430, 0),
        (0.9, 9, 0.387, 0.387, 0),  # tied with 1
        (0.9, 10, 0.349, 0.387, 1),
        (0.5, 2, 0.25, 0.5, 1),
        (0.5, 1, 0.5, 0.5, 0),  # tied with 1
        (0.5, 3, 0.125, 0.375, 1),  # tied with 2
        (0.0, 5, 0.0, 1.0, 5),
        (1.0, 5, 1.0, 1.0, 0),
    ],
)
def test_known_rates_under_delay(stay, delay, observed, best, shift):
    assert observed_state_rate(stay, delay) == pytest.approx(observed, abs=5e-4)
    assert best_delayed_rate(stay, delay) == pytest.approx(best, abs=5e-4)
    assert best_delayed_shift(stay, delay) == shift
    assert delay_bound(stay, delay) == pytest.approx(1 - observed, abs=5e-4)


def test_long_delays_stay_finite():
    assert best_delayed_rate(0.5, 10_000) == pytest.approx(1 / math.sqrt(math.pi * 5_000), rel=1e-3)


@pytest.mark.parametrize("interval", [1, 2, 5, 12.5])
def test_inaction_costs_the_steps_on_which_nobody_acts(interval):
    assert inaction_rate(interval) == pytest.approx(1 / interval)
    assert inaction_bound(interval) / interval == pytest.approx(1 - inaction_rate(interval))


@pytest.mark.parametrize("function", [inaction_rate, inaction_bound])
@pytest.mark.parametrize("interval", [0, 0.5, float("nan")])
def test_an_interval_is_at_least_one_step(function, interval):
    with pytest.raises(ValueError, match="expected at least 1 environment step"):
        function(interval)


@pytest.mark.parametrize(
    "function", [observed_state_rate, best_delayed_rate, best_delayed_shift, delay_bound]
)
def test_chances_and_delays_are_checked(function):
    with pytest.raises(ValueError, match=r"stay 1.5: expected a probability"):
        function(1.5, 3)
    with pytest.raises(ValueError, match="delay -1: expected 0 or more"):
        function(0.5, -1)


@pytest.mark.parametrize(("chunk", "interval"), [(1, 1), (3, 3), (5, 3), (2, 4)])
def test_the_rate_of_chunks_is_the_mean_over_their_places(chunk, interval):
    rates = [best_delayed_rate(0.9, 4 + place) if place < chunk else 1 / 64 for place in range(interval)]
    assert chunked_rate(0.9, 4, chunk, interval, 64) == pytest.approx(np.mean(rates))


@pytest.mark.parametrize("decay", [0.0, 0.01, -0.4, 1.0])
@pytest.mark.parametrize(("stay", "delay", "chunk"), [(0.9, 4, 6), (0.5, 3, 5), (0.7, 1, 2)])
def test_the_rate_of_votes_is_that_of_sampled_moves(stay, delay, chunk, decay):
    shifts = [best_delayed_shift(stay, delay + place) for place in range(chunk)]
    generator = np.random.default_rng(0)
    earned = 0
    for _ in range(4_000):
        moves = generator.random(delay + chunk - 1) >= stay
        now = int(moves.sum())
        # Oldest first: that of place h - 1 saw the state before all moves.
        seen = [int(moves[:age].sum()) for age in range(chunk)]
        aims = [at + shift for at, shift in zip(seen, reversed(shifts), strict=True)]
        votes = {
            aim: sum(math.exp(-decay * place) for place, other in enumerate(aims) if other == aim)
            for aim in reversed(aims)
        }
        earned += max(votes, key=votes.__getitem__) == now
    assert voted_rate(stay, delay, chunk, decay) == pytest.approx(earned / 4_000, abs=0.03)


def test_one_vote_is_the_best_delayed_policy_and_more_are_never_better():
    for stay, delay in itertools.product((0.5, 0.9), (1, 5)):
        assert voted_rate(stay, delay, 1, 0.01) == pytest.approx(best_delayed_rate(stay, delay))
        assert voted_rate(stay, delay, 7, 0.01) <= best_delayed_rate(stay, delay)


def test_numbers_of_chunks_are_checked():
    with pytest.raises(ValueError, match="chunk 0, interval 1, states 2: each must be 1 or more"):
        chunked_rate(0.9, 1, 0, 1, 2)
    with pytest.raises(ValueError, match="chunk 17: expected 1 to 16 actions"):
        voted_rate(0.9, 1, 17, 0.0)

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rtgraph.nodes.emulator.tracking.environment import STAY, TrackingEnvironment, TrackingSettings
from rtgraph.nodes.emulator.tracking.theory import (
    aware_rate,
    best_plan,
    drift_distribution,
    informed_rate,
    memoryless_rate,
    policy_rate,
)

LANES = 20_000


def drifted(positions, steady):
    """The distribution of one drift, as the environment defines it."""
    chances = np.zeros(positions)
    for drift, chance in ((0, steady), (1, (1 - steady) / 2), (-1, (1 - steady) / 2)):
        chances[drift % positions] += chance
    return chances


def rate_over_all_joined_states(positions, steady, delay):
    """Value iteration over the observation joined with every sequence of pending actions, state by state."""
    queues = list(itertools.product(range(3), repeat=delay - 1))
    states = list(itertools.product(range(positions), queues))
    chances = drifted(positions, steady)
    value = dict.fromkeys(states, 0.0)
    while True:
        improved = {}
        for position, queue in states:
            options = []
            for action in range(3):
                first, *rest = (*queue, action)
                reached = [(position + first - STAY + drift) % positions for drift in range(positions)]
                options.append(
                    sum(
                        chance * ((where == 0) + value[where, tuple(rest)])
                        for where, chance in zip(reached, chances, strict=True)
                    )
                )
            improved[position, queue] = max(options)
        gains = [improved[state] - value[state] for state in states]
        if max(gains) - min(gains) < 1e-7:
            return sum(gains) / len(gains)
        value = {state: improved[state] - improved[states[0]] for state in states}


def measured(policy, delay, steady=0.9, steps=300):
    """The mean reward of many lanes, in which ``policy`` maps observations and pending actions to actions, all (lanes,)."""
    environment = TrackingEnvironment(TrackingSettings(lanes=LANES, steady=steady))
    seen = environment.reset(np.random.default_rng(0))
    pending = [np.full(LANES, STAY)] * (delay - 1)
    rewards = []
    for _ in range(steps):
        pending.append(policy(seen, pending))
        step = environment.step(pending.pop(0))
        seen = step.observation
        rewards.append(step.reward)
    return np.mean(rewards[steps // 3 :])


def informed(seen, pending):
    """Move towards the target from where the pending actions will end."""
    expected = (seen + sum(actions - STAY for actions in pending)) % 5
    return np.array([STAY, 0, 0, 2, 2])[expected]


@pytest.mark.parametrize(("positions", "steady", "delay"), [(3, 0.5, 1), (5, 0.9, 2), (5, 0.7, 3)])
def test_the_reduced_state_is_worth_as_much_as_the_joined_one(positions, steady, delay):
    assert informed_rate(positions, steady, delay) == pytest.approx(
        rate_over_all_joined_states(positions, steady, delay), abs=1e-6
    )


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_a_policy_that_knows_what_is_pending_earns_the_predicted_rate(delay):
    assert measured(informed, delay) == pytest.approx(informed_rate(5, 0.9, delay), abs=0.004)


@pytest.mark.parametrize("delay", [1, 2, 5])
@pytest.mark.parametrize("policy", [(1, 0, 0, 2, 2), (1, 1, 0, 2, 1), (1, 1, 0, 0, 0), (2, 2, 2, 2, 2)])
def test_a_policy_that_sees_only_the_observation_earns_the_predicted_rate(policy, delay):
    acts = np.array(policy)
    assert measured(lambda seen, _: acts[seen], delay) == pytest.approx(
        policy_rate(0.9, delay, policy), abs=0.006
    )


@pytest.mark.parametrize(("delay", "known", "unknown"), [(1, 0.9, 0.9), (2, 0.815, 0.525), (4, 0.680, 0.376)])
def test_known_rates(delay, known, unknown):
    rate, policy = memoryless_rate(5, 0.9, delay)
    assert (informed_rate(5, 0.9, delay), rate) == pytest.approx((known, unknown), abs=5e-4)
    assert policy_rate(0.9, delay, policy) == rate


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_the_best_policy_with_all_pending_actions_known_earns_the_rate_of_value_iteration(delay):
    rate, _ = aware_rate(5, 0.9, delay, delay - 1)
    assert rate == pytest.approx(informed_rate(5, 0.9, delay), abs=1e-6)
    assert policy_rate(0.9, delay, (1, 0, 0, 2, 2), delay - 1) == pytest.approx(rate, abs=1e-6)


def test_each_pending_action_that_is_known_is_worth_something():
    rates = [aware_rate(5, 0.9, 4, known)[0] for known in range(4)]
    assert rates == sorted(rates)
    assert min(np.diff(rates)) > 0.01


@pytest.mark.parametrize(("delay", "known"), [(4, 1), (4, 2)])
def test_a_policy_that_knows_the_oldest_pending_actions_earns_the_predicted_rate(delay, known):
    rate, policy = aware_rate(5, 0.9, delay, known)
    acts = np.array(policy)

    def ahead(seen, pending):
        return acts[(seen + sum(actions - STAY for actions in pending[:known])) % 5]

    assert measured(ahead, delay) == pytest.approx(rate, abs=0.006)


@pytest.mark.parametrize("known", [-1, 2])
def test_more_known_actions_than_are_pending_are_refused(known):
    with pytest.raises(ValueError, match=rf"known must be from 0 to 1, .* not {known}"):
        aware_rate(5, 0.9, 2, known)


def test_a_policy_without_the_pending_actions_is_never_better():
    for delay in (1, 2, 3):
        assert memoryless_rate(3, 0.8, delay)[0] <= informed_rate(3, 0.8, delay) + 1e-6


def test_the_drift_of_many_steps_is_that_of_one_repeated():
    for steps in (1, 3, 6):
        expected = np.zeros(7)
        for drifts in itertools.product((0, 1, -1), repeat=steps):
            expected[sum(drifts) % 7] += np.prod([0.6 if drift == 0 else 0.2 for drift in drifts])
        assert drift_distribution(7, 0.6, steps) == pytest.approx(expected)


@pytest.mark.parametrize(
    "compute", [lambda d: informed_rate(5, 0.9, d), lambda d: policy_rate(0.9, d, (1,) * 5)]
)
def test_a_delay_below_one_step_is_refused(compute):
    with pytest.raises(ValueError, match="delay 0: expected 1 or more steps"):
        compute(0)


def test_a_delay_that_would_take_hours_is_refused():
    with pytest.raises(
        ValueError,
        match=r"delay 16: the computation needs 71,744,535 states, but at most 200,000 are allowed",
    ):
        policy_rate(0.9, 16, (1,) * 5)


def rate_of_open_loop_plans(positions, steady, delay, chunk, interval):
    """Value iteration over every sequence of actions of a chunk, from every position."""
    drift = [drift_distribution(positions, steady, steps) for steps in range(delay + interval + 1)]
    value = np.zeros(positions)
    while True:
        improved = np.full(positions, -np.inf)
        for begin, plan in itertools.product(range(positions), itertools.product(range(3), repeat=chunk)):
            where, worth = begin, 0.0
            for place in range(interval):
                where = (where + (plan[place] - STAY if place < chunk else 0)) % positions
                worth += drift[delay + place][-where % positions]
            worth += sum(
                drift[interval][moved] * value[(where + moved) % positions] for moved in range(positions)
            )
            improved[begin] = max(improved[begin], worth)
        gains = improved - value
        if gains.max() - gains.min() < 1e-7:
            return gains.mean() / interval
        value = improved - improved[0]


@pytest.mark.parametrize(("delay", "chunk", "interval"), [(2, 2, 2), (3, 1, 3), (2, 4, 4), (1, 2, 3)])
def test_the_best_plan_is_that_of_all_sequences_of_actions(delay, chunk, interval):
    rate, plan = best_plan(5, 0.7, delay, chunk, interval)
    assert rate == pytest.approx(rate_of_open_loop_plans(5, 0.7, delay, chunk, interval), abs=1e-6)
    assert plan.shape == (5, chunk)
    assert (plan[0] == STAY).all()


def test_a_plan_has_no_overlap():
    with pytest.raises(ValueError, match="chunk 3 and interval 2: the chunk must have 1 or more actions"):
        best_plan(5, 0.9, 1, 3, 2)

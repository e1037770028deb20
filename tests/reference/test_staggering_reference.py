"""Checks of the reference: small cases of every rule, worked out by hand, and then published figures."""

import math
from itertools import pairwise

import numpy as np
import pytest
from reference.staggering import (
    METHODS,
    SECOND,
    Decision,
    Latest,
    Paced,
    Playout,
    dist,
    draw,
    period_ns,
    quantile_99,
    simulate,
    tick_ns,
)

TEN_NS = 10**8  # ticks per second: tick k is at 10 k ns
LONG = 10**6  # an inference that never ends


def run(method, draws, ticks):
    """Simulate with a tick every 10 ns; inferences after the listed ones never end."""
    return simulate(method, lambda worker, j: (draws[worker] + [LONG] * 50)[j], len(draws), ticks, TEN_NS)


def starts(result, worker):
    return [decision.start_ns for decision in result.decisions if decision.worker == worker]


def dues(result, worker):
    return [d.due_ns for d in result.decisions if d.worker == worker and d.fate != "inferring"]


def fate_of(result, worker, j):
    return [decision.fate for decision in result.decisions if decision.worker == worker][j]


def random_run(method, kind="norm5", workers=6, seed=0, ticks=20_000):
    return simulate(method, draw(kind, np.random.default_rng(seed), (workers, 12_000)), workers, ticks)


# ---- time, and the latest gate ---------------------------------------------------------------------------------------


def test_ticks_are_a_whole_number_of_ns_apart():
    assert [tick_ns(tick) for tick in (0, 1, 2, 3, 60)] == [
        0,
        16_666_667,
        33_333_334,
        50_000_001,
        1_000_000_020,
    ]
    assert [period_ns(rate) for rate in (50, 59.7275, 30, 144, SECOND // 10)] == [
        20_000_000,
        16_742_706,
        33_333_333,
        6_944_444,
        10,
    ]


def test_one_worker_by_hand():
    result = run("none", [[15, 5, 5, 5, 25]], ticks=6)
    assert starts(result, 0) == [0, 15, 20, 25, 30, 55]
    # An observation is readable at its own instant, here by the inferences that start at 20 and 30.
    assert [decision.observation for decision in result.decisions] == [0, 1, 2, 2, 3, 5]
    # A decision due exactly at a tick counts for it: 20 for tick 2, 30 for tick 3.
    assert [decision.arrival_tick for decision in result.decisions] == [2, 2, 3, 3, 6, -1]
    assert result.applied == [-1, -1, 1, 2, -1, -1, 3]
    assert [decision.applied_tick for decision in result.decisions] == [-1, 2, -1, 3, 6, -1]
    assert result.fates() == {"applied": 3, "inferring": 1, "overwritten": 2}
    # Ticks 2 to 6 are evaluated: 3 of 5 acted, 1, 1 and 3 ticks late; 2 of the 5 decisions were wasted.
    assert list(result.measured) == [2, 3, 4, 5, 6]
    assert result.inaction == pytest.approx(2 / 5)
    assert result.age_mean == pytest.approx(5 / 3)
    assert result.age_sd == pytest.approx(math.sqrt(8 / 9))
    assert result.wasted == pytest.approx(2 / 5)
    assert result.spacing_ns() == [5, 5, 5, 25]


def test_a_decision_strictly_older_than_the_last_applied_is_late():
    result = run("none", [[35], [10, 5]], ticks=4)
    assert result.applied == [-1, 0, 1, -1, -1]
    assert fate_of(result, 0, 0) == "late"


def test_a_decision_as_old_as_the_last_applied_may_act():
    result = run("none", [[25], [12]], ticks=3)
    assert result.applied == [-1, -1, 0, 0]


def test_the_newest_observation_wins_over_the_later_arrival():
    result = run("none", [[28], [10, 15]], ticks=3)  # observation 1 arrives at 25, observation 0 at 28
    assert result.applied == [-1, 0, -1, 1]
    assert fate_of(result, 0, 0) == "overwritten"


def test_of_equal_observations_the_later_arrival_wins():
    result = run("none", [[4], [3]], ticks=1)
    assert [fate_of(result, worker, 0) for worker in (0, 1)] == ["applied", "overwritten"]
    result = run("none", [[4], [4]], ticks=1)  # at the same instant, the higher index
    assert [fate_of(result, worker, 0) for worker in (0, 1)] == ["overwritten", "applied"]


def test_no_tick_applies_a_decision_twice():
    result = run("none", [[5]], ticks=4)
    assert result.applied == [-1, 0, -1, -1, -1]


# ---- Algorithm 1 -----------------------------------------------------------------------------------------------------


def test_dist_counts_forward_in_the_cycle():
    assert [dist(x, 1, 4) for x in range(4)] == [3, 0, 1, 2]


def test_maximum_time_spreads_the_first_round_and_stays_even_when_the_maximum_rises():
    # At 30 the first report gives worker 1 a delay of 10 and worker 2 one of 20. Worker 1's second inference takes 6
    # more: reported at 76, that is 2 more for worker 2, 4 for worker 0, and all hold until they took 36.
    result = run("maximum_time", [[30] * 9, [30, 36] + [30] * 9, [30] * 9], ticks=17)
    assert starts(result, 0)[:5] == [0, 30, 60, 100, 136]
    assert starts(result, 1)[:5] == [0, 40, 76, 112, 148]
    assert starts(result, 2)[:5] == [0, 50, 88, 124, 160]
    assert dues(result, 0)[:4] == [30, 60, 96, 136]
    assert dues(result, 1)[:4] == [30, 76, 112, 148]
    assert dues(result, 2)[:4] == [30, 86, 124, 160]
    assert result.spacing_ns()[-4:] == [12, 12, 12, 12]  # 36 / 3


def test_maximum_time_reads_the_observation_after_the_sleep():
    result = run("maximum_time", [[30] * 9, [30] * 9, [30] * 9], ticks=8)
    second_round = sorted((d.start_ns, d.observation) for d in result.decisions if d.start_ns >= 30)[:3]
    assert second_round == [(30, 3), (40, 4), (50, 5)]


def test_maximum_time_holds_by_the_maximum_at_its_own_report():
    # At 55 worker 0 reports 15, then worker 1 reports 25 and raises the maximum from 20 to 25: too late for worker 0.
    result = run("maximum_time", [[20, 20, 15], [20, 25]], ticks=8)
    assert dues(result, 0) == [20, 40, 60]
    assert starts(result, 0) == [0, 20, 40, 62]  # floor(5 / 2) more
    assert dues(result, 1) == [20, 55]


def test_a_delay_that_arrives_during_the_sleep_is_for_the_next_round():
    # Worker 2 sleeps from 30 to 50. Worker 1's 36, reported at 36, gives it floor(1 * 6 / 3) = 2 more.
    result = run("maximum_time", [[30, 36], [36, 36], [30, 36, 36]], ticks=12)
    assert starts(result, 2) == [0, 50, 88]  # 50 + 36, and now the 2


def test_maximum_time_of_constant_inference_is_even_after_the_first_round():
    workers = 6
    result = random_run("maximum_time", "const", workers, ticks=500)
    tau_ns = 88_333_335
    gaps = result.spacing_ns()[workers - 1 :]
    assert result.spacing_ns()[: workers - 1] == [0] * (workers - 1)
    assert gaps[0] == tau_ns  # worker 0 goes on at once
    assert all(abs(gap - tau_ns / workers) < 1.5 for gap in gaps[1:])


def test_one_slow_inference_ruins_maximum_time_for_good():
    draws = np.full((6, 12_000), draw("const", None, ())[()])
    draws[3, 100] *= 10
    result = simulate("maximum_time", draws, 6)
    assert result.inaction == pytest.approx(1 - 6 / 53, abs=0.001)
    assert result.age_mean == pytest.approx(54, abs=0.5)


# ---- Algorithm 2 -----------------------------------------------------------------------------------------------------


def test_expected_time_when_the_mean_falls():
    # At 48 the mean falls from 30 to 27: worker 1, next after worker 0, gets 2 * 3 / 3 more, worker 2 gets 1 * 3 / 3.
    result = run("expected_time", [[30, 18, 27], [30, 27], [30, 27]], ticks=9)
    assert starts(result, 0) == [0, 30, 48, 75]
    assert starts(result, 1) == [0, 40, 69]
    assert starts(result, 2) == [0, 50, 78]
    assert dues(result, 0) == [30, 48, 75]  # no decision is held


def test_expected_time_rounds_delays_down():
    result = run("expected_time", [[20, 14, 40], [20, 30]], ticks=9)
    assert starts(result, 0) == [0, 20, 34, 75]  # mean 18 -> 21 at 60: floor(1 * 3 / 2) = 1 more
    assert starts(result, 1) == [0, 30, 61]  # mean 20 -> 18 at 34: (2 - 1) * 2 / 2 = 1 more


def test_expected_time_of_constant_inference_equals_maximum_time():
    draws = draw("const", None, (6, 2_000))
    expected, maximum = (simulate(method, draws, 6, 5_000) for method in ("expected_time", "maximum_time"))
    assert expected.decisions == maximum.decisions
    assert expected.applied == maximum.applied


# ---- paced claims ----------------------------------------------------------------------------------------------------


def test_paced_with_too_few_workers_spaces_claims_by_the_timer():
    # From the first finish on the mean is 25 ns, 2.5 ticks, more than 2 workers: claims are 12.5, so 13, ns apart.
    result = run("paced", [[25] * 9, [25] * 9], ticks=7)
    assert [(d.start_ns, d.observation, d.worker) for d in result.decisions] == [
        (0, 0, 0),
        (10, 1, 1),
        (25, 2, 0),
        (38, 3, 1),  # free since 35
        (51, 5, 0),
        (64, 6, 1),
    ]


def test_paced_gives_an_observation_to_the_longest_free_worker():
    result = run("paced", [[15] * 9, [15] * 9, [15] * 9], ticks=5)
    claims = [(decision.start_ns, decision.worker) for decision in result.decisions]
    assert claims == [(0, 0), (10, 1), (20, 2), (30, 0), (40, 1)]


def test_paced_claims_between_ticks_only_what_nobody_claimed():
    result = run(
        "paced", [[12, 3, 3]], ticks=3
    )  # free at 12, 15 and 23: observations 1, none until 20, none until 30
    assert [(d.start_ns, d.observation) for d in result.decisions] == [(0, 0), (12, 1), (20, 2)]


@pytest.mark.parametrize("workers", [1, 3, 6])
@pytest.mark.parametrize("kind", ["norm5", "logn", "eps50", "spike"])
def test_paced_never_reuses_an_observation_nor_goes_back(kind, workers):
    result = random_run("paced", kind, workers, ticks=2_000)
    observations = [decision.observation for decision in result.decisions]
    assert all(later > earlier for earlier, later in pairwise(observations))


def test_paced_mean_is_plain_for_50_inferences_and_then_forgets():
    paced = Paced(1, 60)
    for tau_ns in range(1, 51):
        paced.report(0, tau_ns)
    assert paced.mean_ns == pytest.approx(25.5)
    paced.report(0, 125.5)
    assert paced.mean_ns == pytest.approx(27.5)


# ---- the playout gate ------------------------------------------------------------------------------------------------


def test_playout_by_hand():
    result = run("paced", [[15, 8], [8, 8], [28]], ticks=7)
    # Ages on arrival: 2 and 1 at tick 2, 1 at tick 4, 3 and 1 at tick 5.
    assert [d.arrival_tick for d in result.decisions][:5] == [2, 2, 5, 4, 5]
    assert result.playout == [0, 0, 2, 2, 2, 3, 3, 3]
    # Observation 1 is held a tick, 3 two; 2 comes after D = 2 but nothing newer was played.
    assert result.applied == [-1, -1, 0, 1, -1, 2, 3, 4]
    # Of the two that are free since 48, the lower index comes first.
    assert [d.worker for d in result.decisions] == [0, 1, 2, 0, 1, 0, 1]


def test_playout_counts_the_age_of_a_decision_that_comes_too_late():
    result = run("paced", [[45], [5, 5]], ticks=5)
    assert result.applied == [-1, -1, 1, 2, -1, -1]
    assert fate_of(result, 0, 0) == "late"
    assert result.playout == [0, 0, 1, 1, 1, 5]


def test_playout_takes_the_newest_and_drops_what_is_older():
    gate = Playout()
    first, *others = (Decision(0, observation, start_ns=0) for observation in (58, 60, 61, 64))
    assert gate.choose(60, [first]) is first  # D = 2
    assert gate.choose(65, others) is others[1]  # D stays; 60 and 61 are old enough
    assert others[0].fate == "overwritten"
    assert gate.choose(66, []) is others[2]
    assert gate.choose(67, []) is None


def test_quantile_is_the_element_at_the_floor_of_99_percent():
    assert quantile_99([7]) == 7
    assert quantile_99(range(99)) == 98
    assert quantile_99(range(100)) == 99
    assert quantile_99(range(200)) == 198
    assert quantile_99(range(400)) == 396
    assert quantile_99(range(400, 0, -1)) == 397
    for n in range(1, 401):
        assert quantile_99(range(n)) == min(math.floor(0.99 * n), n - 1)


def test_playout_window_and_rhythm():
    result = random_run("paced", "logn", 8, ticks=3_000)
    arrivals = sorted(
        (d.due_ns, d.worker, d.arrival_tick - d.observation, d.arrival_tick) for d in result.decisions
    )
    for tick in range(1, 3_001):
        if tick >= 50 and tick % 20:
            assert result.playout[tick] == result.playout[tick - 1]
        else:
            ages = [age for *_, age, arrival_tick in arrivals if 0 <= arrival_tick <= tick][-400:]
            assert result.playout[tick] == (quantile_99(ages) if ages else 0)


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_none_of_constant_inference_has_no_gain_from_more_workers():
    tau_ns, period = 88_333_335, period_ns(60)
    expected = [-1] * 20_001
    for j in range(1, 4_000):
        arrival_tick = -(-j * tau_ns // period)  # rounded up
        observation = (j - 1) * tau_ns // period
        if arrival_tick <= 20_000:
            expected[arrival_tick] = observation
    for workers in (1, 6):
        result = random_run("none", "const", workers)
        assert result.applied == expected
        assert result.inaction == pytest.approx(1 - 1 / 5.3, abs=1e-3)
        assert result.wasted == pytest.approx(1 - 1 / workers, abs=1e-3)


@pytest.mark.parametrize("method", ["maximum_time", "expected_time"])
def test_staggering_of_constant_inference_is_exact(method):
    result = random_run(method, "const", 6)
    assert result.inaction == 0
    assert set(result.ages) == {6, 7}
    assert result.age_mean == pytest.approx(6.2, abs=0.05)
    assert result.wasted == pytest.approx(1 - 5.3 / 6, abs=1e-3)  # 6 / 5.3 decisions a tick, one is used


@pytest.mark.parametrize("workers", [6, 8, 12])
def test_paced_of_constant_inference_is_exact(workers):
    result = random_run("paced", "const", workers)
    assert result.inaction == 0
    assert result.wasted == 0
    assert set(result.ages) == {6}
    assert set(result.playout[20:]) == {6}
    assert {decision.start_ns - tick_ns(decision.observation) for decision in result.decisions} == {0}


@pytest.mark.parametrize("method", ["maximum_time", "expected_time", "paced"])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_too_few_workers_use_all_of_their_constant_inferences(method, workers):
    result = random_run(method, "const", workers)
    assert result.inaction == pytest.approx(1 - workers / 5.3, abs=0.001)
    after_the_first_round = result.decisions[workers:]
    assert {decision.fate for decision in after_the_first_round} <= {"applied", "arrived", "inferring"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["logn", "eps50"])
def test_accounts_balance(method, kind):
    result = random_run(method, kind, 6, ticks=2_000)
    applied = [decision for decision in result.decisions if decision.applied_tick >= 0]
    assert len(applied) == sum(observation >= 0 for observation in result.applied)
    assert all(result.applied[decision.applied_tick] == decision.observation for decision in applied)
    assert result.fates()["applied"] == len(applied)
    acted_on = [observation for observation in result.applied if observation >= 0]
    assert acted_on == sorted(acted_on)
    for decision in result.decisions:
        assert tick_ns(decision.observation) <= decision.start_ns < tick_ns(decision.observation + 1)
        if decision.arrival_tick >= 0:
            assert tick_ns(decision.arrival_tick - 1) < decision.due_ns <= tick_ns(decision.arrival_tick)


def test_draws_may_be_a_function_called_in_the_order_of_the_starts():
    rng = np.random.default_rng(3)
    stream = iter(draw("logn", rng, 10_000))
    drawn = [[], []]

    def draws(worker, j):
        assert j == len(drawn[worker])
        drawn[worker].append(int(next(stream)))
        return drawn[worker][-1]

    called = simulate("expected_time", draws, 2, 1_000)
    assert simulate("expected_time", drawn, 2, 1_000) == called


def test_inference_takes_time():
    with pytest.raises(ValueError, match="0 ns: worker 1"):
        run("none", [[5], [0]], ticks=1)


def test_names_are_checked():
    with pytest.raises(ValueError, match="'random' is not one of none, maximum_time"):
        simulate("random", [[1]], 1)
    with pytest.raises(ValueError, match="'uniform' is not one of const, norm5"):
        draw("uniform", np.random.default_rng(0), 1)


def test_distributions():
    frame_ns = period_ns(60)
    frames = {
        kind: draw(kind, np.random.default_rng(1), 400_000) / frame_ns
        for kind in ("norm5", "logn", "eps50", "spike")
    }
    assert draw("const", None, (2, 3)).tolist() == [[88_333_335] * 3] * 2
    assert frames["norm5"].mean() == pytest.approx(5.3, rel=0.001)
    assert frames["norm5"].std() == pytest.approx(0.265, rel=0.01)
    assert frames["logn"].mean() == pytest.approx(5.3, rel=0.01)
    assert np.log(frames["logn"]).std() == pytest.approx(0.5, rel=0.01)
    assert np.unique(frames["eps50"]).tolist() == pytest.approx([0.106, 5.3])
    assert (frames["eps50"] < 1).mean() == pytest.approx(0.5, abs=0.005)
    assert (frames["spike"] > 40).mean() == pytest.approx(0.002, rel=0.15)
    assert set(np.round(frames["spike"][frames["spike"] > 40], 6)) == {53}
    assert frames["spike"][frames["spike"] < 40].std() == pytest.approx(0.159, rel=0.01)


@pytest.mark.parametrize("gate", [Latest, Playout])
def test_a_gate_without_decisions_does_nothing(gate):
    assert gate().choose(0, []) is None

"""The node graph in virtual time compared with the slow reference, tick by tick, and then in the mean."""

import itertools
import math

import numpy as np
import pytest
from reference.staggering import KINDS, METHODS, SECOND, draw, simulate
from support.staggered import staggered_world, trace_of

from rtgraph.nodes.runtime.latency import Empirical

# Every method and kind of latency, each with two of the worker numbers, so that each method runs with all six.
_WORKERS = itertools.cycle([(6, 8), (2, 6), (1, 4), (4, 12), (6, 8)])
CASES = [
    (m, kind, n)
    for (m, kind), each in zip(itertools.product(METHODS, KINDS), _WORKERS, strict=False)
    for n in each
]

# A window of 400 ages, from which the delay of ``paced`` is taken, is full and has moved on.
TICKS = [600, pytest.param(1_500, marks=pytest.mark.soak)]


def fed(draws):
    """Return latencies that reproduce these inference times, in ns."""
    return [{"kind": "empirical", "values_ms": (row / 1e6).tolist(), "order": "sequence"} for row in draws]


def applied_observations(world):
    """Return the tick of the observation acted on at each tick; -1 where the default behaviour acted."""
    ticks = trace_of(world).ticks()
    assert ticks["tick"].tolist() == list(range(ticks["tick"].size))
    return np.where(ticks["age_ticks"] < 0, -1, ticks["tick"] - ticks["age_ticks"]).tolist()


def check_equal(method, draws, ticks, rate_hz):
    workers = len(draws)
    reference = simulate(method, draws, workers, ticks, rate_hz)
    world = staggered_world(method, fed(draws), ticks + 1, rate_hz=float(rate_hz))
    world.run()
    trace = trace_of(world)
    # Tick 0 has no action in either: the plant resets, and the reference has no decision yet.
    assert applied_observations(world) == reference.applied
    assert trace.ticks()["delay_ticks"].tolist() == reference.playout
    made, fates = trace.decisions(), trace.figures()["decisions"]
    assert sorted(made["stamp_ns"].tolist()) == sorted(d.due_ns for d in reference.decisions if d.due_ns >= 0)
    assert {fate: fates[fate] for fate in ("applied", "overwritten", "late")} == {
        fate: reference.fates().get(fate, 0) for fate in ("applied", "overwritten", "late")
    }
    assert fates["dropped"] == 0


@pytest.mark.parametrize("ticks", TICKS)
@pytest.mark.parametrize(("method", "kind", "workers"), CASES)
def test_the_same_inference_times_give_the_same_action_at_every_tick(method, kind, workers, ticks):
    draws = draw(kind, np.random.default_rng([workers, *kind.encode()]), (workers, 4 * ticks))
    check_equal(method, draws, ticks, rate_hz=60)


@pytest.mark.parametrize("ticks", TICKS)
@pytest.mark.parametrize("workers", [2, 3, 7])
@pytest.mark.parametrize("method", METHODS)
def test_and_where_everything_falls_on_the_same_instants(method, workers, ticks):
    quarter_ns = SECOND // 50 // 4
    draws = np.random.default_rng(workers).integers(1, 30, (workers, 4 * ticks)) * quarter_ns
    check_equal(method, draws, ticks, rate_hz=50)


def test_measured_times_keep_their_nanoseconds():
    times_ns = [1, 2, 88_333_333, 10**9 + 1, 3_600 * 10**9 - 1, *range(10**8, 10**8 + 300)]
    latency = Empirical(values_ms=tuple(ns / 1e6 for ns in times_ns), order="sequence")
    drawn = latency.draws(np.random.default_rng(0), 60.0)
    assert [drawn() for _ in times_ns] == times_ns


LATENCIES = {
    "norm5": {"kind": "normal", "frames": 5.3, "sd": 0.05},
    "logn": {"kind": "lognormal", "frames": 5.3},
    "eps50": {"kind": "mixture", "frames": 5.3},
    "spike": {"kind": "spikes", "frames": 5.3},
}


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("none", "norm5"),
        ("maximum_time", "norm5"),
        ("expected_time", "logn"),
        ("paced", "spike"),
    ],
)
def test_draws_of_its_own_give_the_same_inaction_in_the_mean(method, kind):
    seeds, ticks, workers = 6, 1_000, 6

    def reference(seed):
        draws = draw(kind, np.random.default_rng(seed), (workers, ticks * 4))
        return simulate(method, draws, workers, ticks).inaction

    def graph(seed):
        world = staggered_world(method, [LATENCIES[kind]] * workers, ticks + 1, seed=seed)
        world.run()
        return trace_of(world).figures(ticks_from=ticks // 4 + 1)["inaction"]

    expected, found = ([inaction(seed) for seed in range(seeds)] for inaction in (reference, graph))
    tolerance = 0.02 + 3 * np.std(expected, ddof=1) * math.sqrt(2 / seeds)
    assert np.mean(found) == pytest.approx(np.mean(expected), abs=tolerance)
    assert len(set(found)) > 1, "every seed draws the same"

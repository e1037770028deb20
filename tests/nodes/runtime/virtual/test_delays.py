import numpy as np
import pytest
from support.staggered import staggered_world, trace_of

from rtgraph.nodes.monitor.columns import POLICY
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay, EdgeDelays

FRAME_NS = 16_666_667
LATENCIES = [{"kind": "constant", "frames": 3.2}] * 4


def delay(latency, **edge):
    return EdgeDelay(**edge, latency=latency)


def arrivals(*delays, times_ns=range(0, 10_000_000, 1_000), seed=0, edge=("a", "out", "b", "in")):
    drawn = EdgeDelays(delays, seed)
    return np.array([time_ns + drawn.delay_ns(*edge, time_ns) for time_ns in times_ns])


MODELS = [
    {"kind": "constant", "ms": 0.3},
    {"kind": "normal", "ms": 0.3, "sd": 0.4},
    {"kind": "lognormal", "ms": 0.3, "sigma": 0.8},
    {"kind": "mixture", "ms": 0.3, "epsilon": 0.5, "cost": 4},
    {"kind": "empirical", "values_ms": [0.1, 0.2, 3]},
]


@pytest.mark.parametrize("latency", MODELS, ids=lambda latency: latency["kind"])
def test_messages_of_an_edge_never_overtake_each_other_and_are_drawn_by_the_seed(latency):
    arrived = arrivals(delay(latency))
    assert (np.diff(arrived) >= 0).all()
    assert (arrived == arrivals(delay(latency))).all()
    assert (latency["kind"] == "constant") == (arrived == arrivals(delay(latency), seed=1)).all()


@pytest.mark.parametrize("latency", MODELS, ids=lambda latency: latency["kind"])
def test_messages_far_apart_take_the_drawn_time(latency):
    times = np.arange(2_000) * 1_000_000_000
    taken_ms = (arrivals(delay(latency), times_ns=times.tolist()) - times) / 1e6
    draw = delay(latency).latency.draws(np.random.default_rng(5), 1.0)
    expected = np.array([draw() for _ in range(20_000)]) / 1e6
    assert taken_ms.mean() == pytest.approx(expected.mean(), rel=0.06)
    assert taken_ms.std() == pytest.approx(expected.std(), rel=0.2)


def test_the_first_delay_that_matches_an_edge_applies_and_other_edges_take_no_time():
    delays = (
        delay({"kind": "constant", "ms": 1}, source="plant", target="worker/*", port="observation"),
        delay({"kind": "constant", "ms": 2}, source="plant"),
    )
    drawn = EdgeDelays(delays, 0)
    assert drawn.delay_ns("plant", "observation", "worker/3", "observation", 5) == 1_000_000
    assert drawn.delay_ns("plant", "observation", "coordinator", "observation", 5) == 2_000_000
    assert drawn.delay_ns("plant", "applied", "worker/3", "applied", 5) == 2_000_000
    assert drawn.delay_ns("worker/3", "decision", "plant", "decision", 5) == 0


def test_the_messages_of_one_edge_do_not_change_the_times_of_another():
    model = delay({"kind": "lognormal", "ms": 1})
    alone, beside = EdgeDelays((model,), 0), EdgeDelays((model,), 0)
    edge, other = ("a", "out", "b", "in"), ("a", "out", "c", "in")
    found = []
    for number in range(50):
        beside.delay_ns(*other, number * 10**9)
        found.append(beside.delay_ns(*edge, number * 10**9))
    assert found == [alone.delay_ns(*edge, number * 10**9) for number in range(50)]
    assert found != [EdgeDelays((model,), 0).delay_ns(*other, 0)] * 50


@pytest.mark.parametrize(
    ("latency", "says"),
    [
        ({"kind": "constant", "frames": 1}, "an edge has no frame rate"),
        ({"kind": "measured"}, "measured"),
        ({"kind": "constant", "ms": -1}, "greater than or equal to 0"),
    ],
)
def test_wrong_delays_are_refused(latency, says):
    with pytest.raises(ValueError, match=says):
        delay(latency)


def ages(method, *delays):
    world = staggered_world(method, LATENCIES, 200, delays=delays)
    world.run()
    ticks = trace_of(world).ticks()
    return ticks["age_ticks"][ticks["by"] == POLICY][20:], world


def transport(ms, **edge):
    return delay({"kind": "constant", "ms": ms}, **edge)


@pytest.mark.parametrize("method", ["none", "paced"])
def test_delays_of_both_ways_make_actions_older(method):
    without, _ = ages(method)
    out, _ = ages(method, transport(FRAME_NS / 1e6 * 2, source="plant", port="observation"))
    back, _ = ages(method, transport(FRAME_NS / 1e6 * 3, target="plant", port="decision"))
    assert out.mean() == pytest.approx(without.mean() + 2, abs=0.3)
    assert back.mean() == pytest.approx(without.mean() + 3, abs=0.05)


def test_a_delay_of_zero_changes_nothing_that_acts():
    without, _ = ages("paced")
    zero, _ = ages("paced", transport(0, port="observation"))
    assert (without == zero).all()


def test_no_message_is_lost_and_none_is_out_of_order():
    _, world = ages("expected_time", delay({"kind": "lognormal", "ms": 8, "sigma": 1.5}))
    for executor in world.executors.values():
        for bound in executor.node.inputs.values():
            # A message that is overtaken counts as lost, too.
            assert all(edge.lost == 0 for edge in bound.edges.values())

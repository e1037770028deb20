import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec, StaggerDelay
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.inference.stagger import stagger_method, stagger_names

RING = ["w/0", "w/1", "w/2"]
PLANT = PlantSpec(rate_hz=60.0, observation=ArraySpec(dtype="int64", shape=(1,)), action=Discrete(count=2))


def coordinator_stagger(method):
    return stagger_method(method).coordinator(PLANT, 0)


def worker_stagger(method):
    return stagger_method(method).worker()


def test_the_maximum_spreads_the_others_by_their_distance():
    method = coordinator_stagger("maximum_time")
    assert method.report(RING, "w/1", 30) == {"w/0": 20, "w/2": 10}
    assert method.report(RING, "w/0", 29) == {}
    assert method.report(RING, "w/0", 30) == {}
    assert method.report(RING, "w/2", 36) == {"w/0": 2, "w/1": 4}
    assert method.maximum_ns == 36


def test_the_mean_delays_by_its_change_either_way():
    method = coordinator_stagger("expected_time")
    assert method.report(RING, "w/0", 30) == {"w/1": 10, "w/2": 20}
    assert method.report(RING, "w/0", 18) == {"w/1": 4, "w/2": 2}  # the mean falls from 30 to 24
    assert method.mean_ns == 24


@pytest.mark.parametrize("method", ["maximum_time", "expected_time"])
def test_a_worker_outside_the_ring_delays_nobody_but_counts(method):
    coordination = coordinator_stagger(method)
    assert coordination.report(RING, "w/9", 30) == {}
    assert max(coordination.maximum_ns, coordination.mean_ns) == 30


@pytest.mark.parametrize("method", ["none", "paced"])
def test_the_other_methods_delay_nobody(method):
    assert coordinator_stagger(method).report(RING, "w/0", 30) == {}
    assert worker_stagger(method).hold_ns(30) == 0


@given(st.lists(st.tuples(st.sampled_from(RING), st.integers(1, 10**10)), max_size=60))
def test_delays_are_whole_and_never_negative_and_the_mean_is_the_mean(reports):
    maximum, mean = coordinator_stagger("maximum_time"), coordinator_stagger("expected_time")
    for worker, inference_ns in reports:
        for method in (maximum, mean):
            delays = method.report(RING, worker, inference_ns)
            assert worker not in delays
            assert all(type(delay) is int and delay >= 0 for delay in delays.values())
    times = [inference_ns for _, inference_ns in reports]
    assert maximum.maximum_ns == max(times, default=0)
    assert mean.mean_ns == (sum(times) // len(times) if times else 0)


def heard(delay_ns, maximum_ns=0):
    return StaggerDelay(delay_ns=delay_ns, maximum_ns=maximum_ns, mean_ns=0)


@pytest.mark.parametrize("method", ["maximum_time", "expected_time"])
def test_delays_add_up_until_they_are_slept(method):
    worker = worker_stagger(method)
    worker.apply_delay(heard(3))
    worker.apply_delay(heard(4))
    assert worker.sleep_ns() == 7
    assert worker.sleep_ns() == 0


def test_a_decision_is_held_to_the_largest_time_heard_of_or_taken():
    worker = worker_stagger("maximum_time")
    assert worker.hold_ns(30) == 0
    assert worker.hold_ns(20) == 10
    worker.apply_delay(heard(0, maximum_ns=36))
    assert worker.hold_ns(20) == 16
    worker.apply_delay(heard(0, maximum_ns=5))  # sent before, received late
    assert worker.hold_ns(20) == 16


def test_the_expected_time_holds_nothing():
    worker = worker_stagger("expected_time")
    worker.apply_delay(heard(0, maximum_ns=99))
    assert worker.hold_ns(20) == 0


def test_every_method_says_what_it_needs_of_the_graph():
    needs = {name: stagger_method(name) for name in stagger_names()}
    assert {name: (method.gate, method.claims, method.reports) for name, method in needs.items()} == {
        "none": ("latest", False, False),
        "maximum_time": ("latest", False, True),
        "expected_time": ("latest", False, True),
        "paced": ("playout", True, False),
    }


def test_an_unknown_method_is_refused_with_the_nearest_name():
    with pytest.raises(NodeError, match=r"unknown stagger method 'pased'. hint: did you mean 'paced'\?"):
        stagger_method("pased")

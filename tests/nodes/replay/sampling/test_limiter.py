from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.sampling.limiter import Limiter

EVENTS = st.lists(
    st.tuples(st.sampled_from(["insert", "sample", "present"]), st.integers(1, 20))
    | st.just(("skip_excess", 0)),
    max_size=80,
)


@given(st.none() | st.floats(0.01, 100), st.floats(1, 100) | st.just(float("inf")), EVENTS)
def test_no_more_is_sampled_than_is_due(ratio, slack, events):
    limiter, limited = Limiter(ratio, slack=slack), ratio is not None
    for event, count in events:
        if event == "insert":
            limiter.inserted(count)
        elif event == "sample":
            for _ in range(count):
                before, allowed = limiter.counts, limiter.may_sample()
                assert allowed == (limiter.due >= 1 if limited else before.inserted > 0)
                assert limiter.counts.sample_waits == before.sample_waits + (not allowed)
                limiter.sampled(allowed)
        elif event == "present":
            limiter.present(count)
        else:
            limiter.skip_excess()
        assert limiter.due >= 0
    limiter.stop()
    assert limiter.may_sample()


def test_without_a_ratio_sampling_waits_for_the_first_insert_only():
    limiter = Limiter(None)
    for inserted in range(6):
        assert limiter.may_sample() == (inserted >= 1)
        limiter.inserted()
        limiter.sampled(100)


def test_what_was_there_before_makes_nothing_due():
    limiter = Limiter(2.0)
    limiter.present(100)
    assert limiter.due == 0
    assert not limiter.may_sample()
    limiter.inserted()
    assert limiter.due == 2


@pytest.mark.parametrize("ratio", [0.25, 0.07, 1 / 3, 0.1, 2.5, 1e-7])
def test_batches_that_have_to_be_due_are_never_early_nor_late_however_long_it_goes_on(ratio):
    limiter = Limiter(ratio, slack=100)
    exact = Fraction(ratio).limit_denominator(10**8)
    for _ in range(5):
        limiter.inserted(999_999)
        limiter.sampled(max(0, int(limiter.due) - 3))
        while limiter.may_sample():
            limiter.sampled(1)
        assert limiter.counts.sampled == floor(limiter.counts.inserted * exact)


def test_what_is_due_beyond_the_slack_is_forgone_and_told():
    limiter = Limiter(0.5, slack=3)
    for _ in range(100):
        limiter.inserted()
        limiter.skip_excess()
        assert limiter.due <= 3
    assert limiter.counts.forgone == 47
    drawn = 0
    while limiter.may_sample():
        limiter.sampled(1)
        drawn += 1
    assert drawn == 3
    limiter.inserted()
    assert not limiter.may_sample()
    limiter.inserted()
    assert limiter.may_sample()


@pytest.mark.parametrize(
    "options",
    [
        {"samples_per_insert": 0},
        {"samples_per_insert": float("inf")},
        {"samples_per_insert": float("nan")},
        {"samples_per_insert": 1, "slack": -1},
        {"samples_per_insert": 1, "slack": float("nan")},
        {"samples_per_insert": 1, "slack": 0.5},
    ],
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ReplayError, match="hint"):
        Limiter(**options)

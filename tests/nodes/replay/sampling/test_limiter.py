from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.replay import Limiter, ReplayError

EVENTS = st.lists(
    st.one_of(
        st.just(("insert", 1)),
        st.tuples(st.just("sample"), st.integers(1, 64)),
        st.sampled_from(
            [
                (event, 0)
                for event in ("inserter_lost", "inserter_back", "sampler_lost", "sampler_back", "forgo")
            ]
        ),
        st.tuples(st.just("present"), st.integers(0, 20)),
    ),
    max_size=80,
)
LIMITERS = st.builds(
    Limiter,
    st.none() | st.floats(0.01, 100),
    minimum=st.integers(1, 30),
    slack=st.floats(0, 100) | st.just(float("inf")),
) | st.builds(
    Limiter,
    st.none() | st.floats(0.01, 100),
    minimum=st.integers(1, 30),
    slack=st.floats(16, 100),
    batch=st.integers(1, 16),
)


@given(LIMITERS, EVENTS)
def test_one_of_the_two_may_always_go_on(limiter, events):
    gone = set()
    for event, count in events:
        if event == "insert" and limiter.may_insert():
            limiter.inserted()
        elif event == "sample" and limiter.may_sample():
            limiter.sampled(count)
        elif event == "present":
            limiter.present(count)
        elif event not in ("insert", "sample"):
            side, _, what = event.partition("_")
            if what:
                (gone.add if what == "lost" else gone.discard)(side)
            getattr(limiter, event)()
        may_insert, may_sample = limiter.may_insert(), limiter.may_sample()
        assert may_insert or may_sample
        assert may_insert or "sampler" not in gone
        assert may_sample or "inserter" not in gone or limiter.counts.inserted == 0
    limiter.stop()
    assert limiter.may_insert()
    assert limiter.may_sample()


@pytest.mark.parametrize(("ratio", "batch"), [(8.0, 32), (0.25, 16), (3.7, 5)])
def test_both_sides_going_as_they_may_keep_the_ratio(ratio, batch):
    limiter = Limiter(ratio, minimum=50, slack=20)
    for _ in range(5_000):
        if limiter.may_insert():
            limiter.inserted()
        if limiter.may_sample():
            limiter.sampled(batch)
        assert limiter.counts.inserted >= 50 or limiter.counts.sampled == 0
        # Never more than one insert beyond the slack, never more than one batch ahead.
        assert -batch <= limiter.due <= 20 + ratio
    counts = limiter.counts
    assert counts.sampled == pytest.approx((counts.inserted - 49) * ratio, abs=20 + ratio + batch)
    assert counts.insert_waits + counts.sample_waits > 0


def test_without_a_ratio_only_the_minimum_counts():
    limiter = Limiter(None, minimum=3)
    for inserted in range(6):
        assert limiter.may_sample() == (inserted >= 3)
        assert limiter.may_insert()
        limiter.inserted()


def test_what_a_lost_side_missed_is_not_made_up_for():
    limiter = Limiter(1.0, slack=4)
    limiter.inserted()
    limiter.inserter_lost()
    for _ in range(100):
        assert limiter.may_sample()
        limiter.sampled(32)
    limiter.inserter_back()
    assert limiter.due == 0
    limiter.inserted()
    assert limiter.may_sample(), "the sampler still pays for what it drew alone"
    limiter.sampler_lost()
    for _ in range(1_000):
        assert limiter.may_insert()
        limiter.inserted()
    limiter.sampler_back()
    assert limiter.due == 4


def test_what_was_there_before_makes_nothing_due():
    limiter = Limiter(2.0, minimum=10)
    limiter.present(5)
    assert not limiter.may_sample()
    limiter.present(100)
    assert limiter.due == 0
    limiter.inserted()
    assert limiter.due == 2


@pytest.mark.parametrize("ratio", [0.25, 0.07, 1 / 3, 0.1, 2.5, 1e-7])
def test_batches_that_have_to_be_due_are_never_early_nor_late_however_long_it_goes_on(ratio):
    limiter = Limiter(ratio, slack=100, batch=1)
    exact = Fraction(ratio).limit_denominator(10**8)
    for _ in range(5):
        limiter.inserted(999_999)
        limiter.sampled(max(0, int(limiter.due) - 3))
        while limiter.may_sample():
            limiter.sampled(1)
        assert limiter.counts.sampled == floor(limiter.counts.inserted * exact)


def test_what_is_due_beyond_the_slack_is_forgone_and_told():
    limiter = Limiter(0.5, slack=3, batch=1)
    for _ in range(100):
        limiter.inserted()
        limiter.forgo()
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
        {"samples_per_insert": 1, "minimum": 0},
        {"samples_per_insert": 1, "slack": -1},
        {"samples_per_insert": 1, "slack": float("nan")},
        {"samples_per_insert": 1, "batch": 0},
        {"samples_per_insert": 1, "batch": 8, "slack": 7},
    ],
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ReplayError, match="hint"):
        Limiter(**options)

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.runtime.clock import (
    VirtualClock,
    WallClock,
    frames_ns,
    period_ns,
    tick_time_ns,
    true_rate_hz,
)

rates = st.floats(0.001, 1e6)
"""Rates that a plant may have (``RateHz``)."""


@given(rates)
def test_a_period_is_the_whole_number_of_ns_that_is_nearest(rate_hz):
    assert isinstance(period_ns(rate_hz), int)
    assert abs(period_ns(rate_hz) - 10**9 / Fraction(rate_hz)) <= Fraction(501, 1000)


def test_common_periods_and_their_true_rates():
    periods = {60.0: 16_666_667, 59.7275: 16_742_706, 50.0: 20_000_000, 30.0: 33_333_333, 144.0: 6_944_444}
    assert {rate_hz: period_ns(rate_hz) for rate_hz in periods} == periods
    assert true_rate_hz(50.0) == 50.0
    assert true_rate_hz(60.0) == 10**9 / 16_666_667
    assert abs(true_rate_hz(60.0) / 60 - 1) < 0.03e-6
    assert abs(true_rate_hz(144.0) / 144 - 1) < 0.07e-6


@pytest.mark.parametrize(
    ("rate_hz", "period", "most"),
    [(1e6, 1_000, 0), (999_999.0, 1_000, 1.01e-6), (999_500.2, 1_001, 501e-6), (0.001, 10**12, 0)],
)
def test_at_the_ends_of_the_range_the_rate_is_still_told_truly(rate_hz, period, most):
    assert period_ns(rate_hz) == period
    assert abs(true_rate_hz(rate_hz) / rate_hz - 1) <= most


def test_ticks_are_equally_far_apart():
    assert [tick_time_ns(tick, 60.0) for tick in (0, 1, 2, 3, 60)] == [
        0,
        16_666_667,
        33_333_334,
        50_000_001,
        1_000_000_020,
    ]
    year = 60 * 3_600 * 24 * 365
    assert tick_time_ns(year, 60.0) == year * 16_666_667


@given(st.integers(0, 10**12), st.integers(0, 10**6), rates)
def test_an_inference_of_whole_frames_ends_exactly_at_a_tick(tick, frames, rate_hz):
    assert tick_time_ns(tick, rate_hz) + frames_ns(frames, rate_hz) == tick_time_ns(tick + frames, rate_hz)


@given(st.integers(1, 10**4), st.integers(1, 10**4), rates)
def test_whole_frames_by_way_of_floats_are_whole_frames(frames, parts, rate_hz):
    share = frames / parts
    assert frames_ns(share * parts, rate_hz) == frames_ns(frames, rate_hz)
    assert frames_ns(sum([0.1] * 10), 60.0) == frames_ns(3 * 0.1 / 0.3, 60.0) == frames_ns(1, 60.0)


@given(st.floats(0, 1e6), rates)
def test_parts_of_frames_are_rounded_to_ns(frames, rate_hz):
    exact = Fraction(frames) * period_ns(rate_hz)
    billionth = Fraction(period_ns(rate_hz), 10**9)
    assert abs(frames_ns(frames, rate_hz) - exact) <= Fraction(1, 2) + billionth / 2


def test_common_delays():
    assert frames_ns(5.3, 60.0) == 88_333_335
    assert frames_ns(70, 60.0) == tick_time_ns(70, 60.0) == 1_166_666_690
    assert frames_ns(0.5, 60.0) == 8_333_334, "half a nanosecond is rounded up"


def test_the_wall_clock_counts_from_its_epoch():
    before = time.monotonic_ns()
    clock = WallClock(before - 1_000)
    assert 1_000 <= clock.now_ns() <= 1_000 + time.monotonic_ns() - before
    clock.epoch_ns = time.monotonic_ns() + 10**12
    assert clock.now_ns() < 0, "before the epoch"


def test_the_virtual_clock_stands_where_it_is_set():
    clock = VirtualClock()
    assert clock.now_ns() == 0
    clock.time_ns = 17
    assert clock.now_ns() == 17
    with pytest.raises(AttributeError):
        clock.time = 3  # otherwise a typing error would stop time silently

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.runtime.clock import VirtualClock, WallClock, frames_ns, tick_time_ns

rates = st.integers(1, 10**9).map(lambda microhertz: microhertz / 1e6)


def exact_ns(frames, rate_hz):
    return frames * 10**9 / (Fraction(round(rate_hz * 10**6)) / 10**6)


@given(st.integers(0, 10**12), rates)
def test_a_tick_is_at_the_floor_of_its_number_over_the_rate(tick, rate_hz):
    assert tick_time_ns(tick, rate_hz) == exact_ns(tick, rate_hz) // 1


def test_ticks_do_not_drift():
    assert [tick_time_ns(tick, 60.0) for tick in (0, 1, 2, 3, 60)] == [
        0,
        16_666_666,
        33_333_333,
        50_000_000,
        10**9,
    ]
    assert tick_time_ns(60 * 3_600 * 24 * 365, 60.0) == 3_600 * 24 * 365 * 10**9
    assert tick_time_ns(597_275, 59.7275) == 10_000 * 10**9


@given(st.integers(0, 10**9), rates)
def test_whole_frames_are_floored_exactly(frames, rate_hz):
    assert frames_ns(frames, rate_hz) == exact_ns(frames, rate_hz) // 1


@given(st.integers(0, 10**9), st.integers(0, 10**6), rates)
def test_an_inference_of_whole_frames_never_misses_its_tick(tick, frames, rate_hz):
    done_ns = tick_time_ns(tick, rate_hz) + frames_ns(frames, rate_hz)
    assert done_ns <= tick_time_ns(tick + frames, rate_hz)


@given(st.floats(0, 1e6), rates)
def test_parts_of_frames_are_floored_to_the_billionth_of_a_frame(frames, rate_hz):
    assert abs(frames_ns(frames, rate_hz) - exact_ns(Fraction(frames), rate_hz)) <= 1 + exact_ns(
        Fraction(1, 10**9), rate_hz
    )


def test_common_delays():
    assert frames_ns(5.3, 60.0) == 88_333_333
    assert frames_ns(70, 60.0) == tick_time_ns(70, 60.0) == 1_166_666_666


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
        clock.time = 3  # a slip of the pen would otherwise stop time silently

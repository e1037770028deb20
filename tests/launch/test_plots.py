"""The data of a run's pictures, and that every run can be drawn."""

import struct
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.staggered import RATE_HZ, staggered_world, trace_of

from rtgraph.launch import plots
from rtgraph.launch.plots import data
from rtgraph.nodes.monitor.columns import DEFAULT, POLICY, RESET, SavedTrace
from rtgraph.nodes.monitor.trace import Trace

MS = 1_000_000
PERIOD = 10 * MS
RATE = 100.0
NAMES = ("timeline", "age", "lateness")


def hand_made(ticks, decisions=(), workers=("worker/0",), **columns):
    """Make a trace of ticks (by, worker, number, age) at 100 Hz, and of decisions in the order of their columns."""
    applied = np.array(ticks, np.int64).reshape(-1, 4)
    count = len(applied)
    made = {
        "tick": np.arange(count),
        "by": applied[:, 0],
        "worker": applied[:, 1],
        "number": applied[:, 2],
        "age_ticks": applied[:, 3],
        "due_ns": np.arange(count) * PERIOD,
    }
    for name in ("lateness_ns", "work_ns", "delay_ticks"):
        made[name] = np.zeros(count, np.int64)
    made |= {name: np.asarray(column) for name, column in columns.items()}
    rows = np.array(decisions, np.int64).reshape(-1, 6)
    names = ("worker", "number", "observed_tick", "began_ns", "inference_ns", "stamp_ns")
    return SavedTrace(workers, made, dict(zip(names, rows.T, strict=True)))


def ran(method, workers, ticks=300, frames=5.3):
    latency = {"kind": "normal", "frames": frames, "sd": 0.05}
    world = staggered_world(method, [latency] * workers, ticks)
    world.run()
    trace = trace_of(world)
    return SavedTrace(trace.workers, trace.ticks(), trace.decisions())


def decision(worker, number, observed, took_ms, held_ms=0):
    began = observed * PERIOD
    return (worker, number, observed, began, took_ms * MS, began + (took_ms + held_ms) * MS)


def size_of(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{path.name} is not a PNG"
    return struct.unpack(">II", data[16:24])


NOBODY = (DEFAULT, -1, -1, -1)
BEGIN = (RESET, -1, -1, -1)


def test_a_tick_is_a_cell_from_its_beginning_to_the_next():
    late = [0, 2 * MS, 0, 0]
    found = data.timeline(hand_made([BEGIN, NOBODY, NOBODY, NOBODY], lateness_ns=late), RATE)
    spans = [(cell.tick, cell.began_ns // MS, cell.ended_ns // MS, cell.by) for cell in found.cells]
    assert spans == [(0, 0, 12, RESET), (1, 12, 20, DEFAULT), (2, 20, 30, DEFAULT), (3, 30, 40, DEFAULT)]


def test_a_tick_before_a_gap_does_not_fill_it():
    found = data.timeline(hand_made([BEGIN, NOBODY, NOBODY], due_ns=[0, 10 * MS, 90 * MS]), RATE)
    assert found.cells[1].ended_ns == 25 * MS


def test_a_decision_goes_to_the_tick_that_applied_it():
    ticks = [BEGIN, NOBODY, (POLICY, 0, 0, 2), NOBODY, (POLICY, 1, 0, 3)]
    decisions = [decision(0, 0, 0, 13), decision(1, 0, 1, 15, held_ms=8), decision(0, 1, 2, 13)]
    found = data.timeline(hand_made(ticks, decisions, ("worker/0", "worker/1")), RATE)
    assert found.bars == [
        data.Bar(0, 0, 13 * MS, 13 * MS, 2, 20 * MS),
        data.Bar(1, 10 * MS, 25 * MS, 33 * MS, 4, 40 * MS),
        data.Bar(0, 20 * MS, 33 * MS, 33 * MS, None, None),
    ]
    assert [cell.by for cell in found.cells] == [RESET, DEFAULT, POLICY, DEFAULT, POLICY]


def test_a_restarted_worker_that_counts_anew_is_not_taken_for_its_former_self():
    ticks = [BEGIN, NOBODY, (POLICY, 0, 0, 1), NOBODY, NOBODY]
    decisions = [decision(0, 0, 0, 7), decision(0, 0, 1, 5)]
    found = data.timeline(hand_made(ticks, decisions), RATE)
    assert [bar.applied_tick for bar in found.bars] == [None, 2]


def test_a_decision_that_was_delivered_twice_is_one_bar():
    ticks = [BEGIN, (POLICY, 0, 0, 1), (POLICY, 0, 0, 2)]
    found = data.timeline(hand_made(ticks, [decision(0, 0, 0, 7)] * 2), RATE)
    assert [bar.applied_tick for bar in found.bars] == [1]


def test_the_window_is_a_second_from_the_middle_with_what_reaches_into_it():
    ticks = [BEGIN] + [NOBODY] * 299
    ticks[150] = (POLICY, 0, 2, 140)
    decisions = [
        decision(0, 0, 5, 20),
        decision(0, 1, 95, 70),
        decision(0, 2, 10, 30),
        decision(0, 3, 201, 5),
    ]
    found = data.timeline(hand_made(ticks, decisions), RATE)
    assert (found.cells[0].tick, found.cells[-1].tick) == (100, 199)
    # Includes the decision that ended long before but was held by the gate until tick 150.
    assert [(bar.began_ns // PERIOD, bar.applied_tick) for bar in found.bars] == [(95, None), (10, 150)]


@pytest.mark.parametrize(("rate_hz", "ticks"), [(1000.0, 120), (60.0, 60), (2.0, 24), (None, 100)])
def test_the_window_is_readable_at_any_rate(rate_hz, ticks):
    assert len(data.timeline(hand_made([NOBODY] * 2000), rate_hz).cells) == ticks


@pytest.mark.parametrize(
    ("workers", "every", "rows"), [(1, 1, 1), (24, 1, 24), (25, 2, 13), (71, 3, 24), (600, 25, 24)]
)
def test_many_workers_are_thinned_in_natural_order(workers, every, rows):
    names = [f"worker/{number}" for number in reversed(range(workers))]
    found = data.timeline(hand_made([BEGIN, NOBODY], workers=names), RATE)
    assert (found.workers, found.every, len(found.rows)) == (workers, every, rows)
    assert found.rows == [f"worker/{number}" for number in range(0, workers, every)]


def test_staggered_inference_fills_every_tick_and_sequential_does_not():
    shares = {}
    for method, workers in (("none", 1), ("paced", 6)):
        found = data.timeline(ran(method, workers), RATE_HZ)
        shown = {cell.tick: cell.by for cell in found.cells}
        shares[workers] = np.mean([by == POLICY for by in shown.values()])
        within = [bar.applied_tick for bar in found.bars if bar.applied_tick in shown]
        assert sorted(within) == [tick for tick, by in shown.items() if by == POLICY]
    assert shares[1] == pytest.approx(1 / 5.3, abs=0.04)
    assert shares[6] == 1


def test_maximum_time_shows_how_long_decisions_were_held():
    bars = data.timeline(ran("maximum_time", 3), RATE_HZ).bars
    assert all(bar.began_ns < bar.ended_ns <= bar.registered_ns for bar in bars)
    assert any(bar.ended_ns < bar.registered_ns for bar in bars)


def test_an_overrun_is_a_tick_that_was_not_over_when_the_next_was_due():
    #        in time, its work too long, late but over, given up two ticks after a long one, late at the end
    late = np.array([0, 0, 3, 0, 0, 11]) * MS
    work = np.array([0, 10, 12, 6, 25, 1]) * MS  # of the previous tick
    due = np.array([0, 10, 20, 30, 60, 70]) * MS
    trace = hand_made([BEGIN] + [NOBODY] * 5, lateness_ns=late, work_ns=work, due_ns=due)
    assert data.overran(trace, RATE).tolist() == [1, 3, 5]


def test_no_tick_overran_in_virtual_time():
    assert not data.overran(ran("paced", 2), RATE_HZ).size


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=500), st.integers(2, 60))
def test_thinning_keeps_the_greatest_and_the_order(values, most):
    shown = data.thinned(np.array(values), most)
    assert 0 < shown.size <= most
    assert (np.diff(shown) > 0).all()
    assert max(values) == np.array(values)[shown].max()


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=300))
def test_exceedance_is_the_share_at_least_as_great(values):
    found, shares = data.exceedance(np.array(values))
    assert found[0] == max(values)
    assert shares[-1] == 1
    # Of equal values, the last rank gives the share.
    last = np.append(found[1:] < found[:-1], True)
    assert shares[last] == pytest.approx([np.mean(np.array(values) >= value) for value in found[last]])


def test_exceedance_of_many_values_keeps_the_rare_ones():
    found, shares = data.exceedance(np.arange(100_000.0))
    assert found.size <= 2000
    assert found[:5].tolist() == [99999, 99998, 99997, 99996, 99995]
    assert shares[0] == 1e-5


def test_the_running_quantile_follows_a_change():
    middles, p99 = data.running_quantile(np.repeat([1.0, 5.0], 5000), 0.99)
    assert p99[middles < 4800].max() == 1
    assert p99[middles > 5200].min() == 5


@pytest.mark.parametrize("size", [1, 2, 99, 101])
def test_the_running_quantile_of_few_values_is_that_of_all(size):
    assert data.running_quantile(np.arange(size, dtype=float), 1.0)[1].max() == size - 1


def lately(count, rng):
    return (rng.lognormal(-3, 0.6, count) * MS + (rng.random(count) < 0.01) * 30 * MS).astype(np.int64)


def empty():
    trace = Trace()
    return SavedTrace(trace.workers, trace.ticks(), trace.decisions())


UNUSUAL = {
    "no ticks": empty,
    "a single tick": lambda: hand_made([BEGIN]),
    "a single late tick": lambda: hand_made([BEGIN], lateness_ns=[50_000]),
    "a decision and no second tick": lambda: hand_made([BEGIN], [decision(0, 0, 0, 5)]),
    "no workers": lambda: hand_made([BEGIN] + [NOBODY] * 50, workers=()),
    "all β": lambda: hand_made([BEGIN] + [NOBODY] * 50, [decision(0, n, n, 5) for n in range(50)]),
    "only resets": lambda: hand_made([BEGIN] * 5),
    "one decision applied": lambda: hand_made([BEGIN, (POLICY, 0, 0, 1)], [decision(0, 0, 0, 5)]),
    "71 workers": lambda: ran("paced", 71, 200, frames=65),
    "all equally late": lambda: hand_made([NOBODY] * 50, lateness_ns=[50_000] * 50),
    "sometimes late": lambda: hand_made([NOBODY] * 50, lateness_ns=[0, 15 * MS] * 25),
    "a wide range of ages": lambda: hand_made([(POLICY, 0, age, age) for age in range(500)]),
}


@pytest.mark.parametrize(
    ("kind", "rate_hz"),
    [*((kind, RATE) for kind in UNUSUAL), ("a single late tick", None), ("one decision applied", None)],
)
def test_unusual_runs_are_drawn(kind, rate_hz, tmp_path):
    paths = plots.draw(UNUSUAL[kind](), tmp_path / "plots", rate_hz=rate_hz)
    assert [path.name for path in paths] == [f"{name}.png" for name in NAMES]
    for path in paths:
        width, height = size_of(path)
        assert 1000 <= width <= 2000
        assert 300 <= height <= 1600


def test_the_same_trace_gives_the_same_bytes(tmp_path):
    trace = ran("paced", 6)
    once, again = (plots.draw(trace, tmp_path / name, rate_hz=RATE_HZ) for name in ("once", "again"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
    assert b"matplotlib" not in once[0].read_bytes()


def test_a_saved_trace_gives_the_same_bytes(tmp_path):
    world = staggered_world("none", [{"kind": "constant", "frames": 2.5}], 100)
    world.run()
    trace = trace_of(world)
    trace.save(tmp_path / "trace.npz")
    live = plots.draw(
        SavedTrace(trace.workers, trace.ticks(), trace.decisions()), tmp_path / "live", rate_hz=60.0
    )
    saved = plots.draw(SavedTrace.load(tmp_path / "trace.npz"), tmp_path / "saved", rate_hz=60.0)
    assert [path.read_bytes() for path in live] == [path.read_bytes() for path in saved]


def test_an_hour_with_600_workers_is_drawn(tmp_path):
    rng, count, workers = np.random.default_rng(0), 216_000, 600
    ticks = np.arange(count)
    age = np.where(ticks > workers, workers, -1)
    seen = ticks - age
    acted = [
        np.where(age > 0, POLICY, DEFAULT),
        np.where(age > 0, seen % workers, -1),
        np.where(age > 0, seen // workers, -1),
        age,
    ]
    took = rng.normal(workers - 20, 5, count) * PERIOD
    made = [ticks % workers, ticks // workers, ticks, ticks * PERIOD, took, ticks * PERIOD + took]
    names = [f"worker/{number}" for number in range(workers)]
    trace = hand_made(np.stack(acted, 1), np.stack(made, 1), names, lateness_ns=lately(count, rng))
    assert len(data.timeline(trace, RATE).bars) < 200
    for path in plots.draw(trace, tmp_path, rate_hz=RATE):
        assert path.stat().st_size < 500_000


def test_drawing_leaves_the_settings_of_matplotlib_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    plots.draw(hand_made([BEGIN, NOBODY]), tmp_path, rate_hz=RATE)
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_only_to_draw_and_pyplot_never(tmp_path):
    program = (
        "import sys, pathlib, rtgraph.launch.plots as p\n"
        "from rtgraph.nodes.monitor.columns import SavedTrace\n"
        "from rtgraph.nodes.monitor.trace import Trace\n"
        "assert 'matplotlib' not in sys.modules\n"
        "trace = Trace()\n"
        "p.draw(SavedTrace([], trace.ticks(), trace.decisions()), pathlib.Path(sys.argv[1]), rate_hz=None)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)

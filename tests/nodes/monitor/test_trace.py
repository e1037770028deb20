import io
import math

import numpy as np
import pytest
from support.staggered import staggered_plans, staggered_world, trace_of

from rtgraph.msgs import Applied, Decision, EpisodeEnd, Header, Lineage, WeightsVersion
from rtgraph.msgs.errors import MetricsError
from rtgraph.nodes.monitor import Trace
from rtgraph.nodes.monitor.columns import SavedTrace
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld

PERIOD_NS = 20_000_000  # 50 Hz


def applied(tick, by="policy", **more):
    return Applied(
        **{
            "tick": tick,
            "episode": 0,
            "action": 0,
            "by": by,
            "due_ns": tick * PERIOD_NS,
            "lateness_ns": 0,
            **(
                {"worker": "w/0", "decision": tick, "age_ticks": 2, "age_ns": 2 * PERIOD_NS}
                if by == "policy"
                else {}
            ),
            **more,
        }
    )


def decided(worker, number, inference_ns, tick=0, stamp_ns=0, explored=False):
    lineage = Lineage(source="plant", incarnation=0, sequence=tick, stamp_ns=0, tick=tick, episode=0)
    return Decision(
        worker=worker, number=number, action=0, began_ns=5, inference_ns=inference_ns, explored=explored
    ).stamped(Header(source=worker, incarnation=0, sequence=number, stamp_ns=stamp_ns, lineage=lineage))


def trace(*messages):
    made = Trace()
    for message in messages:
        {
            Applied: made.applied,
            Decision: made.decided,
            EpisodeEnd: made.ended,
            WeightsVersion: made.announced,
        }[type(message)](message)
    return made


def by_hand():
    return trace(
        applied(0, "reset"),
        applied(1, "default", starting=True),
        applied(2, "default", reward=1.0, lateness_ns=3_000_000),
        applied(3, age_ticks=1, age_ns=PERIOD_NS, reward=2.0, worker="w/1", overwritten=1, arrived=2),
        applied(4, age_ticks=3, age_ns=3 * PERIOD_NS, late=2, arrived=3, dropped=1, overruns=2, slipped=0),
        applied(5, "default", refused=4),
        applied(
            6, age_ticks=5, age_ns=5 * PERIOD_NS, delay_ticks=6, work_ns=4_000_000, overruns=2, slipped=1
        ),
        decided("w/10", 0, 30_000_000, tick=1, stamp_ns=7),
        decided("w/1", 0, 10_000_000, tick=1, explored=True),
        decided("w/1", 1, 20_000_000, tick=3),
        EpisodeEnd(tick=6, episode=0, ticks=6, total_reward=3.0, terminated=True, truncated=False),
        EpisodeEnd(tick=9, episode=1, ticks=2, total_reward=1.0, terminated=False, truncated=True),
    )


def test_the_figures_are_those_worked_out_by_hand():
    figures = by_hand().figures(50.0)
    assert figures["ticks"] == 7
    # Ticks 2 to 6 are evaluated, without the reset and the start; β acted at 2 and 5.
    assert figures["inaction"] == pytest.approx(2 / 5)
    assert figures["inaction_start"] == 1
    assert figures["age_ticks"]["mean"] == pytest.approx(3.0)
    assert figures["age_ticks"]["sd"] == pytest.approx(math.sqrt(8 / 3))
    assert figures["age_ticks"]["p50"] == 3.0
    assert figures["age_ms"]["mean"] == pytest.approx(60.0)
    assert figures["interval_ticks"]["mean"] == pytest.approx(1.5)  # from 3 to 4 to 6
    assert figures["interval_ticks"]["sd"] == pytest.approx(0.5)
    assert figures["decisions"] == {
        "made": 3,
        "applied": 3,
        "overwritten": 1,
        "late": 2,
        "dropped": 1,
        "refused": 4,
    }
    assert figures["delay_ticks"] == 6
    assert (figures["overruns"], figures["slipped"]) == (2, 1)
    assert figures["tick_lateness_ms"]["max"] == pytest.approx(3.0)
    assert figures["tick_lateness_ms"]["p50"] == 0.0
    assert figures["tick_work_ms"]["p99"] == pytest.approx(np.quantile([0] * 6 + [4.0], 0.99))
    assert figures["reward"] == {"sum": 3.0, "mean": pytest.approx(3.0 / 6)}
    assert figures["episodes"] == {"count": 2, "return_mean": 2.0, "length_mean": 4.0}
    assert list(figures["inference_ms"]) == ["w/0", "w/1", "w/10"], "in a person's order"
    assert figures["inference_ms"]["w/1"] == {"p50": 15.0, "p99": pytest.approx(19.9), "count": 2}
    assert figures["inference_ms"]["w/0"] == {"p50": None, "p99": None, "count": 0}


def test_figures_from_a_tick_on_leave_out_what_was_before():
    figures = by_hand().figures(50.0, ticks_from=4)
    assert figures["ticks"] == 3
    assert figures["inaction"] == pytest.approx(1 / 3)
    assert figures["age_ticks"]["mean"] == pytest.approx(4.0)
    assert figures["decisions"]["late"] == 2


def lived(incarnation, tick, **more):
    header = Header(source="plant", incarnation=incarnation, sequence=0, stamp_ns=0)
    return applied(tick, **more).stamped(header)


def test_what_passed_while_the_plant_was_down_is_counted_and_nothing_else():
    ticks = [
        *(lived(0, tick, overruns=tick) for tick in range(4)),
        lived(0, 4, overruns=4, slipped=2),  # at the time of tick 6
        lived(1, 10, by="reset"),
        lived(1, 11, overruns=1, slipped=1),
        lived(3, 13, by="reset"),  # the life in between never reached a tick
    ]
    figures = trace(*ticks).figures()
    assert figures["missed"] == 3  # 7, 8 and 9; 12 was skipped
    assert (figures["overruns"], figures["slipped"]) == (5, 3)
    assert trace(lived(1, 3, by="reset")).figures()["missed"] == 3


def test_a_trace_that_begins_later_says_where_and_does_not_guess():
    made = Trace(whole=False)
    made.applied(lived(2, 40))
    made.applied(lived(3, 44))
    figures = made.figures()
    assert (figures["first_tick"], figures["missed"]) == (40, 3)


def test_many_ticks_at_once_are_the_same_as_one_by_one():
    ticks = [
        lived(0, 0, by="reset"),
        lived(0, 1, by="default", starting=True, captured_age_ns={"joints": 3}),
        lived(0, 2, worker="w/1", reward=1.5, overruns=1, refused=2),
        lived(0, 3, overruns=1, slipped=2, age_ticks=None, age_ns=None),
        lived(0, 7, late=1, dropped=2, captured_age_ns={"wrist": 5}),
        lived(1, 10, by="reset"),
        lived(3, 13, by="default", slipped=1),
    ]
    for whole in (True, False):
        one_by_one, at_once, halves = (Trace(whole=whole) for _ in range(3))
        for tick in ticks:
            one_by_one.applied(tick)
        at_once.applied(*ticks)
        halves.applied()
        halves.applied(*ticks[:4])
        halves.applied(*ticks[4:])
        states = [made.world_state() for made in (one_by_one, at_once, halves)]
        parts = [str([state.pop(name).world_state() for name in ("_captures", "_known")]) for state in states]
        assert parts[0] == parts[1] == parts[2]
        assert str(states[0]) == str(states[1]) == str(states[2])
        assert one_by_one.missed == 4  # 8 and 9, then 11 and 12


def starts(*lengths):
    """Make a trace of episodes: each has a number of start ticks, and then 4 ticks in which the policy may act."""
    ticks = []
    for length, acts in lengths:
        ticks.append(applied(len(ticks), "reset"))
        ticks += [applied(len(ticks) + n, "default", starting=True) for n in range(length)]
        if acts:
            ticks += [applied(len(ticks) + n) for n in range(4)]
    return trace(*ticks).figures()


def test_the_start_of_an_episode_is_apart_but_no_longer_than_where_the_policy_came_to_act():
    assert (starts((3, True))["inaction"], starts((3, True))["inaction_start"]) == (0.0, 3)
    # An episode that ended too early, and one in which the policy could act in time.
    figures = starts((3, True), (2, False), (5, False))
    assert (figures["inaction"], figures["inaction_start"]) == (pytest.approx(2 / 6), 8)


def test_where_the_policy_never_acts_there_is_nothing_but_inaction():
    figures = starts((5, False), (7, False))
    assert (figures["inaction"], figures["inaction_start"]) == (1.0, 0)


def test_figures_of_nothing_are_nothing():
    figures = Trace().figures(50.0)
    assert figures["ticks"] == 0
    for name in ("tick_rate_hz", "tick_rate_error", "inaction"):
        assert figures[name] is None
    assert figures["age_ticks"] == {"mean": None, "sd": None, "p50": None, "p99": None}
    assert figures["episodes"] == {"count": 0, "return_mean": None, "length_mean": None}


@pytest.mark.parametrize("error", [0.0, 0.01, -0.004])
def test_the_rate_is_that_of_a_regression(error):
    ticks = [applied(t, due_ns=0, lateness_ns=round(t * PERIOD_NS / (1 + error))) for t in range(200)]
    figures = trace(*ticks).figures(50.0)
    assert figures["tick_rate_hz"] == pytest.approx(50.0 * (1 + error), rel=1e-6)
    assert figures["tick_rate_error"] == pytest.approx(error, abs=1e-6)
    # One late tick among many hardly moves it.
    ticks[100] = applied(100, due_ns=0, lateness_ns=round(100 * PERIOD_NS / (1 + error)) + PERIOD_NS)
    assert trace(*ticks).figures(50.0)["tick_rate_error"] == pytest.approx(error, abs=1e-3)


def test_the_columns_are_what_the_messages_said():
    made = by_hand()
    ticks, decisions = made.ticks(), made.decisions()
    assert made.workers == ["w/1", "w/0", "w/10"]
    assert ticks["tick"].tolist() == list(range(7))
    assert ticks["by"].tolist() == [2, 1, 1, 0, 0, 1, 0]
    assert ticks["starting"].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert ticks["worker"].tolist() == [-1, -1, -1, 0, 1, -1, 1]
    assert ticks["number"].tolist() == [-1, -1, -1, 3, 4, -1, 6]
    assert ticks["age_ticks"].tolist() == [-1, -1, -1, 1, 3, -1, 5]
    assert ticks["age_ns"].tolist() == [-1, -1, -1, *(n * PERIOD_NS if n > 0 else -1 for n in (1, 3, -1, 5))]
    assert ticks["due_ns"].tolist() == [t * PERIOD_NS for t in range(7)]
    assert ticks["lateness_ns"].tolist() == [0, 0, 3_000_000, 0, 0, 0, 0]
    assert ticks["work_ns"].tolist() == [0, 0, 0, 0, 0, 0, 4_000_000]
    assert ticks["delay_ticks"].tolist() == [0, 0, 0, 0, 0, 0, 6]
    assert ticks["arrived"].tolist() == [0, 0, 0, 2, 3, 0, 0]
    assert [ticks[name].sum() for name in ("overwritten", "late", "dropped", "episode")] == [1, 2, 1, 0]
    assert ticks["refused"].tolist() == [0, 0, 0, 0, 0, 4, 0]
    assert ticks["reward"].tolist() == [0, 0, 1, 2, 0, 0, 0]
    assert decisions["worker"].tolist() == [2, 0, 0]
    assert decisions["number"].tolist() == [0, 0, 1]
    assert decisions["inference_ns"].tolist() == [30_000_000, 10_000_000, 20_000_000]
    assert decisions["observed_tick"].tolist() == [1, 1, 3]
    assert decisions["stamp_ns"].tolist() == [7, 0, 0]
    assert decisions["began_ns"].tolist() == [5, 5, 5]
    assert decisions["explored"].tolist() == [0, 1, 0]
    assert {column.dtype for name, column in {**ticks, **decisions}.items() if name != "reward"} == {
        np.dtype("int64")
    }


@pytest.mark.parametrize("made", [by_hand(), Trace()], ids=["some", "empty"])
def test_a_saved_trace_is_read_back(made, tmp_path):
    made.save(tmp_path / "trace.npz")
    loaded = SavedTrace.load(tmp_path / "trace.npz")
    assert loaded.workers == made.workers
    for saved, kept in ((loaded.ticks, made.ticks()), (loaded.decisions, made.decisions())):
        assert saved.keys() == kept.keys()
        for name, column in kept.items():
            assert saved[name].dtype == column.dtype
            assert (saved[name] == column).all(), name


def saved_by(save, *arrays, **named):
    """Return the bytes of a file that a function of numpy writes."""
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is not a .npz file, or it is damaged"),
        (b"not a trace", "it is not a .npz file, or it is damaged"),
        (b"PK\x03\x04 and no more", "it is not a .npz file, or it is damaged"),
        (saved_by(np.save, np.arange(3)), "it is not a .npz file, or it is damaged"),
        (saved_by(np.savez), "it has no array 'workers'"),
        (saved_by(np.savez, workers=np.array(["worker"]), other=np.arange(3)), "it has no array 'tick_tick'"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path, content, problem):
    path = tmp_path / "trace.npz"
    path.write_bytes(content)
    with pytest.raises(MetricsError) as caught:
        SavedTrace.load(path)
    assert caught.value.problem == f"{path} is not a trace: {problem}"
    assert caught.value.hint == "give the trace.npz in a session folder"


def test_a_trace_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(MetricsError, match=r"trace\.npz cannot be read: No such file or directory"):
        SavedTrace.load(tmp_path / "trace.npz")


# ---- the monitor ---------------------------------------------------------------------------------------------------


def saved_run(directory, seed):
    directory.mkdir()
    world = VirtualWorld(
        staggered_plans("paced", [{"kind": "normal", "frames": 2.5}] * 3),
        seed=seed,
        launch_context=LaunchContext(limits=RunLimits(ticks=150), directory=directory),
    )
    world.run()
    return world, (directory / "trace.npz").read_bytes()


def test_the_monitor_writes_byte_identical_traces_wherever_it_writes_them(tmp_path):
    world, first = saved_run(tmp_path / "one", seed=4)
    _, second = saved_run(tmp_path / "another, longer name", seed=4)
    assert first == second
    assert saved_run(tmp_path / "third", seed=5)[1] != first
    loaded = SavedTrace.load(tmp_path / "one" / "trace.npz")
    assert (loaded.ticks["tick"] == np.arange(150)).all()
    assert loaded.workers == trace_of(world).workers


def test_the_monitor_misses_nothing_up_to_the_end():
    world = staggered_world("none", [{"kind": "constant", "frames": 1.0}] * 2, ticks=100)
    world.run()
    made = trace_of(world).figures(60.0)
    assert made["ticks"] == 100
    sent = sum(world.node(f"worker/{number}").decision.sent[None] for number in range(2))
    assert made["decisions"]["made"] == sent
    assert world.results()["monitor"] == made
    assert made["tick_rate_error"] == pytest.approx(0.0, abs=1e-6)


def test_progress_is_said_every_half_second_of_what_was_since():
    world = staggered_world("none", [{"kind": "constant", "frames": 2.0}], ticks=105, rate_hz=50.0)
    said = []
    monitor = world.node("monitor")
    send = monitor.progress.send
    monitor.progress.send = lambda output, message, *rest: (
        said.append(message),
        send(output, message, *rest),
    )
    world.run()
    # Decisions act at the even ticks; the tick at half a second comes before the timer.
    assert [message.tick for message in said] == [25, 50, 75, 100]
    # The first evaluation begins at tick 2: no decision was possible before.
    assert [message.inaction for message in said] == [12 / 24, 12 / 25, 13 / 25, 12 / 25]
    assert {message.age_ticks for message in said} == {2.0}
    assert {(message.lateness_most_ms, message.overruns) for message in said} == {(0.0, 0)}


def announced(version, stamp_ns):
    return WeightsVersion(weights="policy", version=version, slot=0).stamped(
        Header(source="learner", incarnation=0, sequence=version, stamp_ns=stamp_ns)
    )


def test_staleness_is_counted_from_the_newest_version_of_when_a_decision_was_made():
    def decision(version, stamp_ns):
        return decided("w", 0, 1, stamp_ns=stamp_ns).model_copy(update={"policy_version": version})

    versions = [announced(10, 100), announced(11, 200), announced(14, 300), announced(2, 400)]
    stale = {(7, 50): 0, (10, 100): 0, (10, 199): 0, (10, 200): 1, (10, 350): 4, (14, 399): 0, (14, 500): 0}
    found = trace(*versions, *(decision(*made) for made in stale)).figures()["staleness_versions"]
    assert found == {"mean": pytest.approx(5 / 7), "p50": 0.0, "p99": pytest.approx(3.82)}
    assert "staleness_versions" not in trace(decision(7, 50)).figures()
    assert trace(*versions).figures()["staleness_versions"] == {"mean": None, "p50": None, "p99": None}


def of_parts():
    return trace(
        applied(0, "reset", captured_age_ns={"wrist": 5_000_000, "joints": 1_000_000}),
        applied(1, captured_age_ns={"joints": 3_000_000}),
        applied(2),
        applied(3, captured_age_ns={"wrist": 7_000_000, "joints": 5_000_000}),
    )


def test_the_age_of_each_part_is_that_at_its_ticks(tmp_path):
    made = of_parts()
    ages = made.figures()["captured_age_ms"]
    assert {name: (spread["mean"], spread["p99"]) for name, spread in ages.items()} == {
        "wrist": (6, pytest.approx(7, abs=0.1)),
        "joints": (3, pytest.approx(5, abs=0.1)),
    }
    later = made.figures(ticks_from=2)["captured_age_ms"]
    assert (later["wrist"]["mean"], later["joints"]["mean"]) == (7, 5)
    made.save(tmp_path / "trace.npz")
    with np.load(tmp_path / "trace.npz") as saved:
        parts = saved["captured_parts"][saved["captured_part"]]
        ticks = saved["tick_tick"][saved["captured_row"]]
        assert list(zip(ticks.tolist(), parts.tolist(), saved["captured_age_ns"].tolist(), strict=True))[
            :3
        ] == [
            (0, "wrist", 5_000_000),
            (0, "joints", 1_000_000),
            (1, "joints", 3_000_000),
        ]
    again = Trace()
    again.load_world_state(made.world_state())
    assert again.figures() == made.figures()


def test_without_capture_times_nothing_is_said_of_them(tmp_path):
    assert "captured_age_ms" not in by_hand().figures()
    by_hand().save(tmp_path / "trace.npz")
    with np.load(tmp_path / "trace.npz") as saved:
        assert not [name for name in saved.files if name.startswith("captured")]

"""The metrics node, on a script with known figures."""

from __future__ import annotations

import math

import pytest
from support.learning import checkpoint_after, learning_world, records

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.metrics import Metrics, columns, read_table
from rtgraph.nodes.metrics.figures import figures, recent_return
from rtgraph.nodes.metrics.metrics import MetricsParams
from rtgraph.nodes.metrics.table import Table
from rtgraph.nodes.metrics.tally import Tally

EPISODES, UPDATES = "metrics/episodes.csv", "metrics/updates.csv"
EVENTS = "metrics/events.out.tfevents.0000000000.rtgraph"


def table(path):
    columns, rows = read_table(path)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def ran(ticks, directory, **more):
    directory.mkdir(exist_ok=True)
    world = learning_world(ticks, directory, **more)
    world.run()
    return world


def scalars(path):
    """Return (tick, value) by tag."""
    from tensorboardX.proto.event_pb2 import Event

    first, *events = [Event.FromString(record) for record in records(path.read_bytes())]
    assert first.file_version == "brain.Event:2"
    found = {}
    for event in events:
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_the_tables_are_those_worked_out_by_hand(tmp_path):
    ran(1010, tmp_path / "s")
    episodes = table(tmp_path / "s" / EPISODES)
    assert [row["tick"] for row in episodes] == list(range(50, 1001, 50))
    assert episodes[3] == {
        "episode": 3,
        "tick": 200,
        "length": 49,
        "return": 1,
        "terminated": 1,
        "truncated": 0,
        "time_s": 2,
        "plant": "plant",
        **dict.fromkeys(("reason", "encounter", "actions", "wins")),
    }
    updates = table(tmp_path / "s" / UPDATES)
    # Every 5 s, and the rest at the end. Events at the instant of a beat come before the beat.
    assert [row["tick"] for row in updates] == [500, 1000, 1010]
    assert [row["time_s"] for row in updates] == [5, 10, 10.1]
    assert [row["version"] for row in updates] == [125, 250, 252]
    assert [row["updates"] for row in updates] == [125, 125, 2]
    first = updates[0]
    assert first["loss"] == pytest.approx(sum(1 / n for n in range(1, 126)) / 125, rel=1e-6)
    assert first["updates_per_tick"] == 0.25
    assert (first["updates_per_s"], first["samples_per_s"], first["ticks_per_s"]) == (25, 400, 100)
    assert (first["explored"], first["delay"], first["gradient_norm"]) == (0.1, 0, 2)
    # Before the first update no version is known; from then on the acting version is the one before the newest.
    assert first["staleness"] == 1
    assert first["transitions"] == 499


def test_the_event_file_holds_what_the_tables_do(tmp_path):
    ran(1010, tmp_path / "s")
    found = scalars(tmp_path / "s" / EVENTS)
    episodes, updates = table(tmp_path / "s" / EPISODES), table(tmp_path / "s" / UPDATES)
    assert found["charts/episodic_return"] == [(row["tick"], row["return"]) for row in episodes]
    assert found["charts/episodic_length"] == [(row["tick"], row["length"]) for row in episodes]
    for tag, column in {
        "charts/SPS": "ticks_per_s",
        "losses/td_loss": "loss",
        "losses/q_values": "q_mean",
        "learner/updates_per_tick": "updates_per_tick",
        "policy/staleness": "staleness",
        "policy/explored": "explored",
        "replay/transitions": "transitions",
    }.items():
        assert [step for step, _ in found[tag]] == [500, 1000, 1010], tag
        assert [value for _, value in found[tag]] == pytest.approx([row[column] for row in updates]), tag


def test_two_folders_hold_the_same_bytes(tmp_path):
    for name in ("one", "another"):
        ran(600, tmp_path / name)
    one, another = (
        {path.name: path.read_bytes() for path in sorted((tmp_path / name / "metrics").iterdir())}
        for name in ("one", "another")
    )
    assert set(one) == {"episodes.csv", "updates.csv", "events.out.tfevents.0000000000.rtgraph"}
    assert one == another


def test_where_the_files_are_gone_they_are_written_again_the_same(tmp_path):
    """As in the session of a run resumed from a world checkpoint."""
    node = ran(1010, tmp_path / "s").node("metrics")
    (tmp_path / "again").mkdir()
    node._events.write(tmp_path / "again", (node._episodes, node._updates))
    assert (tmp_path / "again" / (tmp_path / EVENTS).name).read_bytes() == (
        tmp_path / "s" / EVENTS
    ).read_bytes()


def test_the_result(tmp_path):
    world = ran(1010, tmp_path / "s")
    found = world.results()["metrics"]
    assert found["episodes"] == found["episodes_here"] == 20
    assert found["return_last"] == sum(range(-2, 18)) / 20
    assert found["return_best"] == 17
    assert found["positive"] == 17 / 20
    assert (found["ticks"], found["version"], found["updates"]) == (1010, 252, 252)
    assert found["updates_per_tick"] == pytest.approx(252 / 1010)
    assert found["samples_per_s"] == pytest.approx(252 * 16 / 10.1)
    assert found["staleness"] == 1


def test_without_a_learner_there_are_episodes_and_no_losses(tmp_path):
    world = ran(600, tmp_path / "s", learns=False)
    assert len(table(tmp_path / "s" / EPISODES)) == 12
    row = table(tmp_path / "s" / UPDATES)[0]
    assert (row["updates"], row["loss"], row["version"], row["staleness"]) == (0, None, None, None)
    assert "losses/td_loss" not in scalars(tmp_path / "s" / EVENTS)
    found = world.results()["metrics"]
    assert (found["updates"], found["loss"], found["staleness"]) == (0, None, None)


def test_without_a_session_nothing_is_written_and_all_is_told():
    world = learning_world(600, None)
    world.run()
    assert world.results()["metrics"]["episodes"] == 12


MEASURED = {
    "rate_hz": 100,
    "observation": {"dtype": "uint8", "shape": [1]},
    "action": {"kind": "discrete", "count": 2},
    "measurements": ["score"],
}


def test_a_measurement_with_the_name_of_a_column_is_refused():
    params = MetricsParams.model_validate({"plant": MEASURED | {"measurements": ["score", "tick"]}})
    with pytest.raises(NodeError, match=r"'tick' has the name of a column that episodes\.csv has already"):
        Metrics.check(params)


def test_why_episodes_ended_and_their_measurements_are_columns_and_curves(tmp_path):
    world = ran(300, tmp_path, endings=True, plant=MEASURED)
    assert [
        [row[name] for name in ("reason", "encounter", "actions", "wins", "score")]
        for row in table(tmp_path / EPISODES)
    ] == [
        ["won", "battle1", 0, 1, 0],
        ["lost", "battle1", 1, 1, 10],
        ["lost", "battle1", 2, 1, 20],
        ["won", "battle1", 3, 2, 30],
        ["lost", "battle2", 4, 2, 40],
        ["lost", "battle2", 5, 2, 50],
    ]
    curves = scalars(tmp_path / EVENTS)
    assert [value for _, value in curves["charts/wins"]] == [1, 1, 1, 2, 2, 2]
    assert [value for _, value in curves["charts/episodic_actions"]] == [0, 1, 2, 3, 4, 5]
    assert curves["measurements/score"][:2] == [(50, 0), (100, 10)]
    found = world.results()["metrics"]
    assert found["endings"] == {"won": 2, "lost": 4}
    assert found["encounters"] == {
        "battle1": {"won": 2, "lost": 2, "ticks": 196, "actions": 6},
        "battle2": {"won": 0, "lost": 2, "ticks": 98, "actions": 9},
    }


def test_an_end_waits_a_beat_for_its_reason(tmp_path):
    """The reason comes over another socket; here it comes 20 ms later, after the beat."""
    ran(310, tmp_path, endings=True, late_ns=20_000_000, plant=MEASURED)
    rows = table(tmp_path / EPISODES)
    # That this plant gives reasons is known from its first one on.
    assert [row["reason"] for row in rows] == [None, "lost", "lost", "won", "lost", "lost"]
    assert [row["tick"] for row in rows] == list(range(50, 301, 50))


def test_a_resumed_run_counts_wins_on_also_from_tables_without_them(tmp_path):
    ran(300, tmp_path / "first", endings=True, plant=MEASURED)
    checkpoint = checkpoint_after(tmp_path / "first", 300)
    ran(100, tmp_path / "second", endings=True, plant=MEASURED, resume=str(checkpoint))
    assert [row["wins"] for row in table(tmp_path / "second" / EPISODES)] == [1, 1, 1, 2, 2, 2, 3, 3]
    older = tmp_path / "first" / EPISODES
    older.write_text("".join(",".join(line.split(",")[:8]) + "\n" for line in older.read_text().splitlines()))
    ran(100, tmp_path / "third", endings=True, plant=MEASURED, resume=str(checkpoint))
    assert [row["wins"] for row in table(tmp_path / "third" / EPISODES)] == [None] * 6 + [1, 1]


def test_a_resumed_run_continues_updates_without_the_newest_column(tmp_path):
    ran(600, tmp_path / "first")
    older = tmp_path / "first" / UPDATES
    lines = older.read_text().splitlines()
    assert lines[0].endswith(",known")
    older.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))
    ran(600, tmp_path / "second", resume=str(checkpoint_after(tmp_path / "first", 600)))
    rows = table(tmp_path / "second" / UPDATES)
    assert [(row["tick"], row["known"]) for row in rows] == [
        (500, None),
        (600, None),
        (1100, None),
        (1200, None),
    ]


def test_a_resumed_run_has_one_curve(tmp_path):
    ran(1010, tmp_path / "first")
    checkpoint_after(tmp_path / "first", 400, number=3)
    checkpoint = checkpoint_after(tmp_path / "first", 720, number=12)
    whole = (tmp_path / "first" / EPISODES).read_text().splitlines()
    for place, name in ((checkpoint, "second"), (checkpoint.parent, "third")):
        world = ran(300, tmp_path / name, resume=str(place))
        lines = (tmp_path / name / EPISODES).read_text().splitlines()
        # 14 episodes had ended by tick 720, and the run's clock is at the last of those carried over.
        assert lines[:15] == whole[:15]
        after = table(tmp_path / name / EPISODES)[14:]
        assert [row["episode"] for row in after] == list(range(14, 20))
        assert [row["tick"] for row in after] == [720 + 50 * n for n in range(1, 7)]
        assert [row["time_s"] for row in after] == [7 + 0.5 * n for n in range(1, 7)]
        updates = table(tmp_path / name / UPDATES)
        assert [row["tick"] for row in updates] == [500, 1020]
        assert len(scalars(tmp_path / name / EVENTS)["charts/episodic_return"]) == 20
        found = world.results()["metrics"]
        assert (found["episodes"], found["episodes_here"], found["ticks"]) == (20, 6, 1020)
        assert found["updates"] == 75, "those of this run"


def test_a_checkpoint_without_tables_begins_the_curve_there(tmp_path):
    ran(100, tmp_path / "s", resume=str(checkpoint_after(tmp_path / "bare", 5000)))
    assert [row["tick"] for row in table(tmp_path / "s" / EPISODES)] == [5050, 5100]


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        (None, "is not a checkpoint"),
        ("{", "has no number of ticks"),
        ('{"extra": {}}', "has no number of ticks"),
        ('{"extra": {"ticks": -1}}', "-1 is not a number of ticks"),
        ('{"extra": {"ticks": "9"}}', "'9' is not a number of ticks"),
    ],
)
def test_what_cannot_be_resumed_is_refused_before_anything_starts(tmp_path, facts, problem):
    if facts is not None:
        (tmp_path / "facts.json").write_text(facts)
    with pytest.raises(NodeError, match=problem):
        Metrics.check(MetricsParams(resume=str(tmp_path)))
    with pytest.raises(NodeError, match="is not a checkpoint: there is no such folder"):
        Metrics.check(MetricsParams(resume=str(tmp_path / "nowhere")))


def test_a_restarted_node_goes_on_with_the_tables(tmp_path):
    """Rows of an earlier life are kept, except half a line; the events go to a separate file."""
    from rtgraph.nodes.runtime.virtual.faults import CrashFault

    (tmp_path / "s").mkdir()
    world = learning_world(
        1010, tmp_path / "s", faults=[CrashFault(node="metrics", at_ns=6_000_000_001, restart_after_ns=1)]
    )
    world.run()
    ticks = [row["tick"] for row in table(tmp_path / "s" / EPISODES)]
    assert ticks == list(range(50, 1001, 50))
    # Its beats are those of its new life.
    assert [row["tick"] for row in table(tmp_path / "s" / UPDATES)] == [500, 1010]
    assert table(tmp_path / "s" / UPDATES)[1]["updates_per_tick"] == pytest.approx(0.25, rel=0.02)
    again = tmp_path / "s" / "metrics" / "events.out.tfevents.0000000001.rtgraph"
    both = [
        step
        for path in (tmp_path / "s" / EVENTS, again)
        for step, _ in scalars(path)["charts/episodic_return"]
    ]
    assert both == ticks


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_returns_that_are_not_finite_are_counted_and_left_out(broken):
    episodes = Table(columns.EPISODES)
    for number, value in enumerate([1.0, broken, 3.0, -2.0]):
        episodes.add({"episode": number, "tick": number, "return": value})
    found = figures(episodes, Table(columns.UPDATES), Tally(), carried=1)
    assert (found["episodes"], found["episodes_here"], found["not_finite"]) == (4, 3, 1)
    assert (found["return_last"], found["return_best"], found["positive"]) == (2 / 3, 3.0, 2 / 3)
    assert recent_return(episodes) == 2 / 3

"""Learning curves: read from tables, averaged, grouped, and drawn for any data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.plots import draw_learning
from rtgraph.launch.plots.curves import read_curve, running, smoothed, together
from rtgraph.launch.report.session_groups import read_session_groups
from rtgraph.launch.scoring.scores import Line
from rtgraph.msgs.errors import GraphError, MetricsError
from rtgraph.nodes.metrics.columns import EPISODES, UPDATES
from rtgraph.nodes.metrics.table import Table


def session(folder, returns, *, losses=(), length=10, plan=None, wins=None):
    """Create a session folder with episodes of these returns, and with periods of 100 ticks with these losses."""
    (folder / "metrics").mkdir(parents=True)
    episodes, updates = Table(EPISODES), Table(UPDATES)
    for number, value in enumerate(returns):
        tick = (number + 1) * length
        episodes.add(
            {"episode": number, "tick": tick, "return": value, "time_s": tick / 60, "plant": "plant"}
            | ({} if wins is None else {"reason": "won", "wins": wins[number]})
        )
    for number, loss in enumerate(losses):
        updates.add({"tick": (number + 1) * 100, "loss": loss, "q_mean": 1.0, "updates_per_tick": 0.25})
    episodes.write(folder / "metrics" / "episodes.csv")
    updates.write(folder / "metrics" / "updates.csv")
    if plan is not None:
        name, arguments = plan
        (folder / "plan.yaml").write_text(json.dumps({"name": name, "arguments": arguments}))
    return folder


def test_a_curve_is_read_from_wherever_it_is(tmp_path):
    folder = session(tmp_path / "s", [1, 2.5, -3], losses=[0.5, None])
    for place in (folder, folder / "metrics", folder / "metrics" / "episodes.csv"):
        curve = read_curve(place)
        assert curve.returns.tolist() == [1, 2.5, -3]
        assert curve.episode_ticks.tolist() == [10, 20, 30]
        assert curve.updates["loss"][0] == 0.5
        assert np.isnan(curve.updates["loss"][1])
        assert curve.learned
    assert not read_curve(session(tmp_path / "t", [1], losses=[None])).learned
    with pytest.raises(MetricsError, match="has no curves"):
        read_curve(tmp_path)
    with pytest.raises(MetricsError, match="no column 'return'"):
        read_curve(folder / "metrics" / "updates.csv")
    with pytest.raises(MetricsError, match="there is no such file or folder"):
        read_curve(folder / "metrics" / "missing.csv")


def test_a_curve_leaves_out_episodes_that_are_not_finite(tmp_path):
    curve = read_curve(session(tmp_path / "a", [1.0, float("nan"), 3.0, float("inf")]))
    assert curve.returns.tolist() == [1.0, 3.0]
    assert curve.episode_ticks.size == 2


@pytest.mark.parametrize(
    ("episodes", "width"), [(1, 1), (3, 1), (9, 3), (30, 10), (99, 10), (500, 50), (5000, 100)]
)
def test_a_running_mean_against_an_obvious_one(tmp_path, episodes, width):
    returns = np.random.default_rng(episodes).normal(size=episodes).round(6)
    band = running(read_curve(session(tmp_path / "s", returns.tolist())))
    assert band.mean.size == episodes - width + 1
    first = returns[:width]
    assert band.mean[0] == pytest.approx(first.mean())
    assert band.ticks[0] == pytest.approx(10 * (width + 1) / 2)
    if width > 1:
        assert band.half_width[0] == pytest.approx(
            first.std(ddof=1) / width**0.5 * {3: 4.3027, 10: 2.2622, 50: 2.0096, 100: 1.9842}[width], rel=1e-4
        )
    else:
        assert np.isnan(band.half_width).all()


def test_several_runs_are_averaged_where_all_of_them_are(tmp_path):
    curves = [
        read_curve(session(tmp_path / "a", [1.0] * 40)),
        read_curve(session(tmp_path / "b", [3.0] * 60)),
    ]
    band = together(curves)
    assert (band.ticks[0], band.ticks[-1]) == (55.0, 355.0)
    assert band.mean == pytest.approx(2.0)
    assert band.half_width == pytest.approx(
        12.7062, rel=1e-4
    )  # sd √2 of two runs, t with one degree of freedom
    apart = read_curve(session(tmp_path / "c", [1.0] * 5, length=10_000))
    assert together([curves[0], apart]).ticks.size == 0
    empty = read_curve(session(tmp_path / "d", []))
    assert together([empty]).ticks.size == 0
    assert together([empty, curves[0]]).mean == pytest.approx(1.0)


def test_smoothing_keeps_ends_and_constants():
    values = np.arange(100.0)
    assert smoothed(np.ones(7)) == pytest.approx(1.0)
    assert smoothed(values)[50] == pytest.approx(50.0)
    assert smoothed(values, share=10)[0] == pytest.approx(values[:11].mean())


def test_runs_that_differ_only_by_chance_are_a_group(tmp_path):
    plans = {
        "a": ("boxing", {"k": 0.25, "agent": "staggered", "resume": None}),
        "b": ("boxing", {"k": 0.25, "agent": "staggered", "resume": "elsewhere"}),
        "c": ("boxing", {"k": 0.25, "agent": "single", "resume": None}),
    }
    folders = [str(session(tmp_path / name, [1, 2], plan=plan)) for name, plan in plans.items()]
    found = read_session_groups(folders)
    assert {name: len(curves) for name, curves in found.groups.items()} == {
        "agent=staggered": 2,
        "agent=single": 1,
    }
    assert found.title == "boxing"
    assert list(read_session_groups(folders[:2]).groups) == ["boxing"]
    labelled = read_session_groups(
        [f"x={folders[0]}", f"y={folders[1]}", f"x={folders[2]}/metrics/episodes.csv"]
    )
    assert {name: len(curves) for name, curves in labelled.groups.items()} == {"x": 2, "y": 1}
    assert list(read_session_groups([str(session(tmp_path / "bare", [1]))]).groups) == ["bare"]
    with pytest.raises(GraphError, match="is not LABEL=SESSION"):
        read_session_groups(["=x"])


def test_whatever_there_is_is_drawn_and_drawn_again_the_same(tmp_path):
    odd = {
        "nothing": ([], []),
        "one": ([1.0], [0.1]),
        "many": ([1.0, 2.0, 3.0] * 20, [0.3, 0.2, 0.1]),
        "not numbers": ([5.0] * 3, [0.0, float("nan"), -1.0]),
    }
    groups = {
        name: [read_curve(session(tmp_path / name, returns, losses=losses))]
        for name, (returns, losses) in odd.items()
    }
    lines = {"random": Line(0.5, "here", 0.2, 40)}
    one, two = (
        draw_learning(groups, tmp_path / name, title="boxing", lines=lines).read_bytes()
        for name in ("one.png", "two.png")
    )
    assert one == two
    assert one.startswith(b"\x89PNG")
    alone = draw_learning({"": groups["nothing"]}, tmp_path / "nothing.png", title="", lines={})
    assert alone.read_bytes() != one


def test_the_verb_draws_several_sessions(tmp_path, capsys):
    folders = [str(session(tmp_path / name, [1.0, 2.0] * 20, losses=[0.1])) for name in "abc"]
    out = tmp_path / "all.svg"
    arguments = [f"x={folders[0]}", f"x={folders[1]}", f"y={folders[2]}", "--out", str(out), "--json"]
    assert main(["plot", "learning", *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == {
        "x": [{"episodes": 40, "ticks": 400.0}] * 2,
        "y": [{"episodes": 40, "ticks": 400.0}],
    }
    assert "<svg" in out.read_text()
    assert main(["plot", "learning", folders[0], "--out", "x.txt"]) == 2
    assert main(["plot", "learning", str(tmp_path / "nowhere")]) == 1
    assert "has no curves" in capsys.readouterr().err


def test_wins_are_drawn_over_the_time_of_the_game(tmp_path, capsys):
    folders = [session(tmp_path / name, [1.0, -1.0, 1.0], wins=[1, 1, 2]) for name in "ab"]
    curve = read_curve(folders[0])
    assert curve.tells_wins
    assert curve.wins.tolist() == [1, 1, 2]
    assert curve.episode_times_s == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    arguments = [f"x={folders[0]}", f"y={folders[1]}", f"y={folders[0]}", "--out", str(tmp_path / "won.svg")]
    assert main(["plot", "wins", *arguments]) == 0
    assert "<svg" in (tmp_path / "won.svg").read_text()
    silent = session(tmp_path / "c", [1.0])
    assert not read_curve(silent).tells_wins
    assert main(["plot", "wins", f"c={silent}", "--out", str(tmp_path / "none.png")]) == 1
    assert (
        "c does not say which of its episodes were won. hint: draw a game with a winner"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "none.png").exists()

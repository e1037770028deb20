"""The shipped studies: each cell can be planned, and each shape runs at its smallest from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.plots import drawn
from rtgraph.launch.studies.paper import theory
from rtgraph.launch.studies.registry import study_named, study_names
from rtgraph.launch.studies.study import Row, Scale, real
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.nodes.emulator.theory import best_delayed_rate, observed_state_rate
from rtgraph.nodes.inference.stagger import stagger_names


@pytest.mark.parametrize("name", study_names())
def test_every_first_cell_of_a_scale_has_a_plan_and_known_axes(name: str) -> None:
    study = study_named(name)
    assert study.name == name
    assert set(study.expected) == set(Scale)
    for scale in Scale:
        cells = study.cells(scale, ())
        assert all(set(cell.at) <= set(study.axes) for cell in cells)
        places = [tuple(cell.at.get(axis) for axis in study.axes) for cell in cells]
        assert len(set(places)) == len(places), "no two cells are at one place"
        for work in {type(cell.work): cell.work for cell in cells}.values():
            assert work.identity()


@pytest.mark.parametrize("name", study_names())
def test_every_study_shows_what_is_done_of_it(name: str, tmp_path: Path) -> None:
    study = study_named(name)
    rows: list[Row] = []
    while len(cells := study.cells(Scale.QUICK, rows)) > len(rows):
        figures = {**dict.fromkeys(study.figures, 1.0), **{name: [1.0] for name in study.lists}}
        rows = [{**figures, **cell.at} for cell in cells]
    assert all(study.seen(rows[:count]) for count in {1, len(rows) // 2, len(rows) - 1})
    with drawn(tmp_path / "part.png") as figure:
        study.draw(figure, rows[:1])


def reproduced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str
) -> list[dict[str, object]]:
    assert main(["reproduce", *arguments, "--jobs", "1", "--json", "--out", str(tmp_path / "out")]) == 0
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return rows


def test_regret_names_the_term_of_theorem_1_of_each_environment(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"environment": name, "tau": tau, "method": "paced", "seed": 0, "regret": 0.1, "bound": 0.1}
        for name in ("inaction", "delay")
        for tau in (2, 4)
    ]
    with drawn(tmp_path / "regret.png") as figure:
        study_named("regret").draw(figure, rows)
        legends = [axes.get_legend() for axes in figure.axes]
        named = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend]
    assert named == [
        ["Theorem 1: inaction with one worker"],
        ["Theorem 1: delay with a decision for every tick"],
    ]


def test_staggering_shows_what_follows_by_hand(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    only = ("latency=const", "workers=6", "seed=0")
    found = reproduced(capsys, tmp_path, "staggering", "--only", *only)
    rows = {row["method"]: row for row in found}
    assert set(rows) == set(stagger_names())
    # Workers in step answer together, so one tick in 5.3 has a decision; paced workers answer every tick.
    assert rows["none"]["inaction"] == pytest.approx(1 - 1 / 5.3, abs=0.01)
    assert rows["paced"]["inaction"] == 0
    assert rows["paced"]["age_mean"] == 6
    assert rows["maximum_time"]["inaction"] == 0
    part = tmp_path / "out" / "quick_latency=const_workers=6_seed=0"
    table = list(csv.DictReader(part.with_suffix(".csv").read_text().splitlines()))
    assert [row["method"] for row in table] == list(stagger_names())
    assert part.with_suffix(".png").stat().st_size > 10_000


def test_chunks_earn_what_is_computed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = reproduced(
        capsys,
        tmp_path,
        "chunking",
        "--only",
        "environment=delay,tracking",
        "tau=4",
        "chunk=1,4",
        "method=chunks,staggered",
    )
    rates = {(row["environment"], row["method"]): real(row["reward"]) for row in rows}
    assert len(rates) == len(rows) == 4
    for row in rows:
        assert row["reward"] == pytest.approx(row["predicted"], abs=0.01)
        assert row["made"] == pytest.approx(0.25 if row["method"] == "chunks" else 1, abs=0.01)
        assert row["inaction"] == 0
    assert all(rates[world, "chunks"] < rates[world, "staggered"] for world in ("delay", "tracking"))


def test_a_study_that_measures_first_and_one_that_learns_end_with_their_rows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    measured, counted = reproduced(capsys, tmp_path, "fig7", "--only", "k=2", "method=paced", "epsilon=0.0")
    assert (measured["method"], counted["method"]) == (None, "paced")
    assert real(counted["tau"]) == pytest.approx(real(measured["mean_ms"]) * 60 / 1e3, rel=1e-6)
    assert counted["by_inaction"]

    rows = reproduced(
        capsys,
        tmp_path / "second",
        "stagger_learning",
        "--only",
        "game=catch",
        "latency=const",
        "method=paced,random",
    )
    assert [row["method"] for row in rows] == ["paced", "random"]
    assert (rows[0]["inaction"], rows[0]["age_mean"]) == (0, 3)
    assert all(-1 <= real(row["greedy"]) <= 1 for row in rows)


@pytest.mark.soak
@pytest.mark.parametrize("name", study_names())
def test_every_study_runs_at_its_quick_scale(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["reproduce", name, "--out", str(tmp_path)]) == 0
    assert "Seen here:" in capsys.readouterr().out
    assert (tmp_path / "quick.csv").exists()
    assert (tmp_path / "quick.png").exists()


def test_the_list_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in study_names())
    assert main(["reproduce", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [line["study"] for line in listed] == list(study_names())
    assert all(line[scale] for line in listed for scale in Scale)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stagering"], "unknown study 'stagering'. hint: did you mean 'staggering'?"),
        ([], "STUDY is missing"),
        (["staggering", "--only", "workers"], "--only 'workers' is not AXIS=A,B"),
        (["staggering", "--only", "workers=4", "workers=6"], "--only 'workers' is given twice"),
        (["staggering", "--out", ""], "an empty name is not a folder"),
    ],
)
def test_wrong_arguments_are_one_error(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["reproduce", *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("delay", [1, 2, 8])
def test_the_delay_environment_earns_what_theory_says(delay: int, tmp_path: Path) -> None:
    for policy, rate in (
        (theory.OBSERVED, observed_state_rate(0.9, delay)),
        (theory.BEST, best_delayed_rate(0.9, delay)),
    ):
        figures = theory.delay_cell(0.9, delay, policy, error=0.02).work.run(tmp_path, lambda _: None)
        assert figures["predicted"] == rate
        assert figures["measured"] == pytest.approx(rate, rel=0.02)


def test_aiming_ahead_beats_acting_on_the_observed_state(tmp_path: Path) -> None:
    rates = {
        policy: real(
            theory.delay_cell(0.5, 5, policy, error=0.1).work.run(tmp_path, lambda _: None)["measured"]
        )
        for policy in (theory.OBSERVED, theory.BEST)
    }
    assert rates[theory.BEST] > 5 * rates[theory.OBSERVED]


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_the_inaction_environment_earns_the_acting_share(interval: int, tmp_path: Path) -> None:
    arguments = {"workers": "1", "stagger": "none", "latency_frames": str(interval)}
    run = VirtualRun("inaction", arguments, ticks=500, judged_from=100)
    assert run.run(tmp_path, lambda _: None)["reward"] == pytest.approx(1 / interval, rel=0.01)


def test_a_learning_cell_is_told_apart_by_what_it_plays() -> None:
    one, other = (
        Learned("catch", {}, ticks=10, seed=0, greedy_episodes=episodes, checkpoint_ticks=5)
        for episodes in (1, 2)
    )
    assert one.identity() != other.identity()

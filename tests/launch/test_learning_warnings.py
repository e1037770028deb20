"""A launch without a single update reports why."""

from __future__ import annotations

import json

import pytest

from rtgraph.launch.cli import main

WIDE = [
    "gymnasium_learning",
    "id=support.edges:OneStepWide-v0",
    "workers=1",
    "latency_frames=1",
    "replay_mib=2",
]


@pytest.mark.parametrize(
    ("arguments", "ticks", "problem"),
    [
        (
            ["minimum=200"],
            400,
            "130 transitions of such short episodes fit, fewer than minimum=200",
        ),
        (["minimum=100"], 40, "20 transitions are held, fewer than minimum=100"),
        (["minimum=10", "updates_per_tick=0.01"], 60, "none was due: updates_per_tick sets the rate"),
    ],
    ids=["does not fit", "too few", "not due"],
)
def test_a_launch_without_an_update_says_why(arguments, ticks, problem, tmp_path, capsys) -> None:
    out = tmp_path / "s"
    options = ["--ticks", str(ticks), "--no-plots", "--no-record", "--out", str(out)]
    assert main(["launch", *WIDE, *arguments, *options]) == 0
    assert f"warning: gymnasium_learning: replay: no update was made: {problem}" in capsys.readouterr().err
    replay = json.loads((out / "summary.json").read_text())["nodes"]["replay"]
    assert replay["sampled"] == 0
    if "130" in problem:
        assert replay["holdings"]["transitions"] in (129, 130)
        assert (replay["holdings"]["fits"], replay["holdings"]["capacity"]) == (130, 261)


def test_a_launch_that_learns_says_nothing_of_it(tmp_path, capsys) -> None:
    options = ["--ticks", "60", "--no-plots", "--no-record", "--out", str(tmp_path / "s")]
    assert main(["launch", *WIDE, "minimum=10", *options]) == 0
    assert "warning" not in capsys.readouterr().err


def test_a_memory_that_can_never_hold_enough_is_refused_by_check(capsys) -> None:
    assert main(["check", *WIDE, "minimum=300"]) == 2
    assert "minimum is 300 transitions, but only 261 fit" in capsys.readouterr().err


def test_an_option_of_the_algorithm_is_named_in_its_error(capsys) -> None:
    assert main(["check", *WIDE, "algorithm_options={tau: 2}"]) == 2
    assert "nodes.learner.params.algorithm: tau: should be ≤ 1.0, not 2" in capsys.readouterr().err

"""``rtgraph evaluate``: a learner's checkpoint played greedily, and the baselines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.evaluation import evaluation_plan
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.scoring.games import game_of
from rtgraph.nodes.inference import Worker
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.interface.context import generator

FILES = Path(__file__).parent.parent / "graphs" / "files"


def shown(capsys, *arguments) -> dict[str, object]:
    code = main(["evaluate", *map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> Path:
    """Return the session of a few updates."""
    folder = tmp_path_factory.mktemp("learned") / "s"
    arguments = ["minimum=20", "--ticks", "250", "--no-plots", "--json", "--out", str(folder)]
    assert main(["launch", "gymnasium_learning", *arguments]) == 0
    return folder


def test_a_checkpoint_is_played_greedily(learned, tmp_path, capsys) -> None:
    capsys.readouterr()
    arguments = (learned / "checkpoints", "gymnasium_learning", "--episodes", 3, "--seed", 4)
    told = shown(capsys, *arguments, "--out", tmp_path / "one")
    assert told["episodes"] == told["return"]["count"] == len(told["returns"]) == len(told["lengths"]) == 3
    assert told["return"]["mean"] == pytest.approx(sum(told["returns"]) / 3)
    assert told["returns"] == told["lengths"], "a pole that stands for a tick earns 1"
    again = shown(capsys, *arguments, "--out", tmp_path / "two")
    assert again == told
    summary = json.loads((tmp_path / "one" / "summary.json").read_text())
    assert summary["episodes"]["count"] == 3
    newest = max((learned / "checkpoints").iterdir())
    version = json.loads((newest / "facts.json").read_text())["version"]
    assert version > 0
    policies = [summary["nodes"][f"worker/{number}"]["policy_versions"] for number in range(6)]
    assert {(policy["first"], policy["last"]) for policy in policies} == {(version, version)}
    assert "learning" not in summary


def test_why_episodes_ended_is_printed(tmp_path, capsys) -> None:
    arguments = ("duel_battles", "state=battle3", "--policy", "noop", "--episodes", 2, "--most-frames", 20)
    told = shown(capsys, *arguments, "--out", tmp_path / "one")
    assert told["endings"] == {"timeout": 2}
    assert told["encounters"]["battle3"]["lost"] == 2
    assert told["encounters"]["battle3"]["actions"] == 0
    assert main(["evaluate", *map(str, arguments), "--out", str(tmp_path / "two")]) == 0
    assert "Episodes: 2 timeout; encounters won: 0 of 1, now battle3." in capsys.readouterr().out


def test_what_a_checkpoint_came_from_is_told_in_its_curves(learned, tmp_path, capsys) -> None:
    """The curves of a run resumed from a checkpoint begin with the rows of the run that wrote it."""
    arguments = [f"resume={learned / 'checkpoints'}", "minimum=20", "--ticks", "100"]
    assert (
        main(
            ["launch", "gymnasium_learning", *arguments, "--no-plots", "--json", "--out", str(tmp_path / "s")]
        )
        == 0
    )
    before, after = (
        (folder / "metrics" / "episodes.csv").read_text().splitlines() for folder in (learned, tmp_path / "s")
    )
    newest = max((learned / "checkpoints").iterdir())
    ticks = json.loads((newest / "facts.json").read_text())["extra"]["ticks"]
    carried = [line for line in before[1:] if int(line.split(",")[1]) <= ticks]
    assert len(carried) > 2
    assert after[1 : len(carried) + 1] == carried
    later = [int(line.split(",")[1]) for line in after[len(carried) + 1 :]]
    assert later
    assert later == sorted(later)
    assert later[0] > ticks
    # The newest known tick is that of the newest decision's observation.
    assert ticks + 90 < json.loads(capsys.readouterr().out)["learning"]["ticks"] <= ticks + 100


def test_an_evaluation_plays_other_episodes_than_the_training_with_the_same_seed() -> None:
    played = {}
    for seed in (0, 0, 1):
        plan = evaluation_plan(
            "gymnasium", {}, policy="random", episodes=3, world="virtual", seed=seed, folders=FOLDERS
        )
        played.setdefault(seed, set()).add(plan.seed)
    assert len(played[0]) == len(played[1]) == 1
    seeds = [0, 1, *played[0], *played[1]]
    assert len(set(seeds)) == 4
    # An environment's random stream is a function of the plan's seed.
    drawn = {seed: generator(seed, "plant", 0).integers(2**31, size=8).tolist() for seed in seeds}
    assert len({number for numbers in drawn.values() for number in numbers}) == 32


def test_the_plan_explores_nothing_and_records_nothing(learned) -> None:
    plan = evaluation_plan(
        "gymnasium_learning",
        {},
        policy=max((learned / "checkpoints").iterdir()),
        episodes=7,
        world="virtual",
        seed=1,
        folders=FOLDERS,
    )
    names = {node.name for node in plan.nodes}
    assert not names & {"learner", "replay", "recorder"}
    for node in plan.nodes:
        if issubclass(load_class(node.node), Worker):
            policy = node.params["policy"]
            assert (policy["epsilon"], policy["epsilon_from"], policy["noise"]) == (0, None, False)
        elif node.name == "plant":
            assert node.params["episodes"] == 7


@pytest.mark.parametrize("policy", ["random", "noop"])
def test_baselines(policy, tmp_path, capsys) -> None:
    told = shown(
        capsys, "gymnasium", "workers=2", "--policy", policy, "--episodes", 3, "--out", tmp_path / "s"
    )
    assert told["policy"] == policy
    assert len(told["returns"]) == 3
    summary = json.loads((tmp_path / "s" / "summary.json").read_text())
    # CartPole's default behaviour pushes left: without decisions the pole falls within ten ticks.
    if policy == "noop":
        assert summary["decisions"]["made"] == 0
        assert max(told["lengths"]) <= 10
    else:
        assert summary["decisions"]["applied"] > 0


@pytest.mark.parametrize("launch", ["name_this_game", "duel_battles"])
def test_a_game_that_never_ends_is_cut_short(launch) -> None:
    more = {"episodes": 1, "world": "virtual", "seed": 0, "folders": FOLDERS}
    for given, frames in (({}, 108_000), ({"most_frames": 50}, 50)):
        plan = evaluation_plan(launch, {}, policy="noop", **more, **given)
        assert plan.nodes[0].params["max_frames"] == frames


def test_a_game_is_known_by_its_plant() -> None:
    more = {"episodes": 1, "world": "virtual", "seed": 0, "folders": FOLDERS}
    assert game_of(evaluation_plan("krull", {}, policy="noop", **more)) == "krull"
    assert game_of(evaluation_plan("gymnasium", {}, policy="noop", **more)) is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["boxing"], "LAUNCH is missing"),
        (["here", "k=0.25"], "LAUNCH is missing"),
        (["CHECKPOINT", "boxing", "fast"], "'fast' is not name=value"),
        (["CHECKPOINT", "boxing", "episodes=3"], "'episodes' cannot be given: an evaluation sets it"),
        (["CHECKPOINT", "boxing", "k=1", "k=2"], "'k' is given twice"),
        (
            ["CHECKPOINT", str(FILES / "staggered.yaml")],
            "it has no argument 'episodes', 'checkpoint', 'learn', 'epsilon'",
        ),
        (["nowhere", "boxing"], "nowhere is not a checkpoint: there is no such folder"),
        (["boxing", "krull", "--policy", "random"], "with --policy there is no CHECKPOINT"),
        (
            ["boxing", "--policy", "random", "--episodes", "0"],
            "argument --episodes: should be at least 1, not 0",
        ),
    ],
)
def test_what_is_asked_for_wrongly_is_told_in_a_line(words, problem, tmp_path, capsys) -> None:
    (tmp_path / "000001").mkdir()
    (tmp_path / "000001" / "facts.json").write_text("{}")
    with pytest.raises(SystemExit) if "0" in words else _nothing():  # argparse's own errors exit the program
        assert main(["evaluate", *(str(tmp_path) if word == "CHECKPOINT" else word for word in words)]) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert "0" in words or err.count("\n") == 1


def _nothing():
    import contextlib

    return contextlib.nullcontext()


NAN_EVERY_THIRD = ["gymnasium", "id=support.edges:NanReward-v0", "workers=1", "latency_frames=1"]


def test_episodes_that_are_not_finite_are_counted_apart(tmp_path, capsys) -> None:
    told = shown(capsys, *NAN_EVERY_THIRD, "--policy", "random", "--episodes", 4, "--out", tmp_path / "one")
    assert (told["episodes"], told["not_finite"]) == (4, 2)
    assert told["returns"] == [None, 17.0, 17.0, None]
    assert told["lengths"] == [17] * 4
    assert (told["return"]["count"], told["return"]["mean"]) == (2, 17.0)
    summary = json.loads((tmp_path / "one" / "summary.json").read_text())
    assert summary["reward"] == {"sum": 66.0, "mean": 1.0, "not_finite": 2}
    assert summary["episodes"] == {"count": 4, "return_mean": 17.0, "length_mean": 17.0, "not_finite": 2}
    assert (
        main(
            [
                "evaluate",
                *NAN_EVERY_THIRD,
                "--policy",
                "random",
                "--episodes",
                "2",
                "--out",
                str(tmp_path / "two"),
            ]
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert "1 rewards were not finite: the results exclude them and their episodes" in err
    assert "Returns of 1 episodes are not finite: the statistics leave them out." in out
    assert [line.split() for line in out.splitlines() if line.startswith("return")] == [
        ["return", "17", "–", "17", "17", "17", "1"]
    ]


def test_an_evaluation_without_a_finite_return_has_no_figures_of_it(tmp_path, capsys) -> None:
    always = ["gymnasium", "id=support.edges:NanAlways-v0", "workers=1", "latency_frames=1"]
    told = shown(capsys, *always, "--policy", "random", "--episodes", 2, "--out", tmp_path / "one")
    assert (told["episodes"], told["not_finite"], told["return"]) == (2, 2, None)
    assert told["returns"] == [None, None]

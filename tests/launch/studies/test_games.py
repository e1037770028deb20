"""What the cells of the studies of games compute, at their smallest."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtgraph.launch.studies.games.fig4 import Won
from rtgraph.launch.studies.registry import study_named
from rtgraph.launch.studies.study import Scale
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.launch.studies.work.pretrained import DEMONSTRATION, RECORDING, Pretrained

SMALL = {"learn": "true", "k": "0.0625", "replay_mib": "16", "minimum": "20", "latency_frames": "2"}


def test_wins_are_counted_over_the_time_of_the_game(
    tmp_path: Path,
) -> None:
    learned = Learned(
        "duel_catching",
        {**SMALL, "agent": "infer_learn", "epsilon": "1", "updates_per_tick": "0.01"},
        ticks=900,
        seed=0,
        greedy_episodes=0,
        checkpoint_ticks=1_000,
    )
    found = Won(learned).run(tmp_path, lambda _: None)
    assert found["greedy"] is None
    assert found["seconds"] == pytest.approx(900 / 59.7275, rel=1e-4)
    times, won, actions = found["won_at_s"], found["won"], found["actions"]
    assert isinstance(times, list)
    assert isinstance(actions, int)
    assert isinstance(won, int)
    assert len(times) == won == found["wins"]
    assert sorted(times) == times
    assert 0 < actions <= 450, "it acts on every second frame"
    assert found["won_per_1000_actions"] == 1000 * won / actions


def test_all_agents_begin_to_learn_with_the_demonstration() -> None:
    """The demonstration alone holds more transitions than the first update needs."""
    chosen = (("1M", "parallel", 0), ("1M", "infer_learn", 0))
    for cell in (cell for scale in Scale for cell in study_named("fig4").cells(scale, ())):
        if tuple(cell.at[axis] for axis in ("model", "method", "seed")) not in chosen:
            continue  # the others have the same arguments of learning
        work = cell.work.learned
        needed = next(node.params["minimum"] for node in work.learned.plan().nodes if node.name == "replay")
        assert work.demonstrated_ticks * 0.9 > needed, cell.at


@pytest.mark.parametrize("name", ["fig6", "fig10", "fig14"])
def test_sequential_agents_decide_often_enough_to_begin_to_learn(name: str) -> None:
    sequential = 0
    for cell in (cell for scale in Scale for cell in study_named(name).cells(scale, ())):
        learned = cell.work
        assert isinstance(learned, Learned)
        arguments = learned.arguments
        if "agent" in arguments:
            frames = float(arguments["latency_frames"]) + float(arguments.get("update_frames", 0))
            assert int(arguments["minimum"]) * frames < learned.ticks, cell.at
            sequential += 1
    assert sequential


def test_a_demonstration_is_recorded_once_and_learned_from(tmp_path: Path) -> None:
    learned = Learned(
        "blocks",
        {**SMALL, "workers": "3"},
        ticks=40,
        seed=0,
        greedy_episodes=1,
        checkpoint_ticks=100,
        most_frames=30,
    )
    cell = Pretrained(learned, {"pretrain_updates": "3"}, "blocks", 120)
    assert cell.identity() != Pretrained(learned, {"pretrain_updates": "4"}, "blocks", 120).identity()
    found = cell.run(tmp_path, lambda _: None)
    assert (found["inaction"], found["age_mean"]) == (0, 2)
    assert int(str(found["updates"])) >= 3
    recording = tmp_path / DEMONSTRATION / RECORDING
    made = recording.stat().st_mtime_ns
    assert cell.run(tmp_path, lambda _: None) == found
    assert recording.stat().st_mtime_ns == made

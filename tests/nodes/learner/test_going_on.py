"""Runs that resume from a checkpoint, and runs that only start with its weights."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.metrics import read_table
from rtgraph.nodes.runtime import VirtualWorld

BEGUN, RISES_OVER, TARGET_EVERY = 0.4, 60, 25
ENVIRONMENT = {"id": "support.edges:ThreeSteps-v0", "workers": "1", "latency_frames": "1"}
EPISODE_TICKS = 4
"""Three steps, and the tick that resets."""


def ran(folder, ticks, **arguments):
    """Run the environment in a session folder; return the world."""
    folder.mkdir()
    given = ENVIRONMENT | {"minimum": "20", "replay_mib": "4"} | {k: str(v) for k, v in arguments.items()}
    plan = load_launch(
        "gymnasium_learning", given, folders=FOLDERS, world="virtual", ticks=ticks, seed=1, record=False
    )
    around = replace(launch_context(plan, None), directory=folder)
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=around)
    world.run()
    return world


@pytest.mark.parametrize(
    ("agent", "node"),
    [({}, "learner"), ({"learners": 2}, "gradient/0"), ({"agent": "infer_learn"}, "agent")],
    ids=["learner", "gradients", "sequential"],
)
def test_schedules_begin_anew_with_a_checkpoints_weights_and_go_on_where_it_is_resumed(tmp_path, agent, node):
    schedules = {
        "sampling": "prioritised",
        "correction": BEGUN,
        "correction_over": RISES_OVER,
        "target_every": TARGET_EVERY,
        "updates_per_tick": 1,
        "update_frames": 0.1,
        **agent,
    }

    def of(name, ticks, **more):
        world = ran(tmp_path / name, ticks, **schedules, **more)
        updater = world.node("agent" if node == "agent" else "learner").owner.updater
        return updater, world.node(node)._reader._open.correction

    def rose(correction):
        return round((correction - BEGUN) / (1 - BEGUN) * RISES_OVER, 6)

    first, correction = of("first", 130)
    assert first.version > RISES_OVER
    assert correction == 1.0
    anew, correction = of("anew", 60, checkpoint=tmp_path / "first")
    made = anew.version - first.version
    assert 20 < made < RISES_OVER
    assert made - 3 <= rose(correction) <= made
    assert anew.target_version == first.version + made // TARGET_EVERY * TARGET_EVERY
    again, correction = of("again", 40, resume=tmp_path / "anew")
    made_later = again.version - first.version
    assert made < made_later < RISES_OVER
    assert made_later - 3 <= rose(correction) <= made_later
    assert again.target_version == first.version + made_later // TARGET_EVERY * TARGET_EVERY
    resumed, correction = of("resumed", 50, resume=tmp_path / "first")
    assert resumed.version > first.version
    assert correction == 1.0


def episodes(folder):
    columns, rows = read_table(folder / "metrics" / "episodes.csv")
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.mark.parametrize("ticks", range(38, 43))
@pytest.mark.parametrize("minimum", [10, 10_000], ids=["learning", "no update yet"])
def test_a_run_that_goes_on_loses_no_tick_and_no_episode(tmp_path, ticks, minimum):
    ran(tmp_path / "first", ticks, minimum=minimum)
    facts = json.loads((tmp_path / "first" / "checkpoints" / "000000" / "facts.json").read_text())
    assert facts["extra"]["ticks"] == ticks
    second = ran(tmp_path / "second", 20, minimum=minimum, resume=tmp_path / "first" / "checkpoints")
    before, after = episodes(tmp_path / "first"), episodes(tmp_path / "second")
    assert [row["tick"] for row in before] == list(range(EPISODE_TICKS, ticks + 1, EPISODE_TICKS))
    assert after[: len(before)] == before
    assert [row["tick"] for row in after[len(before) :]] == [ticks + EPISODE_TICKS * n for n in range(1, 6)]
    assert second.node("learner").owner.ticks(second.clock.now_ns()) == ticks + 20

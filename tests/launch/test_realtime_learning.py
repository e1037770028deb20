"""Learning in separate processes, which are killed one after the other while the plant continues."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.launching import Launch, until
from support.sessions import RECORDING, recorded

pytestmark = pytest.mark.timeout(240)

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only listed


def seen(launch: Launch, key: str) -> list[dict[str, Any]]:
    return [line for line in launch.witnessed() if key in line]


def newest(launch: Launch, life: int = 0) -> int:
    """Return the newest version that a life of the learner has made."""
    return max((update["version"] for update in seen(launch, "version") if update["life"] == life), default=0)


def checkpoints(launch: Launch) -> dict[str, int]:
    """Return the versions of the checkpoints, by number."""
    folder = launch.session / "checkpoints"
    return {
        path.parent.name: json.loads(path.read_text())["version"] for path in folder.glob("[0-9]*/facts.json")
    }


@pytest.mark.process
def test_learner_replay_and_worker_are_killed_in_turn_and_the_run_goes_on() -> None:
    before = set(SHARED_MEMORY.iterdir())
    with Launch.of("learners") as launch:
        until(lambda: len(checkpoints(launch)) >= 2 and newest(launch) > 60, 40, "the learner learns")
        launch.kill("learner")
        killed_at = newest(launch)
        until(lambda: newest(launch, 1) > killed_at + 30, 15, "its next life learns")
        launch.kill("replay")
        again = newest(launch, 1)
        until(lambda: newest(launch, 1) > again + 30, 15, "the learner gets batches of a new replay memory")
        launch.kill("worker/1")
        launch.witnessed()
        count = len(seen(launch, "acted_with"))
        until(lambda: len(seen(launch, "acted_with")) > count + 100, 15, "decisions are made")
        launch.interrupt()
        summary, trace, updates = launch.summary(), launch.trace(), seen(launch, "version")
        acted = seen(launch, "acted_with")
        last = max(checkpoints(launch).items())[1]

    assert set(SHARED_MEMORY.iterdir()) <= before
    assert summary["restarts"] == {"learner": 1, "replay": 1, "worker/1": 1}
    assert summary["missed"] == summary["slipped"] == 0
    assert np.array_equal(trace["tick_tick"], np.arange(len(trace["tick_tick"])))
    lives = [[update for update in updates if update["life"] == life] for life in (0, 1)]
    for life in lives:
        assert all(two["version"] == one["version"] + 1 for one, two in pairwise(life))
    # It resumed from a checkpoint at most one interval old: 1 s, plus the time to write it.
    lost = [update for update in lives[0] if update["version"] >= lives[1][0]["version"]]
    assert len(lost) <= 60 * 1.5
    assert lives[1][0]["version"] > 1
    # Everybody acts with the versions of the new life, and its last version is kept.
    assert max(one["acted_with"] for one in acted) > lives[1][0]["version"] + 30
    assert last == lives[1][-1]["version"] or last == lives[1][-1]["version"] + 1


def test_no_update_is_lost_and_order_is_kept_when_a_gradient_learner_is_killed() -> None:
    with Launch.of("learners", "learners=3", "updates_per_tick=0") as launch:
        until(lambda: newest(launch) > 100, 40, "gradients are applied")
        shared = sorted(launch.session.glob(".*.gradients"))
        assert [path.name for path in shared] == [f".gradient.{place}.gradients" for place in range(3)]
        assert all("memfd:rtgraph-gradients" in str(path.readlink().readlink()) for path in shared)
        launch.kill("gradient/1")
        killed_at = newest(launch)
        until(
            lambda: any(
                update["version"] > killed_at + 60 and update["learner"] == "gradient/1"
                for update in seen(launch, "version")
            ),
            20,
            "its next life is in the ring",
        )
        launch.interrupt()
        updates, summary = seen(launch, "version"), launch.summary()
    assert summary["restarts"] == {"gradient/1": 1}
    assert not any(path.is_symlink() for path in shared)
    assert [update["version"] for update in updates] == list(range(1, len(updates) + 1))
    turns = [int(update["learner"][-1]) for update in updates]
    # In cyclic order, without the dead one.
    assert all((two - one) % 3 == 1 or {one, two} == {0, 2} for one, two in pairwise(turns))
    # Its gradients may be older while it rejoins.
    assert sum(update["delay"] > 2 for update in updates) <= 3
    assert max(update["delay"] for update in updates) >= 2
    assert set(turns[-3:]) == {0, 1, 2}


def test_learning_in_parallel_goes_on_where_a_version_could_not_be_shown() -> None:
    """A network of 14 MB has at most four versions, and each of six workers holds one for a second."""
    arguments = ("learners=2", "learning=parallel", "workers=6", "latency_frames=60", "updates_per_tick=0")
    with Launch.of("learners", "hidden=1800", *arguments) as launch:
        until(lambda: newest(launch) > 15, 60, "it learns")
        launch.interrupt()
        updates, summary = seen(launch, "version"), launch.summary()
    assert summary["restarts"] == {}
    assert summary["nodes"]["learner"]["skipped"] > 0
    assert [update["version"] for update in updates] == list(range(1, len(updates) + 1))
    assert {update["learner"] for update in updates} == {"gradient/0,gradient/1"}


def test_updates_before_the_world_runs_hold_it_back_and_can_be_interrupted(tmp_path) -> None:
    recorded("delay", tmp_path / "played", {"states": "8", "latency_frames": "1", "workers": "2"})
    arguments = ["states=8", f"demonstration={tmp_path / 'played' / RECORDING}", "--world", "realtime"]
    with Launch(
        "launch", "delay_learning", *arguments, "pretrain_updates=1000000", "--out", "out", "--no-plots"
    ) as launch:
        launch.says("learner: updates from demonstrations, 1,000,000 in all")
        assert launch.interrupt() < 5
        assert launch.wait() == 130
        assert "ticks" not in launch.summary(), "the plant never ticked"

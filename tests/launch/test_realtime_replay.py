"""Learners in separate processes that read a replay memory's frames in place, and what remains when it is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.launching import Launch, until, written

pytestmark = pytest.mark.timeout(180)

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only listed


def got(launch: Launch, name: str, **life: int) -> list[dict[str, Any]]:
    """Return the batches that a learner got, in selected lives of it and of the replay memory."""
    batches = written(launch.session / f"{name}.jsonl")
    return [batch for batch in batches if all(batch[whose] == number for whose, number in life.items())]


def rows(batches: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the transitions of batches by index; each must always be the same."""
    found: dict[str, list[float]] = {}
    for batch in batches:
        for index, row in batch["rows"].items():
            assert found.setdefault(index, row) == row
    return found


@pytest.mark.process
@pytest.mark.parametrize("folder", ["", "kept"])
def test_learners_read_in_place_what_others_are_sent_and_go_on_when_anybody_is_killed(folder: str) -> None:
    before = set(SHARED_MEMORY.iterdir())
    with Launch.of("asked", *([f"folder={folder}"] if folder else [])) as launch:
        for learner in ("near", "far"):
            until(lambda learner=learner: len(got(launch, learner)) > 60, 40, f"{learner} gets batches")
        assert len(list(launch.session.glob(".replay.frames"))) == (0 if folder else 1)

        launch.kill("near")
        until(lambda: len(got(launch, "near", learner=1)) > 20, 10, "the new life of a learner gets batches")
        launch.kill("replay")
        for learner in ("near", "far"):
            until(
                lambda learner=learner: len(got(launch, learner, replay=1)) > 60,
                10,
                f"{learner} gets batches of the replay memory that was begun anew",
            )
        launch.interrupt()
        assert not list(launch.session.glob(".replay*")), "the link to the memory is gone"
        summary, trace = launch.summary(), launch.trace()
        near, far = got(launch, "near"), got(launch, "far")

    assert set(SHARED_MEMORY.iterdir()) <= before
    assert summary["restarts"] == {"near": 1, "replay": 1}
    assert np.array_equal(trace["tick_tick"], np.arange(len(trace["tick_tick"])))
    # Except one after the kill, when everything sent to it was lost.
    assert sum(not batch["in_place"] for batch in near) <= 2
    assert not any(batch["in_place"] for batch in far)
    for life in (0, 1):
        read, sent = (rows([batch for batch in each if batch["replay"] == life]) for each in (near, far))
        both = read.keys() & sent.keys()
        assert len(both) > 30
        assert all(read[index] == sent[index] for index in both)
    again = min(batch["ticks"] for batch in near + far if batch["replay"] == 1)
    newest = max(batch["ticks"] for batch in near + far if batch["replay"] == 0)
    assert again >= newest if folder else again < newest
    result = summary["nodes"]["replay"]
    assert result["learners"].keys() == {"near", "far"}
    assert all(counts["answers"] > 60 for counts in result["learners"].values())

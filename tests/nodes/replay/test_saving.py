"""A replay memory in a world checkpoint: a resumed run continues exactly as the original."""

import numpy as np
import pytest
from support.replayed import world_of

from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver, load


def said(world, since_ns=0):
    return [
        (taken.topic, taken.data)
        for taken in world.node("collector").taken
        if taken.header.stamp_ns >= since_ns
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"updates_per_tick": 0.3},
        {"sampling": "prioritised", "n_step": 3, "capacity_mib": 0.02},
        {"order": "reservoir", "sampling": "prioritised", "capacity_mib": 0.02},
    ],
)
def test_a_world_that_was_taken_back_goes_on_as_it_would_have(params, tmp_path):
    options = {"asker": {"update_ns": 11_000_000}, **params}
    whole = world_of(150, **options)
    whole.run(keeper=WorldSaver(tmp_path, 1_000_000_000, {}))
    file = SnapshotFile(min(tmp_path.iterdir()))
    resumed = world_of(150, **options)
    load(resumed, file)
    assert 0 < resumed.clock.now_ns() < whole.clock.now_ns()
    resumed.run()
    assert said(resumed) == said(whole)
    assert len(said(whole, file.head["time_ns"])) > 100
    assert resumed.results() == whole.results()


def test_a_memory_on_disk_is_not_saved_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = world_of(100, folder="kept", directory=tmp_path)
    with pytest.raises(CheckpointError, match="a replay memory in a folder"):
        world.run(keeper=WorldSaver(tmp_path / "world", 1_000_000_000, {}))


def test_what_is_saved_is_no_more_than_what_is_there():
    world = world_of(120, capacity_mib=4)
    world.run()
    buffer: ReplayBuffer = world.node("replay")._buffer
    state = buffer.world_state()
    arrays = [*state["frames"].values(), *state["table"].values(), state["slots"]["references"]]
    assert all(isinstance(array, np.ndarray) for array in arrays)
    assert sum(array.nbytes for array in arrays) < 200 * 120

"""SAC by a launch file in virtual time: two learners, checkpoints, and a run that goes on."""

import numpy as np
import pytest
from support.sessions import recorded

from rtgraph.nodes.learner.updates.checkpoint import load
from rtgraph.nodes.networks.checkpoints import checkpoint_in

SMALL = {
    "id": "Pendulum-v1",
    "rate_hz": "20",
    "latency_frames": "1",
    "workers": "1",
    "stagger": "none",
    "minimum": "20",
    "batch": "8",
    "hidden": "8",
    "replay_mib": "8",
}


def learned(folder, **more):
    recorded("gymnasium_learning", folder, SMALL | more, ticks=60, record=False)
    return load(checkpoint_in(folder))


def test_a_resumed_run_continues_critics_temperature_and_optimiser(tmp_path):
    first = learned(tmp_path / "first")
    assert first.facts.algorithm.kind == "sac"
    assert first.facts.version == first.facts.optimiser_steps > 20
    assert {name.split(".")[1] for name in first.tensors} == {"actor", "critics", "log_temperature"}
    later = learned(tmp_path / "later", resume=str(tmp_path / "first"))
    assert later.facts.version == later.facts.optimiser_steps > first.facts.version + 20
    before, after = (one.tensors["weights.log_temperature.value"].item() for one in (first, later))
    assert 0 > before > after  # the entropy begins above its target


@pytest.mark.parametrize("learners", [1, 2])
def test_target_critics_follow_with_any_number_of_learners(tmp_path, learners):
    state = learned(tmp_path, learners=str(learners), update_frames="1" if learners > 1 else "0")
    assert state.facts.version > 20
    for name, weights in state.weights().items():
        target = state.tensors[f"target.{name}"]
        moved = np.abs((weights - target).numpy()).max()
        assert moved < 0.1, name  # a copy of the first weights, which moves by tau of the way
    assert state.tensors["target.log_temperature.value"].item() < 0

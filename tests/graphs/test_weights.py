"""Weights in a graph: how they are shared, and their first checkpoint."""

from __future__ import annotations

import pytest

from rtgraph.graphs import Plan, load_launch
from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.algorithms.dqn.params import DqnParams

GRAPH = """\
weights:
  policy:
    network: {{kind: mlp, hidden: [{hidden}]}}
    plant: plant
    {more}
nodes:
  plant: {{class: "support.toys:Robot", params: {{arm: left, rate_hz: {rate_hz}}}}}
"""


def written(folder, more, hidden=4, rate_hz=50.0):
    file = folder / "graph.yaml"
    file.write_text(GRAPH.format(more=more, hidden=hidden, rate_hz=rate_hz))
    return file


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    from rtgraph.nodes.learner.updates.checkpoint import Checkpoints
    from rtgraph.nodes.learner.updates.update import Updater
    from rtgraph.nodes.networks import MlpSpec

    plant = PlantSpec(
        rate_hz=50, observation=ArraySpec(dtype="float32", shape=(64, 64)), action=Discrete(count=3)
    )
    updater = Updater(MlpSpec(hidden=(4,)), plant, DqnParams(), seed=0)
    kept = Checkpoints(tmp_path / "kept")
    for updater.version in (40, 50):
        kept.save(updater.training_state())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_weights_are_fixed_and_drawn_unless_the_graph_says_otherwise(tmp_path):
    weights = load_launch(written(tmp_path, "")).weights["policy"]
    assert (weights.sharing, weights.checkpoint, weights.version) == ("fixed", None, 0)
    for nothing in ("''", "null"):
        plan = load_launch(written(tmp_path, f"checkpoint: {nothing}"))
        assert plan.weights["policy"].checkpoint is None


def test_a_plan_names_the_very_checkpoint_and_its_version(checkpoints):
    plan = load_launch(written(checkpoints, "sharing: snapshot\n    checkpoint: kept"))
    weights = plan.weights["policy"]
    assert (weights.sharing, weights.checkpoint, weights.version) == ("snapshot", "kept/000001", 50)
    assert Plan.from_yaml(plan.to_yaml()) == plan
    # A resumed run starts with exactly these weights and needs no learner for that.
    assert load_launch(written(checkpoints, "resume: kept")).weights["policy"].checkpoint == "kept/000001"
    older = load_launch(written(checkpoints, "checkpoint: kept/000000")).weights["policy"]
    assert (older.checkpoint, older.version) == ("kept/000000", 40)


@pytest.mark.parametrize(
    ("more", "change", "problem"),
    [
        ("sharing: snapshots", {}, r"sharing: should be 'fixed', 'snapshot' or 'shared'"),
        (
            "checkpoint: nowhere",
            {},
            r":5: weights.policy.checkpoint: nowhere is not a checkpoint.*hint: give the folder of a",
        ),
        ("resume: nowhere", {}, r":5: weights.policy.resume: nowhere is not a checkpoint"),
        (
            "checkpoint: kept\n    resume: kept",
            {},
            r":5: weights.policy.checkpoint: both checkpoint and resume are given.*hint: leave out one",
        ),
        (
            "checkpoint: kept",
            {"hidden": 5},
            r":5: weights.policy.checkpoint: .*another network: hidden is \[4\]",
        ),
        (
            "checkpoint: kept",
            {"rate_hz": 60.0},
            r":5: weights.policy.checkpoint: .*another plant: rate_hz is 50",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_anything_starts(checkpoints, more, change, problem):
    with pytest.raises(GraphError, match=problem):
        load_launch(written(checkpoints, more, **change))

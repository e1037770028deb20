"""Settings of several nodes have one source: the stagger method, and how transitions are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.msgs.errors import GraphError

GRAPH = """\
nodes:
  plant: {class: "rtgraph.nodes.emulator:Endless"}
  coordinator:
    class: rtgraph.nodes.inference:Coordinator
    params: {plant: "${spec:plant}", stagger: %s}
  worker:
    class: rtgraph.nodes.inference:Worker
    replicas: 2
    params:
      plant: "${spec:plant}"
      stagger: %s
      policy: {kind: random}
      latency: {kind: constant, frames: 2.0}
"""


def check(tmp_path: Path, coordinator: str, worker: str) -> None:
    (tmp_path / "two.yaml").write_text(GRAPH % (coordinator, worker))
    load_launch(tmp_path / "two.yaml", world="virtual")


def test_workers_with_another_method_than_their_coordinator_are_refused(tmp_path: Path) -> None:
    check(tmp_path, "paced", "paced")
    with pytest.raises(GraphError) as raised:
        check(tmp_path, "paced", "maximum_time")
    file = tmp_path / "two.yaml"
    assert str(raised.value) == (
        f"{file}:11: nodes.worker.params.stagger: 'stagger' is 'maximum_time' here, but 'paced' for the node 'coordinator' "
        f"({file}:5). hint: give both the same value, for example by one argument"
    )


def test_a_wrong_method_is_refused_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(GraphError) as raised:
        check(tmp_path, "pased", "paced")
    assert str(raised.value) == (
        f"{tmp_path / 'two.yaml'}:5: nodes.coordinator.params.stagger: unknown stagger method 'pased'. "
        "hint: did you mean 'paced'?"
    )


def test_a_wrong_argument_is_refused_with_the_nearest_method() -> None:
    with pytest.raises(
        GraphError, match=r"stagger: 'pased' is not among the choices. hint: did you mean 'paced'"
    ):
        load_launch("boxing", {"stagger": "pased"}, folders=FOLDERS)


@pytest.mark.parametrize("launch", ["catch", "endless", "inaction", "delay"])
@pytest.mark.parametrize(
    ("arguments", "gate"),
    [
        ({}, "playout"),
        ({"stagger": "maximum_time"}, "latest"),
        ({"stagger": "maximum_time", "gate": "playout"}, "playout"),
        ({"gate": "latest"}, "latest"),
    ],
)
def test_the_gate_follows_the_method_unless_it_is_given(
    launch: str, arguments: dict[str, str], gate: str
) -> None:
    plan = load_launch(launch, arguments, world="virtual", folders=FOLDERS, record=False)
    plant = next(node for node in plan.nodes if node.name == "plant")
    assert plant.params["gate"]["kind"] == gate


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("catch", {"learn": "true"}),
        ("catch", {"agent": "infer_learn"}),
        ("boxing_rainbow", {"minimum": "100"}),
    ],
)
def test_a_demonstration_is_learned_from_as_the_memory_is(file: str, arguments: dict[str, str]) -> None:
    given = {
        "gamma": "0.5",
        "n_step": "3",
        "clip_rewards": "0.25",
        "learn_default": "true",
        "replay_mib": "99",
        "order": "reservoir",
        "sampling": "prioritised",
        "priority_exponent": "0.75",
        "demonstration_age": "2",
    }
    nodes = {node.name: node.params for node in load_launch(file, arguments | given, folders=FOLDERS).nodes}
    memory = nodes["replay"]
    learner = nodes["agent" if "agent" in nodes else "learner"]
    demonstrations = learner["pretraining"]["replay"]
    pace = {"minimum", "updates_per_tick"}  # of the memory alone
    assert {**demonstrations, **{name: memory[name] for name in pace}} == memory
    made = {name: memory[name] for name in ("gamma", "n_step", "clip_rewards", "learn_default")}
    assert made == {"gamma": 0.5, "n_step": 3, "clip_rewards": 0.25, "learn_default": True}

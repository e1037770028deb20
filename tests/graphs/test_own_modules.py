"""Classes in modules beside graph files: found, and checked before anything starts."""

from __future__ import annotations

import sys

import pytest
from support.own_modules import forgotten_modules, interpreter

from rtgraph.graphs import load_launch
from rtgraph.graphs.reading.files import SHIPPED
from rtgraph.msgs.errors import GraphError

__all__ = ["forgotten_modules"]

NODE = "from rtgraph.nodes import Node, Params\n\n\nclass {name}(Node[Params]): ...\n"
POLICY = """
class Steady:
    def __init__(self, action=0): ...
    def act(self, observation): return 0


class Idle:
    def __init__(self): ...
"""
GRAPH = """
includes:
  - graph: coordination
nodes:
  plant:
    class: rtgraph.nodes.emulator:Endless
    params: {{default: "{default}"}}
  worker:
    class: rtgraph.nodes.inference:Worker
    replicas: 2
    {python}
    params:
      plant: "${{spec:plant}}"
      policy: {{kind: scripted, policy: "{policy}", params: {params}}}
      latency: {{kind: constant, frames: 1}}
"""


def written(folder, *, policy="beside_policies:Steady", params="{}", default="noop", python="") -> str:
    (folder / "beside_policies.py").write_text(POLICY)
    (folder / "main.yaml").write_text(
        GRAPH.format(policy=policy, params=params, default=default, python=python)
    )
    return str(folder / "main.yaml")


def test_modules_beside_the_file_and_beside_those_it_includes(tmp_path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "beside_inner.py").write_text(NODE.format(name="Inner"))
    (tmp_path / "inner" / "inner.yaml").write_text("nodes:\n  inner: {class: 'beside_inner:Inner'}\n")
    (tmp_path / "beside_outer.py").write_text(NODE.format(name="Outer"))
    (tmp_path / "outer.yaml").write_text(
        "includes:\n  - graph: inner/inner.yaml\nnodes:\n  outer: {class: 'beside_outer:Outer'}\n"
    )
    plan = load_launch(tmp_path / "outer.yaml")
    assert [node.name for node in plan.nodes] == ["inner", "outer"]


def test_the_graphs_that_ship_bring_no_modules() -> None:
    load_launch("endless")
    assert str(SHIPPED) not in sys.path


@pytest.mark.parametrize(
    ("changed", "key", "says"),
    [
        ({"policy": "beside_nowhere:X"}, "nodes.worker.params", "No module named 'beside_nowhere'"),
        ({"policy": "beside_policies:X"}, "nodes.worker.params", "has no class 'X'"),
        ({"policy": "beside_policies:Idle"}, "nodes.worker.params", "has no method act"),
        ({"params": "{speed: 2}"}, "nodes.worker.params", "unexpected keyword argument 'speed'"),
        ({"default": "beside_policies:X"}, "nodes.plant.params", "has no class 'X'"),
        ({"default": "nop"}, "nodes.plant.params", "unknown default behaviour 'nop'"),
    ],
)
def test_what_cannot_be_made_is_found_by_the_check(changed, key, says, tmp_path) -> None:
    assert len(load_launch(written(tmp_path, params="{action: 1}")).nodes) == 5
    with pytest.raises(GraphError) as caught:
        load_launch(written(tmp_path, **changed))
    assert caught.value.key == key
    assert says in caught.value.problem


def test_an_interpreter_of_its_own_may_know_other_modules(tmp_path) -> None:
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "beside_nowhere.py").write_text(POLICY)
    python = interpreter(tmp_path / "python", tmp_path / "drivers")
    file = written(tmp_path, policy="beside_nowhere:Steady", python=f"python: {python}")
    assert len(load_launch(file).nodes) == 5
    with pytest.raises(GraphError, match=f"interpreter {python}: .*has no class 'X'"):
        load_launch(written(tmp_path, policy="beside_nowhere:X", python=f"python: {python}"))


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("gymnasium", {"id": "Nope-v0"}, "gymnasium environment 'Nope-v0' cannot be made"),
        ("atari", {"game": "nosuchgame"}, "game 'nosuchgame': ale-py has no such game"),
        (
            "gameboy",
            {"state": "level3"},
            "blocks has no state 'level3'. hint: the states are level0, level5, level9",
        ),
    ],
)
def test_a_world_that_cannot_be_made_is_told_with_its_place(name, arguments, says) -> None:
    with pytest.raises(GraphError, match=says) as caught:
        load_launch(name, arguments)
    assert caught.value.key == "nodes.plant.params"
    assert caught.value.line


def test_the_hint_names_params_of_the_kind_that_was_chosen(tmp_path) -> None:
    file = written(tmp_path)
    text = (tmp_path / "main.yaml").read_text()
    (tmp_path / "main.yaml").write_text(text.replace("frames: 1", "frames: 1, value_ms: 2"))
    with pytest.raises(GraphError) as caught:
        load_launch(file)
    assert caught.value.problem == "unknown param 'value_ms'"
    assert caught.value.hint == "choose from frames, kind, ms"


@pytest.mark.parametrize(
    ("arguments", "overrides", "says"),
    [
        ({}, {"duration_s": 1e300}, "should be ≤ 1000000000"),
        ({}, {"ticks": 10**30}, "should be ≤ 1000000000000"),
        ({"latency_frames": "1e300"}, {}, r"1e\+300 is above the maximum"),
        ({"rate_hz": "1e300"}, {}, r"1e\+300 is above the maximum"),
    ],
)
def test_what_would_overflow_is_refused(arguments, overrides, says) -> None:
    with pytest.raises(GraphError, match=says):
        load_launch("endless", arguments, **overrides)


def test_a_latency_of_ages_is_refused_in_a_file_of_ones_own(tmp_path) -> None:
    file = written(tmp_path)
    text = (tmp_path / "main.yaml").read_text()
    (tmp_path / "main.yaml").write_text(text.replace("frames: 1", "ms: 1e300"))
    with pytest.raises(GraphError, match=r"latency\.ms: should be ≤ 1000000000"):
        load_launch(file)


def test_one_replica_cannot_be_replaced() -> None:
    replacement = {"class": "rtgraph.nodes.inference:Worker"}
    with pytest.raises(
        GraphError, match=r"'worker/1' is one of the replicas of 'worker'.* hint: replace 'worker'"
    ):
        load_launch("endless", replace={"worker/1": replacement})
    with pytest.raises(GraphError, match="there is no node 'plant/1' to replace"):
        load_launch("endless", replace={"plant/1": replacement})


SEEN = """
from rtgraph.msgs import Message
from rtgraph.nodes import Node, Output, Params
class BesideSeen(Message):
    {field}: float
class W(Node[Params]):
    {field} = Output(BesideSeen)
"""


def test_two_message_classes_of_one_name_are_refused(tmp_path) -> None:
    for letter in "ab":
        (tmp_path / f"beside_seen_{letter}.py").write_text(SEEN.format(field=f"seen_{letter}"))
    (tmp_path / "g.yaml").write_text(
        "nodes:\n  a: {class: 'beside_seen_a:W'}\n  b: {class: 'beside_seen_b:W'}\n"
    )
    with pytest.raises(
        GraphError, match=r"two message classes are named BesideSeen.* hint: rename one"
    ) as caught:
        load_launch(tmp_path / "g.yaml")
    assert (caught.value.line, caught.value.key) == (3, "nodes.b.class")
    assert "beside_seen_a in 'a'" in caught.value.problem


@pytest.mark.parametrize("replicas", ["", "replicas: 11"])
def test_a_name_that_no_file_can_have_is_refused(replicas, tmp_path) -> None:
    (tmp_path / "beside_named.py").write_text(NODE.format(name="Named"))
    rest = f", {replicas}" if replicas else ""
    for letters, fits in ((200 - 3 * bool(replicas), True), (201 - 3 * bool(replicas), False)):
        name = "n" * letters
        (tmp_path / "g.yaml").write_text(f"nodes:\n  {name}: {{class: 'beside_named:Named'{rest}}}\n")
        if fits:
            load_launch(tmp_path / "g.yaml")
            continue
        with pytest.raises(GraphError, match=r"has 201 letters: at most 200 fit") as caught:
            load_launch(tmp_path / "g.yaml")
        assert caught.value.key == f"nodes.{name}"

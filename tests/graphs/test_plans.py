"""From files to plans: golden plans, and the effect of each part of a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rtgraph.graphs import Plan, load_launch
from rtgraph.graphs.load import arguments_of
from rtgraph.graphs.reading.files import find
from rtgraph.msgs.errors import GraphError

HERE = Path(__file__).parent
FILES = HERE / "files"
GOLDEN = HERE / "golden"

CASES = {
    "plant": ("plant.yaml", {"game": "boxing"}),
    "staggered": ("staggered.yaml", {"workers": "1"}),
    "paced": ("staggered.yaml", {"workers": "2", "method": "paced", "record": "true", "k": "4.75"}),
    "two": ("two.yaml", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_golden_plan(name) -> None:
    """To accept an intended change: ``rtgraph plan FILE name=value ... > golden/NAME.yaml``, and read the diff."""
    file, arguments = CASES[name]
    assert load_launch(FILES / file, arguments).to_yaml() == (GOLDEN / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", CASES)
def test_a_plan_survives_being_written_down(name) -> None:
    file, arguments = CASES[name]
    plan = load_launch(FILES / file, arguments)
    assert Plan.from_yaml(plan.to_yaml()) == plan
    assert Plan.from_yaml(plan.to_json()) == plan


def test_the_same_files_give_the_same_plan_in_another_folder(tmp_path) -> None:
    shutil.copytree(FILES, tmp_path / "elsewhere")
    assert (
        load_launch(tmp_path / "elsewhere" / "two.yaml").to_yaml()
        == load_launch(FILES / "two.yaml").to_yaml()
    )


@pytest.mark.parametrize(
    "text", ["[", "[]", "nodes: 3", "format: 2\nname: x\nnodes: []", "name: x\nnodes: [{name: a}]", ""]
)
def test_what_is_no_plan_is_refused(text) -> None:
    with pytest.raises(GraphError, match="plan"):
        Plan.from_yaml(text)


def load(tmp_path: Path, text: str, arguments: dict[str, str] | None = None, **options) -> Plan:
    file = tmp_path / "main.yaml"
    file.write_text(text)
    (tmp_path / "plant.yaml").write_text("nodes:\n  plant: {class: 'support.toys:Plant'}\n")
    return load_launch(file, arguments, **options)


def names(plan: Plan) -> list[str]:
    return [node.name for node in plan.nodes]


def test_included_nodes_come_first_and_indices_are_positions(tmp_path) -> None:
    plan = load(
        tmp_path,
        "nodes:\n  b: {class: 'support.toys:Recorder'}\n  a: {class: 'support.toys:Recorder'}\n"
        "includes:\n  - graph: plant.yaml\n",
    )
    assert names(plan) == ["plant", "b", "a"]
    assert [node.index for node in plan.nodes] == [0, 1, 2]


@pytest.mark.parametrize(("replicas", "expected"), [(0, []), (1, ["w/0"]), (3, ["w/0", "w/1", "w/2"])])
def test_replicas(tmp_path, replicas, expected) -> None:
    plan = load(
        tmp_path,
        f"includes: [{{graph: plant}}]\nnodes:\n  w:\n    class: support.toys:Worker\n    replicas: {replicas}\n"
        "    params: {plant: '${spec:plant}'}\n",
        graph_folders=[tmp_path],
    )
    assert names(plan) == ["plant", *expected]
    assert plan.nodes[0].inputs["decision"].publishers == tuple(expected)
    assert [(node.replica, node.replicas) for node in plan.nodes[1:]] == [
        (i, replicas) for i in range(replicas)
    ]


def test_an_input_that_must_be_fed_is_not_fed_by_no_replica(tmp_path) -> None:
    text = "nodes:\n  plant: {class: 'support.toys:Plant', replicas: 0}\n  recorder: {class: 'support.toys:Recorder'}\n"
    with pytest.raises(
        GraphError, match=r"nothing publishes 'observation'.*hint: 'plant' publishes it, but has no replicas"
    ):
        load(tmp_path, text)


def test_a_node_that_takes_what_it_publishes_receives_it(tmp_path) -> None:
    plan = load(
        tmp_path, "nodes:\n  echo: {class: 'support.toys:Echo', remap: {said: voice, heard: voice}}\n"
    )
    assert plan.nodes[0].inputs["heard"].publishers == ("echo",)


NESTED = {
    "inner.yaml": "nodes:\n  recorder:\n    class: support.toys:Recorder\n    remap: {decision: /chosen}\n",
    "middle.yaml": "includes:\n  - {graph: inner.yaml, namespace: inner, remap: {observation: seen}}\n",
    "main.yaml": "includes:\n  - {graph: middle.yaml, namespace: a/b, remap: {seen: camera/seen}}\n"
    "nodes:\n  plant:\n    class: support.toys:Plant\n    remap: {observation: camera/seen, decision: chosen}\n",
}


def test_namespaces_and_remaps_nest(tmp_path) -> None:
    for name, text in NESTED.items():
        (tmp_path / name).write_text(text)
    plan = load_launch(tmp_path / "main.yaml")
    recorder = plan.nodes[0]
    assert recorder.name == "a/b/inner/recorder"
    assert recorder.inputs["observation"].topic == "camera/seen"
    assert recorder.inputs["observation"].publishers == ("plant",)
    assert recorder.inputs["decision"].topic == "chosen"


def test_a_graph_used_twice_is_two_graphs() -> None:
    plan = load_launch(FILES / "two.yaml", {"n": "1"})
    assert names(plan)[:3] == ["left/plant", "left/worker/0", "left/pacer"]
    assert set(plan.weights) == {"left/policy", "right/policy"}
    assert plan.nodes[1].params["weights"] == "left/policy"


def test_a_replacement_brings_its_own_spec_and_keeps_name_and_topics() -> None:
    plan = load_launch(FILES / "two.yaml")
    nodes = {node.name: node for node in plan.nodes}
    assert nodes["right/plant"].node == "support.toys:Robot"
    assert nodes["right/plant"].outputs["observation"] == "left/observation2"
    assert nodes["right/worker/0"].params["rate_hz"] == 50.0
    assert plan.weights["right/policy"].spec.observation.shape == (64, 64)


def test_overrides_win(tmp_path) -> None:
    plan = load_launch(
        FILES / "two.yaml",
        {"n": "4"},
        seed=7,
        ticks=9,
        duration_s=1.5,
        replace={"right/plant": {"class": "support.toys:Plant"}},
    )
    assert (plan.world, plan.seed, plan.ticks, plan.duration_s) == ("virtual", 7, 9, 1.5)
    assert plan.arguments == {"n": 4}
    assert {node.node for node in plan.nodes if node.name.endswith("/plant")} == {"support.toys:Plant"}
    assert all(weights.seed == 7 for weights in plan.weights.values())


def test_what_is_replaced_need_not_exist(tmp_path) -> None:
    text = "nodes:\n  plant: {class: 'no_such_module:Plant'}\n  recorder: {class: 'support.toys:Recorder'}\n"
    plan = load(tmp_path, text, replace={"plant": {"class": "support.toys:Plant"}})
    assert plan.nodes[0].node == "support.toys:Plant"


def test_a_switched_off_part_may_refer_to_what_is_not_there(tmp_path) -> None:
    text = """
arguments: {robot: {type: bool, default: false}}
includes:
  - graph: plant.yaml
  - {graph: nowhere.yaml, if: "${robot}", arguments: {port: "${env:ROBOT_PORT}"}}
nodes:
  arm: {class: "no_such_module:Arm", if: "${robot} == true", params: {port: "${env:ROBOT_PORT}"}}
"""
    assert names(load(tmp_path, text, environment={})) == ["plant"]


def test_a_remap_for_a_switched_off_node_is_let_pass(tmp_path) -> None:
    (tmp_path / "inner.yaml").write_text(
        "nodes:\n  plant: {class: 'support.toys:Plant'}\n  pacer: {class: 'support.toys:Pacer', if: false}\n"
    )
    plan = load(tmp_path, "includes: [{graph: inner.yaml, remap: {assignment: claims}}]\n")
    assert names(plan) == ["plant"]


def test_settings_may_be_references(tmp_path) -> None:
    text = """
arguments:
  world: {type: str, default: realtime}
  ticks: {type: int, default: null}
description: in ${world}
graphs: [{graph: plant.yaml}]
world: ${world}
seed: ${env:SEED}
ticks: ${ticks}
"""
    plan = load(tmp_path, text, {"world": "virtual"}, environment={"SEED": "12"})
    assert (plan.world, plan.seed, plan.ticks) == ("virtual", 12, None)
    assert plan.description == "in virtual"
    assert load(tmp_path, text, {"ticks": "5"}, environment={"SEED": "0"}).ticks == 5


def test_anchors_and_merges_work(tmp_path) -> None:
    text = """
nodes:
  first: &first
    class: support.toys:Plant
    params: &fast {rate_hz: 120, game: boxing}
  second:
    <<: *first
    params: {<<: *fast, game: pong}
    remap: {observation: other}
"""
    first, second = load(tmp_path, text).nodes
    assert first.params == {"game": "boxing", "rate_hz": 120.0}
    assert second.params == {"game": "pong", "rate_hz": 120.0}


def test_words_that_older_yaml_takes_for_truth_are_text(tmp_path) -> None:
    text = "nodes:\n  r: {class: 'support.toys:Free', params: {options: {a: on, b: no, c: 12:30, d: 1e-3, e: 0x10}}}\n"
    plan = load(tmp_path, text)
    assert plan.nodes[0].params["options"] == {"a": "on", "b": "no", "c": "12:30", "d": 0.001, "e": 16}
    assert Plan.from_yaml(plan.to_yaml()) == plan


def test_the_arguments_of_a_file() -> None:
    arguments = arguments_of(FILES / "staggered.yaml")
    assert list(arguments) == ["game", "workers", "method", "record", "k"]
    assert (arguments["workers"].type, arguments["workers"].default) == ("int", 6)


def test_a_name_finds_a_file_in_the_folders() -> None:
    assert find("staggered", [HERE, FILES]) == FILES / "staggered.yaml"
    assert find(FILES / "two.yaml", []) == FILES / "two.yaml"


TEXTS = [path.read_text() for path in sorted(FILES.glob("*.yaml"))]


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """Return a graph or launch file with parts cut, duplicated or replaced by other parts."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        put = draw(
            st.sampled_from(
                [
                    "",
                    text[start:end] * 2,
                    "${",
                    "}",
                    "[",
                    ": ",
                    "- ",
                    "\n",
                    "&a ",
                    "*a",
                    "'",
                    "null",
                    "-1",
                    "\0",
                ]
            )
        )
        text = text[:start] + put + text[end:]
    return text


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutilated())
@example(text="nodes: {a: {class: '${spec:a}'}}")
@example(text="arguments: {a: {type: int, default: " + "9" * 5000 + "}}")
@example(text='description: "\\ud800"')
@example(text='description: "\\UFFFFFFFF"')
@example(text="includes: [{graph: '\\0'}, {graph: ''}]")
@example(text="[" * 3000)
@example(text="? [a]\n: b")
@example(text="a: !!int x")
@example(text="a: {<<: [1]}")
@example(text="a: &a {<<: *a}")
@example(text="!!set {nodes}")
@example(text="%YAML 9.9\n---\nnodes: {}")
def test_a_mutilated_file_gives_a_plan_or_a_graph_error(text, tmp_path) -> None:
    for path in FILES.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    file = tmp_path / "mutilated.yaml"
    file.write_text(text, newline="")
    plan = None
    told = ""
    try:
        plan = load_launch(file, environment={})
    except GraphError as error:
        told = str(error)
    if plan is None:
        assert told.startswith(str(tmp_path)), "an error says in which file"
    else:
        assert Plan.from_yaml(plan.to_yaml()) == plan


def test_golden_plans_hold_no_path_of_this_machine() -> None:
    for path in GOLDEN.glob("*.yaml"):
        assert str(HERE.parents[1]) not in path.read_text()
        assert yaml.safe_load(path.read_text())["format"] == 1


def test_an_exposed_graph_gives_and_takes_arguments(tmp_path) -> None:
    (tmp_path / "inner.yaml").write_text(
        "arguments: {game: {type: str, default: pong}, k: {type: int, default: 1}, other: {type: int, default: 5}}\n"
        "nodes:\n"
        "  free: {class: 'support.toys:Free', params: {options: {game: '${game}', k: '${k}'}}}\n"
        "  more: {class: 'support.toys:Free', if: '${k} == 2 and ${game} != pong', params: {options: {o: '${other}'}}}\n"
    )
    outer = tmp_path / "outer.yaml"
    outer.write_text(
        "arguments: {k: {type: int, default: 3}}\n"
        "graphs:\n  - {graph: ./inner.yaml, expose: true, arguments: {game: boxing}}\n"
    )
    assert list(arguments_of(outer)) == ["k", "other"]
    assert load_launch(outer).nodes[0].params["options"] == {"game": "boxing", "k": 3}
    assert [node.name for node in load_launch(outer, {"k": "2"}).nodes] == ["free", "more"]
    with pytest.raises(GraphError, match="has no effect: ") as told:
        load_launch(outer, {"other": "7"}, effective=True)
    assert told.value.key == "arguments.other"
    assert told.value.hint == "leave it out: it has an effect only with `k == 2`"
    with pytest.raises(GraphError, match="unknown argument 'game'"):
        load_launch(outer, {"game": "krull"})
    load_launch(outer, {"other": "7", "k": "2"}, effective=True)


def test_two_exposed_graphs_must_agree(tmp_path) -> None:
    for name, default in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.yaml").write_text(
            f"arguments: {{k: {{type: int, default: {default}}}}}\nnodes: {{{name}: {{class: 'support.toys:Free'}}}}\n"
        )
    outer = tmp_path / "outer.yaml"
    text = "includes:\n  - {graph: ./one.yaml, expose: true}\n  - {graph: ./two.yaml, expose: true}\n"
    outer.write_text(text)
    with pytest.raises(GraphError, match="argument 'k' is declared differently"):
        load_launch(outer)
    outer.write_text("arguments: {k: {type: int, default: 4}}\n" + text)
    assert arguments_of(outer)["k"].default == 4

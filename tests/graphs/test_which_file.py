"""The file of a module: the one beside the graph file that names it; an error if two files match."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from support.own_modules import forgotten_modules, write_class, write_graph

from rtgraph.graphs import Plan, load_launch
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.classes.imports import class_at, module_of

__all__ = ["forgotten_modules"]


def file_of(node_class: str) -> Path:
    return Path(sys.modules[load_class(node_class).__module__].__file__)


def both(folder: Path, left: str, right: str) -> Path:
    write_graph(folder / "left" / "g.yaml", left, node="one")
    write_graph(folder / "right" / "g.yaml", right, node="two")
    (folder / "main.yaml").write_text(
        "includes:\n  - {graph: left/g.yaml, namespace: left}\n  - {graph: right/g.yaml, namespace: right}\n"
    )
    return folder / "main.yaml"


def test_two_files_of_one_name_are_refused_with_both(tmp_path) -> None:
    write_class(tmp_path / "left" / "camera.py")
    write_class(tmp_path / "right" / "camera.py", 2.0)
    with pytest.raises(
        GraphError, match=r"module 'camera' is two different files: .*left/camera.py.*right/camera.py"
    ) as caught:
        load_launch(both(tmp_path, "camera:Beside", "camera:Beside"))
    assert caught.value.key == "nodes.two.class"
    assert caught.value.hint == "rename one of the files, or put each into a package of another name"


def test_packages_of_other_names_are_the_way_out(tmp_path) -> None:
    write_class(tmp_path / "left" / "beside_l" / "camera.py")
    write_class(tmp_path / "right" / "beside_r" / "camera.py", 2.0, name="Other")
    load_launch(both(tmp_path, "beside_l.camera:Beside", "beside_r.camera:Other"))
    assert file_of("beside_l.camera:Beside").parent.parent.name == "left"
    assert file_of("beside_r.camera:Other").parent.parent.name == "right"


def test_two_copies_of_one_file_are_one_module(tmp_path) -> None:
    write_class(tmp_path / "left" / "camera.py")
    write_class(tmp_path / "right" / "camera.py")
    assert len(load_launch(both(tmp_path, "camera:Beside", "camera:Beside")).nodes) == 2


def test_what_modules_import_beside_them_is_theirs_too(tmp_path) -> None:
    for side, name in (("left", "One"), ("right", "Two")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "helper.py").write_text(f"WHO = {side!r}\n")
        write_class(tmp_path / side / f"beside_{side}.py", name=name, head="import helper")
    with pytest.raises(
        GraphError, match=r"module 'helper' is two different files: .*left/helper.py.*right/helper.py"
    ):
        load_launch(both(tmp_path, "beside_left:One", "beside_right:Two"))
    (tmp_path / "right" / "helper.py").unlink()
    write_class(tmp_path / "right" / "beside_right.py", name="Two")
    load_launch(both(tmp_path, "beside_left:One", "beside_right:Two"))
    assert class_at("beside_left:One").__module__ == "beside_left"


def test_the_file_beside_the_graph_wins_over_that_of_the_current_folder(tmp_path, monkeypatch) -> None:
    write_class(tmp_path / "here" / "camera.py", 2.0)
    beside = write_class(tmp_path / "graphs" / "camera.py")
    graph = write_graph(tmp_path / "graphs" / "g.yaml", "camera:Beside")
    monkeypatch.chdir(tmp_path / "here")
    load_launch(graph)
    assert file_of("camera:Beside") == beside


def test_the_current_folder_comes_next(tmp_path, monkeypatch) -> None:
    here = write_class(tmp_path / "here" / "camera.py", 2.0)
    graph = write_graph(tmp_path / "graphs" / "g.yaml", "camera:Beside")
    monkeypatch.chdir(tmp_path / "here")
    plan = load_launch(graph)
    assert file_of("camera:Beside") == here
    assert (plan.modules["camera"].file, plan.modules["camera"].beside) == ("camera.py", "current folder")


@pytest.mark.parametrize("name", ["signal", "numpy", "sys"])
def test_the_name_of_an_installed_module_is_refused_with_both_files(name, tmp_path) -> None:
    write_class(tmp_path / f"{name}.py")
    with pytest.raises(
        GraphError, match=rf"module '{name}' is .*/{name}\.py in the graph, but .* hint: rename {name}\.py"
    ):
        load_launch(write_graph(tmp_path / "g.yaml", f"{name}:Beside"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_letters_with_accents_are_one_however_they_are_written(form, asked, tmp_path) -> None:
    written = write_class(tmp_path / unicodedata.normalize(form, "café.py"))
    load_launch(write_graph(tmp_path / "g.yaml", unicodedata.normalize(asked, "café:Beside")))
    assert file_of("café:Beside") == written


def test_beside_a_link_and_beside_its_target(tmp_path) -> None:
    target = write_graph(tmp_path / "real" / "g.yaml", "camera:Beside")
    there = write_class(tmp_path / "real" / "camera.py")
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "g.yaml"
    link.symlink_to(target)
    load_launch(link)
    assert file_of("camera:Beside") == there
    write_class(tmp_path / "links" / "camera.py", 2.0)
    with pytest.raises(
        GraphError,
        match=r"module 'camera' could be either of two files: .*links/camera.py, in .* or .*real/camera.py, in ",
    ):
        load_launch(link)


def test_a_file_that_was_changed_is_imported_anew(tmp_path) -> None:
    file = tmp_path / "camera.py"
    graph = write_graph(tmp_path / "g.yaml", "camera:Beside")
    digests = set()
    for limit in (1, 2):
        write_class(file, head=f"LIMIT = {limit}")
        digests.add(load_launch(graph).modules["camera"].digest)
        assert limit == module_of("camera").LIMIT
    assert len(digests) == 2


def test_the_plan_says_which_file_and_no_path_of_the_host(tmp_path, monkeypatch) -> None:
    write_class(tmp_path / "graphs" / "arm" / "camera.py")
    graph = write_graph(tmp_path / "graphs" / "g.yaml", "arm.camera:Beside")
    plan = load_launch(graph)
    assert plan.modules["arm"].file == "arm"
    assert str(tmp_path) not in plan.to_yaml()
    assert Plan.from_yaml(plan.to_yaml()) == plan
    monkeypatch.chdir(tmp_path)
    assert load_launch("graphs/g.yaml").to_yaml() == plan.to_yaml()
    assert "modules" not in load_launch("endless").to_yaml()


def test_classes_that_params_name_are_beside_the_file_too(tmp_path, monkeypatch) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "here").mkdir()
    for folder, action in (("graphs", 1), ("here", 2)):
        (tmp_path / folder / "steady.py").write_text(
            f"class Steady:\n    action = {action}\n    def act(self, observation): return {action}\n"
        )
    (tmp_path / "graphs" / "g.yaml").write_text(
        "includes:\n  - graph: coordination\nnodes:\n  plant: {class: 'rtgraph.nodes.emulator:Endless'}\n"
        "  worker:\n    class: rtgraph.nodes.inference:Worker\n    params:\n      plant: '${spec:plant}'\n"
        "      policy: {kind: scripted, policy: 'steady:Steady'}\n      latency: {kind: constant, frames: 1}\n"
    )
    monkeypatch.chdir(tmp_path / "here")
    plan = load_launch(tmp_path / "graphs" / "g.yaml")
    assert plan.modules["steady"].file == "steady.py"
    assert class_at("steady:Steady").action == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("x = 1\n1 / 0\n", r"importing 'broken' failed: broken.py:2: ZeroDivisionError"),
        ("def f(:\n", r"importing 'broken' failed: broken.py:1: SyntaxError"),
        ("import sys\nsys.exit(3)\n", r"importing 'broken' failed: broken.py:2: SystemExit: 3"),
        (
            "from rtgraph.nodes import Params\nclass P(Params):\n    gain = 1.0\n",
            r"importing 'broken' failed: broken.py:2: PydanticUserError: A non-annotated attribute",
        ),
        (
            "from rtgraph.msgs import Discrete\nACTIONS = Discrete(count=0)\n",
            r"importing 'broken' failed: broken.py:2: Discrete.count: should be ≥ 1, not 0",
        ),
    ],
)
def test_what_fails_while_it_is_imported_is_one_line_with_its_place(body, says, tmp_path) -> None:
    (tmp_path / "broken.py").write_text(body)
    with pytest.raises(GraphError, match=says) as caught:
        load_launch(write_graph(tmp_path / "g.yaml", "broken:X"))
    assert "\n" not in str(caught.value)


def test_a_name_that_is_nearly_right_is_named(tmp_path, monkeypatch) -> None:
    write_class(tmp_path / "camera.py")
    with pytest.raises(GraphError, match="did you mean 'camera'"):
        load_launch(write_graph(tmp_path / "g.yaml", "camra:Beside"))

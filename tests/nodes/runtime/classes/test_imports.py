"""The user's modules: found in folders after the installed ones, which they never replace."""

from __future__ import annotations

import importlib
import sys

import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.classes import imports
from rtgraph.nodes.runtime.classes.imports import class_at, look_in, looked_in, module_of


@pytest.fixture(autouse=True)
def own_path(monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(imports, "_folders", [])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_modules_are_found_where_one_says(tmp_path) -> None:
    (tmp_path / "own_module_a.py").write_text("class Thing: ...\n")
    with pytest.raises(
        NodeError, match=r"No module named .* hint: put it beside the graph file, or set PYTHONPATH"
    ):
        module_of("own_module_a")
    look_in(tmp_path, tmp_path, tmp_path / "not there")
    assert class_at("own_module_a:Thing").__name__ == "Thing"
    assert looked_in() == (str(tmp_path),)
    assert sys.path.count(str(tmp_path)) == 1


def test_what_is_installed_comes_first(tmp_path) -> None:
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('in the way')\n")
    look_in(tmp_path)
    importlib.invalidate_caches()
    sys.modules.pop("colorsys", None)
    assert str(tmp_path) not in (module_of("colorsys").__file__ or "")


def test_what_a_module_lacks_is_told_as_such(tmp_path) -> None:
    (tmp_path / "own_module_b.py").write_text("import no_such_driver\n")
    look_in(tmp_path)
    with pytest.raises(
        NodeError, match=r"No module named 'no_such_driver'. hint: own_module_b imports it: install it"
    ):
        module_of("own_module_b")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("Thing", "'Thing' is not a class path. hint: write package.module:Class"),
        ("own_module_c:Nothing", "module 'own_module_c' has no class 'Nothing'"),
        ("own_module_c:value", "module 'own_module_c' has no class 'value'"),
        (
            "own_module_d:Thing",
            "importing 'own_module_d' failed: own_module_d.py:1: ZeroDivisionError: division by zero",
        ),
        ("own_module_e:Thing", "importing 'own_module_e' failed: own_module_e.py:1: SyntaxError"),
    ],
)
def test_what_is_no_class_is_refused(path, says, tmp_path) -> None:
    (tmp_path / "own_module_c.py").write_text("value = 1\n")
    (tmp_path / "own_module_d.py").write_text("1 / 0\n")
    (tmp_path / "own_module_e.py").write_text("class\n")
    look_in(tmp_path)
    with pytest.raises(NodeError, match=says):
        class_at(path)

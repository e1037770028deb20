"""Node classes are found by reading source, through bases in other modules; modules without one are not imported."""

from __future__ import annotations

import sys

import pytest

from rtgraph.launch.catalog import node_classes

MODULES = {
    "__init__.py": "",
    "base.py": """
from typing import TypeVar
from rtgraph.nodes.runtime import Node, Params

class BaseParams(Params): ...
P = TypeVar("P", bound=BaseParams)

class Base(Node[P]): ...
""",
    "inner/__init__.py": "",
    "inner/leaf.py": """
import catalogued.base as base

class Leaf(base.Base[base.BaseParams]): ...
class _Private(Leaf): ...
class Helper: ...
""",
    "optional.py": """
import no_such_driver
from catalogued.base import Base, BaseParams

class Driven(Base[BaseParams]): ...
""",
    "heavy.py": "raise RuntimeError('imported for nothing')\nclass Network: ...\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        file = tmp_path / "catalogued" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "catalogued"
    for name in [name for name in sys.modules if name.partition(".")[0] == "catalogued"]:
        del sys.modules[name]


def test_node_classes_are_found(package) -> None:
    found = node_classes(package)
    assert [item.path for item in found] == ["catalogued.inner.leaf:Leaf", "catalogued.optional:Driven"]
    assert found[0].node_type is not None
    assert found[1].node_type is None
    assert "no_such_driver" in found[1].problem
    assert "catalogued.heavy" not in sys.modules


def test_a_package_that_is_not_there_has_none() -> None:
    assert node_classes("no_such_package") == []

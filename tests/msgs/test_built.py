import pytest
from pydantic import BaseModel

from rtgraph.msgs import Message, Record
from rtgraph.msgs.declaration import build_all, built


def _class(module: str) -> type[BaseModel]:
    return type("Sample", (Record,), {"__module__": module, "__annotations__": {"value": int}})


@pytest.mark.parametrize(("module", "at_once"), [("rtgraph.sample", False), ("somebody.sample", True)])
def test_only_classes_of_others_are_built_when_they_are_defined(module, at_once):
    assert _class(module).__pydantic_complete__ is at_once


def test_built_builds_and_returns_the_class():
    made = _class("rtgraph.sample")

    assert built(made) is made
    assert made.__pydantic_complete__


def test_build_all_builds_subclasses_of_subclasses():
    made = type("Nested", (_class("rtgraph.sample"),), {"__module__": "rtgraph.sample"})

    build_all()

    assert made.__pydantic_complete__
    assert Message.__pydantic_complete__

"""Arguments: text is parsed by the declared type, values keep their type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.graphs.reading.arguments import ArgumentEntry, resolved
from rtgraph.graphs.reading.positions import Document
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.text import Typed

TOP = Document("x.yaml", {}, {(): 1}).top


def value(given_value, **declared):
    return resolved({"x": ArgumentEntry(**declared)}, TOP, {"x": given_value})["x"]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("int", "6", 6),
        ("int", "-1", -1),
        ("float", "6", 6.0),
        ("float", "1e-3", 0.001),
        ("str", "6", "6"),
        ("str", "", ""),
        ("bool", "true", True),
        ("bool", "False", False),
    ],
)
def test_text_is_parsed(kind, text, expected) -> None:
    found = value(Typed(text), type=kind)
    assert found == expected
    assert isinstance(found, type(expected))


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        ("int", "6.0"),
        ("int", True),
        ("int", 1.0),
        ("int", [1]),
        ("int", "9" * 5000),
        ("float", "nan"),
        ("float", "inf"),
        ("float", True),
        ("bool", 1),
        ("bool", "1"),
        ("str", 6),
    ],
)
def test_other_types_are_refused(kind, given_value) -> None:
    with pytest.raises(GraphError, match="should be"):
        value(given_value, type=kind)


@given(st.integers(-(10**12), 10**12))
def test_a_whole_number_survives_text(number) -> None:
    assert value(Typed(number), type="int") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_text(number) -> None:
    assert value(Typed(number), type="float") == number


def test_defaults_come_in_the_order_of_declaration() -> None:
    declared = {"b": ArgumentEntry(type="int", default=1), "a": ArgumentEntry(type="float", default=2)}
    assert list(resolved(declared, TOP, {"a": Typed("3")}).items()) == [("b", 1), ("a", 3.0)]


def test_null_is_text_unless_text_may_be_none() -> None:
    assert value(Typed("null"), type="str") == "null"
    assert value(Typed("null"), type="str", default="x") == "null"
    assert value(Typed("null"), type="str", default=None) is None
    assert value(Typed("null"), type="int", default=1) is None


def test_a_default_of_null_means_none() -> None:
    assert resolved({"x": ArgumentEntry(type="int", default=None)}, TOP, {}) == {"x": None}

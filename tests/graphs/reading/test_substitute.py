"""References: types kept, text interpolated, escapes, conditions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.graphs.reading.positions import Document
from rtgraph.graphs.reading.substitute import References, escaped, false_parts, substitute
from rtgraph.msgs.errors import GraphError

TOP = Document("x.yaml", {}, {(): 1}).top
ARGUMENTS = {"n": 6, "f": 1.5, "t": "none", "b": True, "nothing": None, "list": [1, 2], "odd": "${n}"}
REFERENCES = References(ARGUMENTS, {"HOME": "/home/me", "EMPTY": ""})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${n}", 6),
        ("${f}", 1.5),
        ("${b}", True),
        ("${nothing}", None),
        ("${list}", [1, 2]),
        ("${env:HOME}", "/home/me"),
        ("${env:EMPTY}", ""),
        ("${n} ", "6 "),
        ("a-${n}-${b}-${nothing}", "a-6-true-null"),
        ("$${n}", "${n}"),
        ("$$${n}", "$${n}"),
        ("$n $ {n} }{ $", "$n $ {n} }{ $"),
        ("${odd}", "${n}"),
        ("${odd}!", "${n}!"),
        ("", ""),
    ],
)
def test_references(text, value) -> None:
    found = substitute({"a": [text, 1]}, TOP, REFERENCES)
    assert found == {"a": [value, 1]}
    assert isinstance(found["a"][0], type(value))


@pytest.mark.parametrize(
    "text", ["${", "${}", "${n", "${ n }", "${${n}}", "a ${list}", "${N}", "${env:NONE}", "${x:y}"]
)
def test_bad_references(text) -> None:
    with pytest.raises(GraphError):
        substitute(text, TOP, REFERENCES)


@given(st.text(alphabet="${}nab:\\ é", max_size=40) | st.text())
def test_escaped_text_comes_back(text) -> None:
    assert substitute(escaped(text), TOP, REFERENCES) == text


@given(st.text(alphabet="${}nab", max_size=20), st.text(alphabet="${}nab", max_size=20))
def test_a_reference_stands_among_escaped_text(before, after) -> None:
    # A $ right before a reference would make it an escape.
    before = before.rstrip("$")
    assert substitute(f"{escaped(before)}${{n}}{escaped(after)}!", TOP, REFERENCES) == f"{before}6{after}!"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_an_argument_of_any_shape_arrives_as_it_is(value) -> None:
    references = References({"x": value})
    assert substitute({"a": ["${x}"]}, TOP, references) == {"a": [value]}


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("${b}", True),
        ("${b} == true", True),
        ("${t} != none", False),
        ("${t}==none", True),
        ("${n} == 6", True),
        ("${n} == 6.0", True),
        ("${f} != 1.50", False),
        ("${n} == six", False),
        ("${nothing} == null", True),
        ("${env:HOME} == /home/me", True),
        ("a == b", False),
        ("$${n} == ${odd}", True),
    ],
)
def test_conditions(condition, truth) -> None:
    assert (false_parts(condition, TOP, REFERENCES) == ()) is truth


@pytest.mark.parametrize(
    "condition", ["", "yes", "${n}", "${t}", "a = b", "== b", "a ==", "a == b != c", "${x} == 1"]
)
def test_bad_conditions(condition) -> None:
    with pytest.raises(GraphError):
        false_parts(condition, TOP, REFERENCES)


def test_the_false_parts_of_a_condition_are_named() -> None:
    condition = "${t} == none and ${n} == 7 and ${b} == false"
    assert false_parts(condition, TOP, REFERENCES) == ("${n} == 7", "${b} == false")
    assert false_parts(False, TOP, REFERENCES) == ("true",)


def test_the_first_reference_that_is_not_null_counts():
    references = References({"none": None, "gate": "latest", "stagger": "paced", "zero": 0})
    found = [
        substitute(text, TOP, references)
        for text in (
            "${none|gate}",
            "${gate|stagger}",
            "${none|none}",
            "${zero|gate}",
            "${none|gate_of:stagger}",
        )
    ]
    assert found == ["latest", "latest", None, 0, "playout"]


def test_the_gate_of_an_unknown_method_is_refused():
    with pytest.raises(GraphError, match="unknown stagger method 'pased'"):
        substitute("${gate_of:stagger}", TOP, References({"stagger": "pased"}))

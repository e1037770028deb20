"""Messages made from JSON: every element exactly, or an error."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.examples import examples
from support.typed import Everything

from rtgraph.msgs.typed.json_arrays import array_of, message_of
from rtgraph.msgs.typed.strict import complaint


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"bytes_": [1.9]}, "bytes_: an element of uint8 should be a whole number, not 1.9"),
        ({"bytes_": [2.0]}, "should be a whole number"),
        ({"bytes_": [256]}, "256 is out of range for uint8: 0 to 255"),
        ({"bytes_": [-1]}, "-1 is out of range for uint8"),
        ({"bytes_": [True]}, "should be a whole number, not True"),
        ({"bytes_": ["1"]}, "should be a whole number, not '1'"),
        ({"bytes_": [None]}, "not nothing"),
        ({"flags": ["false"]}, "should be true or false, not 'false'"),
        ({"flags": [0]}, "should be true or false, not 0"),
        ({"reals": [1e300]}, "out of range for float32"),
        ({"reals": [1e-300]}, "rounds it to 0"),
        ({"reals": [True]}, "should be a number, not True"),
        ({"wholes": [[1], [1, 2]]}, "equally long"),
        ({"wholes": [[1], 2]}, "equally long"),
        ({"wholes": [1, [2]]}, "equally deep"),
        ({"wholes": [1]}, "shape"),
        ({"bytes_": 5}, "shape"),
        (
            {"bytes_": {"dtype": "int8", "shape": [1], "data": [1]}},
            "should be an array of uint8, not of int8",
        ),
        ({"bytes_": {"dtype": "object", "shape": [1], "data": [1]}}, "an array of 'object' cannot be sent"),
        ({"bytes_": {"dtype": ["uint8"], "shape": [1], "data": [1]}}, "cannot be sent; the dtypes are"),
        ({"bytes_": {"dtype": "uint8", "shape": [3], "data": [1]}}, "do not fit an array of shape"),
        ({"bytes_": {"dtype": "uint8", "shape": [-1], "data": [1]}}, "a list of lengths"),
        ({"bytes_": {"dtype": "uint8", "shape": [1]}}, "an object of data, dtype, shape"),
        ({"some": [2**63, -1]}, "out of range for uint64"),
        ({"some": [True, 1.5]}, "should be a number, not True"),
        ({"parts": {"a": [128]}}, "128 is out of range for int8"),
        ({"whole": 1.5}, "whole number"),
        ({"whole": True}, "whole number"),
        ({"real": "1"}, "number"),
        ({"flag": 1}, "true or false"),
        ({"small": 10}, "should be ≤ 9"),
        ({"pair": [1]}, "missing '1'"),
        ({"bytes_": [[[[[[[[[1]]]]]]]]]}, "at most 8 dimensions"),
    ],
)
def test_what_does_not_fit_is_refused(fields, says):
    with pytest.raises(ValueError, match=r"(?s).") as caught:
        message_of(Everything, fields)
    error = caught.value
    told = complaint(error.errors()[0])[0] if isinstance(error, ValidationError) else str(error)
    assert says in told


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([True], None, np.array([True])),
        ([1, 2], None, np.array([1, 2], np.int64)),
        ([2**63], None, np.array([2**63], np.uint64)),
        ([1, 2.5], None, np.array([1, 2.5])),
        ([], None, np.zeros(0)),
        (5, "uint8", np.array(5, np.uint8)),
        ([0.1], "float32", np.array([0.1], np.float32)),
        ([float("inf")], "float32", np.array([np.inf], np.float32)),
        ([[], []], "int8", np.zeros((2, 0), np.int8)),
    ],
)
def test_lists_become_arrays(value, dtype, expected):
    found = array_of(value, dtype)
    assert (found.dtype, found.shape, found.tolist()) == (expected.dtype, expected.shape, expected.tolist())


def test_parts_and_optional_fields_are_arrays_too():
    found = message_of(Everything, {"parts": {"a": [-1, 2]}, "some": [[1.5]], "pair": [1, 2]})
    assert (found.parts["a"].dtype, found.parts["a"].tolist()) == (np.int8, [-1, 2])
    assert (found.some.dtype, found.some.tolist(), found.pair) == (np.float64, [[1.5]], (1, 2.0))
    described = {"dtype": "int64", "shape": [2, 1], "data": [1, 2]}
    assert message_of(Everything, {"wholes": described}).wholes.tolist() == [[1], [2]]


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**65), 2**65),
        st.integers(-3, 300),
        st.floats(),
        st.text(max_size=3),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dtype", "shape", "data", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [name for name in Everything.model_fields if name != "header"]


@examples(100)
@given(st.dictionaries(st.sampled_from(FIELDS), values, max_size=2))
def test_a_message_holds_what_was_given_or_is_refused(fields):
    try:
        message = message_of(Everything, fields)
    except ValueError:
        return
    for name, given_value in fields.items():
        found = getattr(message, name)
        assert same(found, given_value), f"{name}: {given_value!r} became {found!r}"


def same(found, value):
    """Return whether a value equals the given one, types included; array floats are rounded to the array's dtype."""
    if isinstance(found, np.ndarray):
        if isinstance(value, dict):
            value = value["data"]
        flat, elements = found.ravel().tolist(), list(leaves(value))
        return len(flat) == len(elements) and all(
            same(one, np.dtype(found.dtype).type(other).item() if found.dtype.kind == "f" else other)
            for one, other in zip(flat, elements, strict=True)
        )
    if isinstance(found, dict):
        return found.keys() == value.keys() and all(same(found[key], value[key]) for key in value)
    if isinstance(found, (list, tuple)):
        return len(found) == len(value) and all(map(same, found, value))
    if isinstance(found, float):
        return type(value) in (int, float) and (
            found == value or (found != found and value != value) or abs(found - value) < abs(found) * 1e-15
        )
    return type(found) is type(value) and found == value


def leaves(value):
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def test_the_message_travels():
    json.dumps(message_of(Everything, {"reals": [0.1]}).model_dump(mode="json"))

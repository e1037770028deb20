"""Values and declared types: no value is converted to fit."""

import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from rtgraph.msgs.typed.strict import complaint, from_json, strict
from rtgraph.msgs.typed.text import Typed


class Colour(enum.Enum):
    RED = "red"


def checked(kind, value):
    return strict(TypeAdapter(kind), value)


def problem(kind, value):
    with pytest.raises(ValidationError) as caught:
        checked(kind, value)
    return complaint(caught.value.errors()[0])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((int, value) for value in (True, 1.0, "5", None, [1])),
        *((float, value) for value in (True, "1.5", None)),
        *((bool, value) for value in (1, 0, "true", "on", None)),
        *((str, value) for value in (1, True, None, ["a"])),
        (tuple[int, ...], "1,2"),
        (int | None, "null"),
    ],
)
def test_a_value_of_another_type_is_refused(kind, value):
    assert "should be" in problem(kind, value)[0]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (float, 5, 5.0),
        (tuple[int, ...], [1, 2], (1, 2)),
        (Path, "a/b", Path("a/b")),
        (Colour, "red", Colour.RED),
        (set[str], ["a"], {"a"}),
        (Any, {"a": [1, "5", None]}, {"a": [1, "5", None]}),
    ],
)
def test_what_a_file_can_write_only_in_one_way_fits(kind, value, expected):
    found = checked(kind, value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        *(
            (str, text, text)
            for text in ("off", "no", "010", "12:30", "a # c", "2024-01-01", "null", "", "true", "[1]")
        ),
        (int, "010", 10),
        (float, "5", 5.0),
        (bool, "TRUE", True),
        (int | None, "null", None),
        (str | None, "none", None),
        (str | None, "off", "off"),
        (Literal["none", "paced"], "none", "none"),
        (Literal[1, 2], "2", 2),
        (int | Literal["auto"], "7", 7),
        (int | Literal["auto"], "auto", "auto"),
        (int | float, "1.5", 1.5),
        (bool | int, "1", 1),
        (int | str, "5", "5"),
        (Any, "5", "5"),
        (dict[str, Any], '{"a": 010}', None),
        (dict[str, Any], '{"a": 10}', {"a": 10}),
        (tuple[str, ...], "a,off", ("a", "off")),
        (tuple[str, ...], "", ()),
        (list[int], "1,2", [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], "1,x", None),
        (list[bool], "[1]", None),
        (int, "1e3", None),
        (int, "9" * 30, None),
        (float, "nan", None),
        (bool, "on", None),
        (Annotated[int, Field(le=3)], "4", None),
        (int, "", None),
    ],
)
def test_typed_text_is_read_by_the_declared_type(kind, text, expected):
    if expected is None and kind not in (int | None, str | None):
        problem(kind, Typed(text))
    else:
        found = checked(kind, Typed(text))
        assert (found, type(found)) == (expected, type(expected))


def test_a_choice_that_nearly_fits_is_hinted_at():
    assert problem(Literal["paced", "none"], Typed("pased")) == (
        "should be 'paced' or 'none', not 'pased'",
        "did you mean 'paced'?",
    )
    assert problem(int, "5") == ("should be a whole number, not '5'", "leave out the quotes")
    assert problem(str, 5) == ("should be text, not 5", "quote it")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1, "a": 2}', "'a' is given twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "NaN is not a finite number"),
        ('{"a": 1e999}', "too large for a float"),
        (f'{{"a": {"9" * 30}}}', "64 bits"),
        ('{"a": "\udcff"}', "not UTF-8"),
        ("{", "Expecting"),
    ],
)
def test_json_that_says_nothing_definite_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        from_json(text)


def test_half_a_character_and_endless_nesting_are_refused():
    nested: Any = 1
    for _ in range(300):
        nested = [nested]
    for value in ({"a": "\ud800"}, {"\ud800": 1}, nested):
        with pytest.raises(ValueError):  # noqa: PT011 - the text is the library's
            checked(Any, value)

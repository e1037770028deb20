"""Mistakes in a message class are refused when the class is created; valid classes can be sent."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

import pytest

from rtgraph.msgs import decode, encode
from rtgraph.msgs.errors import MessageError

HEAD = """
import datetime, enum, functools
from typing import Any, Literal, NamedTuple
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, computed_field
from rtgraph.msgs import Message, Record, array
class Colour(enum.Enum):
    RED = 1
class Level(enum.IntEnum):
    LOW = 1
class Inner(Record):
    x: float = 0.0
class Loose(Record):
    x: Any = 0
class Model(BaseModel):
    x: int = 0
class Pair(NamedTuple):
    x: int
    y: float
"""

MISTAKES = {
    "any": ("x: Any", "M[0-9]+.x: values of type Any can be anything"),
    "object": ("x: object", "values of type object can be anything"),
    "any inside": ("x: tuple[Any, ...]", "values of type Any can be anything"),
    "any in a record": ("x: Loose", "values of type Any can be anything"),
    "a bare list": ("x: list", "list lacks the type of its items"),
    "a bare dict": ("x: dict", "dict lacks the types of its keys and values"),
    "a set": ("x: set[int]", r"a set cannot be sent. hint: write tuple\[...\]"),
    "a date": ("x: datetime.datetime", "a datetime cannot be sent"),
    "an enum": ("x: Colour", "a Colour cannot be sent"),
    "a model": ("x: Model", "derive it from rtgraph.msgs.Record"),
    "a bare array": (
        "model_config = ConfigDict(arbitrary_types_allowed=True)\nx: np.ndarray",
        "rtgraph.msgs.array",
    ),
    "a dict by number": ("x: dict[int, float]", "a dict with keys of type int cannot be sent"),
    "an optional date": ("x: datetime.date | None = None", "a date cannot be sent"),
    "a header": ("header: str", "M[0-9]+.header: every message has this already"),
    "an origin": ("origin: int", "M[0-9]+.origin: every message has this already"),
    "a private attribute": (
        "x: int\n_y: int = 3",
        "M[0-9]+._y: an attribute with a leading _ is not sent",
    ),
    "an alias": ("x: int = Field(alias='y')", "a field cannot have an alias"),
    "a cached property": ("@functools.cached_property\ndef x(self): return 1", "changes the message"),
    "not frozen": ("model_config = ConfigDict(frozen=False)", "a message must be frozen"),
    "other fields": ("model_config = ConfigDict(extra='allow')", "reject unknown fields"),
}


numbers = itertools.count()


def made(body: str, name: str | None = None):
    # Unique names: codecs keep a class for longer than a test.
    name = name or f"M{next(numbers)}"
    names: dict[str, Any] = {"__name__": "mine"}
    source = f"{HEAD}\nclass {name}(Message):\n{textwrap.indent(body, '    ')}\n"
    exec(compile(source, "/somewhere/mine.py", "exec", dont_inherit=True), names)  # noqa: S102 - the text is in this file
    return names[name], names


@pytest.mark.filterwarnings("ignore:Field name")  # a warning of pydantic about what is refused here
@pytest.mark.parametrize(("body", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_when_the_class_is_made(body, says) -> None:
    with pytest.raises(MessageError, match=says) as caught:
        made(body)
    assert caught.value.problem.startswith("mine.py:"), "the place is not told"


@pytest.mark.parametrize("name", ["Decision", "Journal", "Observation", "Progress"])
def test_the_name_of_a_shipped_message_is_taken(name) -> None:
    with pytest.raises(MessageError, match=f"{name} is already the name of a message class of rtgraph.msgs"):
        made("x: int", name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("float | None", "None"),
        ("Literal['a', 2]", "2"),
        ("tuple[int, ...]", "(1, 2)"),
        ("list[float]", "[1.0]"),
        ("dict[str, dict[str, int]]", "{'a': {'b': 1}}"),
        ("dict[Literal['a'], int]", "{'a': 1}"),
        ("Inner", "Inner(x=2.0)"),
        ("tuple[Inner, ...]", "(Inner(),)"),
        ("array('float32', None)", "np.ones(3, np.float32)"),
        ("tuple[array('float32', None), ...]", "(np.ones(3, np.float32),)"),
        ("Level", "Level.LOW"),
        ("Pair", "Pair(1, 2.0)"),
        ("bytes", "b'x'"),
    ],
)
def test_what_is_let_pass_travels(field, value) -> None:
    message_type, names = made(f"x: {field}")
    message = message_type(x=eval(value, names))  # noqa: S307 - the text is in this file
    assert decode(message_type, encode(message)) == message

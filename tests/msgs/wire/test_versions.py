import json

import numpy as np
import pytest
from pydantic import Field

from rtgraph.msgs import Observation, Record, array, decode, encode, schema, schema_hash
from rtgraph.msgs.array import array_or_parts
from rtgraph.msgs.base import ControlMessage
from rtgraph.msgs.errors import SchemaMismatch
from rtgraph.msgs.wire.versions import recorded_version


def class_of(fields, name="Reading", base=ControlMessage, **defaults):
    members = {"__annotations__": fields, "__module__": __name__, "__qualname__": name, **defaults}
    return type(name, (base,), members)


def version(old, new):
    """Return the version of the new class that a recording of the old one holds."""
    return recorded_version(new, json.dumps(schema(old)).encode(), schema_hash(old).hex())


Point = class_of({"x": float}, "Point", Record)
Point3 = class_of({"x": float, "y": float}, "Point", Record, y=0.0)
OLD = class_of({"a": int, "value": array(), "at": Point, "more": dict[str, Point]})
NEW = class_of(
    {
        "a": int | str,
        "value": array_or_parts(),
        "at": Point3,
        "more": dict[str, Point3],
        "late": dict[str, int],
        "sent": int | array() | None,
    },
    late=Field(default_factory=dict),
    sent=None,
)


def old_message():
    return OLD(a=1, value=np.arange(3), at=Point(x=2.0), more={"b": Point(x=3.0)})


def test_fields_added_with_a_default_and_widened_types_are_read():
    found = version(OLD, NEW)
    assert found.added == {"Reading": {"late", "sent"}, "Point": {"y"}}
    message = found.decoder().decode([encode(old_message())])
    assert (message.a, message.late, message.sent, message.at.y) == (1, {}, None, 0.0)
    assert message.value.tolist() == [0, 1, 2]


def test_a_message_that_was_read_is_written_as_it_was_recorded():
    found = version(OLD, NEW)
    document = encode(old_message())
    assert found.encode(found.decoder().decode([document])) == document


def test_a_value_that_the_recorded_version_lacks_is_not_dropped():
    found = version(OLD, NEW)
    message = found.decoder().decode([encode(old_message())])
    more = message.model_copy(update={"sent": 3})
    assert found.encode(more) != encode(old_message())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD, class_of({"a": int})),
        (NEW, OLD),
        (class_of({"a": int}), class_of({"a": int, "b": int})),
        (class_of({"a": int}), class_of({"a": str})),
        (class_of({"a": int | str}), class_of({"a": int | float})),
        (class_of({"a": int}), class_of({"a": int}, a=3)),
        (class_of({"a": int}, a=2), class_of({"a": int}, a=3)),
        (class_of({"a": int}), class_of({"a": int}, a=Field(ge=0))),
        (class_of({"a": array("float32", 3)}), class_of({"a": array("float32", 4)})),
        (class_of({"a": tuple[int, int]}), class_of({"a": tuple[int, int, int]})),
        (
            class_of({"p": class_of({"x": float, "y": float}, "Point", Record)}),
            class_of({"p": Point}),
        ),
    ],
)
def test_any_other_change_is_not_read(old, new):
    assert version(old, new) is None


def test_a_record_within_itself_is_read():
    class Tree(Record):
        children: tuple["Tree", ...] = ()

    old, new = class_of({"tree": Tree}), class_of({"tree": Tree, "b": int}, b=1)
    assert version(old, new).added == {"Reading": {"b"}}


@pytest.mark.parametrize("text", [b"", b"[]", b"nonsense", b"{}"])
def test_a_damaged_schema_is_not_read(text):
    assert recorded_version(Observation, text, "00" * 8) is None


def test_between_running_processes_versions_must_be_equal():
    with pytest.raises(SchemaMismatch, match="both ends need the same version") as raised:
        decode(NEW, encode(old_message()))
    assert schema_hash(OLD).hex() in str(raised.value)
    assert schema_hash(NEW).hex() in str(raised.value)

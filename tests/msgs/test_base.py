import gc
import importlib
from dataclasses import dataclass

import numpy as np
import pytest
from pydantic import Field, ValidationError

import rtgraph.msgs
from rtgraph.msgs import (
    Decision,
    Header,
    Lineage,
    Message,
    Observation,
    Record,
    array,
    message_types,
    schema,
    schema_hash,
)
from rtgraph.msgs.base import UNSENT, size_bytes
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.lazy import SHIPPED

LINEAGE = Lineage(source="plant", incarnation=1, sequence=7, stamp_ns=70, tick=7, episode=2)
HEADER = Header(source="worker/3", incarnation=2, sequence=5, stamp_ns=99, lineage=LINEAGE)


class Reading(Message):
    """A reading."""

    celsius: float
    samples: array("float32", None)
    notes: dict[str, list[int]] = Field(default_factory=dict)


def reading(**changes):
    return Reading(**{"celsius": 1.5, "samples": np.float32([1, 2]), **changes})


def test_the_package_offers_what_it_means_to_and_sorted():
    assert rtgraph.msgs.__all__ == sorted(rtgraph.msgs.__all__)
    assert all(hasattr(rtgraph.msgs, name) for name in rtgraph.msgs.__all__)


def test_the_package_offers_every_message_that_nodes_publish():
    for module in map(importlib.import_module, (f"rtgraph.msgs.{name}" for name in SHIPPED)):
        published = [
            name
            for name, found in vars(module).items()
            if isinstance(found, type) and issubclass(found, Message) and found.__module__ == module.__name__
            if found.on_topics
        ]
        assert published
        assert set(published) <= set(rtgraph.msgs.__all__), module.__name__


def test_messages_headers_and_lineages_are_frozen():
    for frozen, name in [(reading(), "celsius"), (HEADER, "sequence"), (LINEAGE, "tick")]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(frozen, name, 3)


def test_unknown_and_missing_fields_are_refused():
    with pytest.raises(ValidationError, match=r"kelvin\n.*Extra inputs are not permitted"):
        reading(kelvin=3.0)
    with pytest.raises(ValidationError, match=r"samples\n.*Field required"):
        Reading(celsius=1.0)


def test_counts_are_not_negative():
    for name in ("incarnation", "sequence"):
        with pytest.raises(ValidationError, match=f"{name}\n.*greater than or equal to 0"):
            Header(**{"source": "x", "incarnation": 0, "sequence": 0, "stamp_ns": 0, name: -1})


def test_what_the_runtime_makes_unchecked_is_what_it_would_be_checked():
    for record in (HEADER, LINEAGE):
        unchecked = type(record).unchecked(dict(record.__dict__))
        assert unchecked == record
        assert hash(unchecked) == hash(record)
        assert unchecked.model_dump() == record.model_dump()
        assert repr(unchecked) == repr(record)
        assert unchecked.model_copy(update={"sequence": 8}) == record.model_copy(update={"sequence": 8})
        assert unchecked == record, "a change of a copy changed the original"


def test_a_message_is_stamped_in_place_once_and_copied_from_then_on():
    message = reading()
    assert message.header is UNSENT
    assert message.stamped(HEADER) is message
    again = message.stamped(HEADER.model_copy(update={"sequence": 6}))
    assert again is not message
    assert (message.header.sequence, again.header.sequence) == (5, 6)
    assert np.shares_memory(again.samples, message.samples)


def test_an_observation_is_what_others_derive_from_and_everything_else_hands_on_its_own():
    header = Header(source="plant", incarnation=1, sequence=7, stamp_ns=70)
    observation = Observation(tick=7, episode=2, value=np.zeros(1)).stamped(header)
    assert observation.origin() == LINEAGE
    assert reading().stamped(HEADER).origin() is LINEAGE
    assert reading().origin() is None
    assert LINEAGE.origin() is LINEAGE


def test_messages_are_equal_when_all_they_hold_is():
    assert reading() == reading()
    assert reading(samples=np.float32([np.nan])) == reading(samples=np.float32([np.nan]))
    assert reading(notes={"a": [1]}) == reading(notes={"a": [1]})
    others = [
        reading(celsius=2.0),
        reading(samples=np.float32([1, 3])),
        reading(samples=np.float32([1, 2, 3])),
        reading(notes={"a": [1]}),
        reading().stamped(HEADER),
    ]
    for other in others:
        assert reading() != other
    assert reading() != "reading"
    assert hash(reading()) == hash(reading())


def test_arrays_of_another_type_or_in_the_place_of_numbers_are_unequal():
    decide = {"worker": "w", "number": 0, "began_ns": 0, "inference_ns": 0}
    one = Decision(action=np.int32([1]), **decide)
    assert one != Decision(action=np.int64([1]), **decide)
    assert one != Decision(action=1, **decide)
    assert one == Decision(action=np.int32([1]), **decide)


@pytest.fixture(autouse=True)
def no_class_outlives_its_test():
    yield
    schema.cache_clear()
    schema_hash.cache_clear()
    gc.collect()


def class_of(fields, doc=None, name="Shaped"):
    return type(name, (Message,), {"__annotations__": fields, "__doc__": doc, "__module__": __name__})


def test_the_schema_hash_is_of_fields_and_types_and_not_of_words():
    plain = schema_hash(class_of({"a": int, "b": float}))
    assert len(plain) == 8
    assert schema_hash(class_of({"a": int, "b": float}, doc="Now explained.")) == plain
    others = [
        {"a": int},
        {"a": int, "c": float},
        {"a": int, "b": int},
        {"a": int, "b": float, "c": int},
        {"a": int, "b": float | None},
        {"a": int, "b": array("float32")},
    ]
    hashes = {schema_hash(class_of(fields)) for fields in others}
    hashes |= {schema_hash(class_of({"a": int, "b": array("float32", n)})) for n in (None, 3)}
    assert len(hashes) == len(others) + 2
    assert plain not in hashes


def test_the_schema_hash_changes_with_a_bound_a_default_or_the_name():
    class Bounded(Message):
        a: int = Field(ge=0)

    class Defaulted(Message):
        a: int = 3

    Bounded.schema_name = Defaulted.schema_name = "Shaped"
    hashes = {
        schema_hash(t) for t in (class_of({"a": int}), class_of({"a": int}, name="Other"), Bounded, Defaulted)
    }
    assert len(hashes) == 4, "two versions of a message cannot be told apart"


def test_fields_named_like_words_of_the_schema_count():
    first, second = class_of({"title": int, "description": int}), class_of({"title": str, "description": int})
    assert schema_hash(first) != schema_hash(second)


def test_schemas_are_those_of_what_travels():
    assert set(schema(Decision)["properties"]) == set(Decision.model_fields)
    assert schema(Decision)["additionalProperties"] is False


def test_every_message_is_known_by_its_name():
    known = message_types()
    assert known["Decision"] is Decision
    assert list(known) == sorted(known)


def test_two_messages_of_one_name_are_refused_with_both_modules():
    def clash():
        first, second = class_of({"a": int}, name="Twin"), class_of({"b": int}, name="Twin")
        with pytest.raises(NodeError, match=r"two message classes are named Twin: .*hint: rename one"):
            message_types()
        assert first is not second

    clash()
    gc.collect()
    assert "Twin" not in message_types()


def test_the_shortcuts_of_pydantic_check_as_well():
    message = reading()
    samples = np.float32([3, 4])
    copied = message.model_copy(update={"samples": samples})
    constructed = Reading.model_construct(celsius=1.5, samples=samples)
    samples.fill(99)
    assert copied.samples.tolist() == constructed.samples.tolist() == [3, 4]
    for wrong in ({"samples": np.zeros(2)}, {"celsius": "warm"}, {"kelvin": 1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            message.model_copy(update=wrong)
    with pytest.raises(ValidationError, match=r"samples\n.*Field required"):
        Reading.model_construct(celsius=1.5)
    assert message.model_copy() == message


def test_messages_with_records_that_hold_arrays_are_compared():
    class Inner(Record):
        values: array("float32", None)

    class Outer(Message):
        inner: Inner

    def outer(value):
        return Outer(inner=Inner(values=np.float32([1, value])))

    assert outer(2) == outer(2)
    assert outer(2) != outer(3)


def test_the_size_of_a_message_counts_what_is_nested_in_it():
    class Nested(Message):
        pictures: list[array("uint8", None)] = Field(default_factory=list)
        named: dict[str, array("uint8", None)] = Field(default_factory=dict)
        pair: tuple[bytes, str] = (b"", "")

    picture = np.zeros(1000, np.uint8)
    least = size_bytes(Nested())
    assert size_bytes(Nested(pictures=[picture, picture])) >= least + 2000
    assert size_bytes(Nested(named={"a": picture})) >= least + 1000
    assert size_bytes(Nested(pair=(b"x" * 500, "y" * 500))) >= least + 1000


@dataclass
class Held:
    data: bytes


@dataclass
class HeldWithMore(Held):
    more: bytes = b""


def test_the_size_of_a_dataclass_counts_inherited_fields():
    assert size_bytes(HeldWithMore(b"x" * 500, b"y" * 300)) >= size_bytes(HeldWithMore(b"")) + 800

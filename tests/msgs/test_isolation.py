import copy
import enum
from typing import Literal

import numpy as np
import pytest
from pydantic import ConfigDict, Field

from rtgraph.msgs import Claim, Decision, EpisodeEnd, Message, Observation, Record, array, decode, encode
from rtgraph.msgs.base import OWNED, Header
from rtgraph.msgs.errors import EncodeError
from rtgraph.msgs.isolation import DEEPEST, MOST, isolated, unshared, writeable_fields


class Kind(enum.IntEnum):
    ONE = 1


class Inner(Record):
    numbers: list[int] = Field(default_factory=list)


class Loose(Record):
    model_config = ConfigDict(frozen=False)
    number: int = 0


class Isolated(Message):
    number: int = 0
    text: str = ""
    kind: Kind = Kind.ONE
    mode: Literal["a", "b"] = "a"
    values: array() = np.zeros(0)
    either: int | array() = 0
    numbers: list[int] = Field(default_factory=list)
    nested: dict[str, list[dict[str, float]]] = Field(default_factory=dict)
    arrays: dict[str, array("uint8", None)] = Field(default_factory=dict)
    fixed: tuple[list[int], ...] = ()
    inner: Inner = Inner()
    loose_record: Loose | None = None
    bag: dict[str, dict[str, list[int]]] = Field(default_factory=dict)


def changeable():
    return Isolated(
        numbers=[1, 2],
        nested={"a": [{"b": 1.0}]},
        arrays={"p": np.zeros(2, np.uint8)},
        fixed=([1], [2]),
        inner=Inner(numbers=[5]),
        loose_record=Loose(),
        bag={"k": {"j": [3]}},
    )


def spoil(message):
    """Write everything that can be written in a message."""
    message.numbers.append(99)
    message.nested["a"][0]["b"] = 99.0
    message.arrays["p"] = None
    message.fixed[0].append(99)
    message.inner.numbers.clear()
    message.loose_record.number = 99
    message.bag["k"]["j"].append(99)


def test_two_messages_share_nothing_that_can_be_written():
    message, as_it_was = changeable(), changeable()
    own = isolated(message)
    assert own == message == as_it_was
    spoil(message)
    assert message != as_it_was
    assert own == as_it_was
    spoil(own)  # the receiver's message is not protected either, because the receiver owns it


def test_a_message_that_nobody_can_write_is_not_copied():
    observation = Observation(tick=1, episode=0, value=np.zeros(3), measurements={"x": 1.0})
    decision = Decision(worker="w", number=0, action=np.zeros(2), began_ns=0, inference_ns=0)
    assert isolated(decision) is decision
    own = isolated(observation)
    assert own is not observation
    assert own.measurements is not observation.measurements
    assert own.value is observation.value, "the array was copied again"
    assert own == observation


def test_each_receiver_of_a_published_message_has_its_own_containers():
    published = isolated(changeable())
    own, as_it_was = unshared(published), changeable()
    assert own == published == as_it_was
    spoil(own)
    assert published == as_it_was
    observation = isolated(Observation(tick=1, episode=0, value=np.zeros(3), measurements={"x": 1.0}))
    received = unshared(observation)
    assert received.measurements is not observation.measurements
    assert received.value is observation.value
    decision = Decision(worker="w", number=0, action=1, began_ns=0, inference_ns=0)
    assert unshared(decision) is decision


@pytest.mark.parametrize(
    ("measurements", "problem"),
    [({"\udcff": 1.0}, "is not valid Unicode"), ({"x": 2**70}, "more than 64 bits")],
)
def test_numbers_by_name_are_checked_like_anything_else(measurements, problem):
    message = Observation(tick=1, episode=0, value=np.zeros(3))
    message.measurements.update(measurements)
    with pytest.raises(EncodeError, match=problem):
        isolated(message)


def test_classes_tell_whether_they_hold_what_can_be_written():
    assert not any(map(writeable_fields, (Decision, EpisodeEnd)))
    assert all(map(writeable_fields, (Observation, Claim, Inner)))
    assert set(Isolated.model_fields) - set(writeable_fields(Isolated)) == {
        *("header", "number", "text", "kind", "mode", "values", "either")
    }

    class Tree(Record):
        branches: "tuple[Tree, ...]" = ()
        leaf: float | None = None

    class Bush(Record):
        branches: "tuple[Bush, ...]" = ()
        leaves: list[float] = Field(default_factory=list)

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    Bush.model_rebuild(_types_namespace={"Bush": Bush})
    assert not writeable_fields(Tree)
    assert writeable_fields(Bush)


def test_arrays_that_came_past_the_check_are_made_safe_nevertheless():
    message = copy.deepcopy(Isolated(values=np.arange(3.0)))
    assert message.values.flags.owndata
    buffer = message.values
    own = isolated(message)
    buffer.flags.writeable = True
    buffer.fill(99)
    assert own.values.tolist() == [0, 1, 2]
    default = isolated(Isolated())
    assert not np.shares_memory(default.values, Isolated.model_fields["values"].default)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"number": 2**64}, r"number: an integer of more than 64 bits .*hint: send it as text"),
        ({"number": -(2**63) - 1}, "number: an integer of more than 64 bits"),
        ({"numbers": [1, 2**70]}, "numbers: an integer of more than 64 bits"),
        ({"text": "\udcff"}, "text: .* is not valid Unicode"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_would_arrive_otherwise_is_refused_and_named(values, problem):
    with pytest.raises(EncodeError, match=rf"Isolated\.{problem}"):
        isolated(Isolated(**values))


class Chain(Record):
    inner: "Chain | None" = None


class Chained(Message):
    chain: Chain


def test_what_is_nested_too_deeply_is_refused():
    chain = Chain()
    for _ in range(DEEPEST + 1):
        chain = Chain(inner=chain)
    with pytest.raises(EncodeError, match=r"Chained\.chain: it is nested too deeply"):
        isolated(Chained(chain=chain))


def test_what_is_not_refused_arrives_as_it_was_published():
    message = Isolated(
        number=MOST,
        text="größer",
        either=np.arange(3),
        bag={"key": {"x": [2]}},
        fixed=([1], []),
    )
    own = isolated(message)
    arrived = decode(Isolated, encode(own))
    assert arrived == own
    assert isolated(own) == own


def test_a_message_of_owned_values_is_published_as_it_is_once_and_checked_from_then_on():
    header = Header(source="plant", incarnation=0, sequence=0, stamp_ns=0)
    image, measurements = np.zeros(3, np.uint8), {"x": 1.0}
    message = Observation.unchecked(
        {
            **Observation(tick=0, episode=0, value=image).__dict__,
            "header": OWNED,
            "value": image,
            "measurements": measurements,
        }
    )
    assert isolated(message) is message
    assert message.stamped(header) is message
    assert message.header is header
    again = isolated(message)
    assert again is not message
    assert again == message
    image[0], measurements["x"] = 9, 9.0
    assert again.value[0] == 0
    assert again.measurements == {"x": 1.0}
    assert again.stamped(header) is not again
    with pytest.raises(EncodeError, match=r"Observation.tick: an integer of more than 64 bits"):
        isolated(Observation.unchecked(message.__dict__ | {"tick": MOST + 1}))

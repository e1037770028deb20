"""Results of nodes become JSON values, or an error names what is wrong."""

import enum
import json
import math

import numpy as np
import pytest
from pydantic import ValidationError
from support.chatter import Ping
from support.host import HandHost

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.one_line import MAX_LINE_LENGTH, in_one_line
from rtgraph.nodes.runtime import Input, Node, Params, lossless, queue
from rtgraph.nodes.runtime.results import DEEPEST, edge_reports, result_of


class Fate(enum.IntEnum):
    LATE = 3


class Says(Node[Params]):
    said: object = None

    def result(self):
        return self.said


def told(said):
    node = HandHost(Says).node
    node.said = said
    return result_of(node)


def nested(depth):
    return {"a": nested(depth - 1)} if depth else {}


def test_json_values_are_told_as_they_are():
    said = {
        "a": 1,
        "b": -2.5,
        "c": "text",
        "d": None,
        "e": True,
        "f": [1, [2, {"g": []}]],
        "h": {"i": 2**63 - 1},
    }
    assert told(said) == said
    assert told({}) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(1.5), 1.5),
        (np.int64(-3), -3),
        (np.uint8(200), 200),
        (np.bool_(False), False),
        (np.str_("text"), "text"),
        (Fate.LATE, 3),
        ((1, np.float64(2)), [1, 2.0]),
        ({"a": {"b": np.float32("nan")}}, {"a": {"b": None}}),
        *((value, None) for value in (math.nan, math.inf, -math.inf, np.float64("inf"))),
    ],
)
def test_numbers_of_numpy_become_pythons_and_those_that_are_none_become_none(value, expected):
    found = told({"x": value})["x"]
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (None, "result() returns a NoneType, not a dict. hint: return a dict"),
        ([1], "result() returns a list, not a dict. hint: return a dict"),
        ({"a": {1}}, "result()['a'] is a set, which JSON cannot express. hint: return numbers, text"),
        ({"a": np.zeros(3)}, "result()['a'] is a ndarray, which"),
        ({"a": [0, {"b": b"x"}]}, "result()['a'][1]['b'] is a bytes, which"),
        ({3: 4}, "result() has a key 3, which is not text"),
        ({"a": {None: 4}}, "result()['a'] has a key None, which is not text"),
        (
            {"a": 2**63},
            "result()['a'] is 9223372036854775808, an integer beyond 64 bits, which cannot be sent. hint: give it as text",
        ),
        ({"a": 1 << 99_999}, "result()['a'] is a number of 100,000 bits, an integer beyond 64 bits"),
        (nested(DEEPEST + 2), "is nested too deeply"),
    ],
)
def test_what_json_cannot_hold_is_named(said, problem):
    with pytest.raises(NodeError) as caught:
        told(said)
    assert problem in str(caught.value)


def test_a_dict_that_holds_itself_is_refused():
    said = {}
    said["again"] = said
    with pytest.raises(NodeError, match="nested too deeply"):
        told(said)


def test_errors_are_told_in_one_line():
    assert in_one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert in_one_line(KeyError()) == "KeyError"
    assert len(in_one_line(ValueError("x" * 10_000))) == len("ValueError: ") + MAX_LINE_LENGTH


def test_what_lossless_inputs_hold_at_the_end_is_unread():
    class Port(Node[Params]):
        everything = Input(Ping, lossless, many=True)
        newest = Input(Ping, queue(9), many=True)

    host = HandHost(Port)
    host.begin()
    for port in ("everything", "newest"):
        for number in range(3):
            host.deliver(port, Ping(number=number), source="one", sequence=number)
        host.deliver(port, Ping(number=0), source="two")
    host.node.everything.take()
    host.executor.stop()
    unread = {(each.port, each.publisher): each.unread for each in edge_reports(host.executor)}
    assert unread == {
        ("everything", "one"): 2,
        ("everything", "two"): 1,
        ("newest", "one"): 0,
        ("newest", "two"): 0,
    }


def test_what_pydantic_refuses_is_told_in_plain_words():
    with pytest.raises(ValidationError) as caught:
        Ping(number="x")
    assert in_one_line(caught.value) == "Ping.number: should be a whole number, not 'x'"

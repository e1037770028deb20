"""Mistakes in a node class are refused when the class is created, with file, line and a hint."""

from __future__ import annotations

import textwrap

import pytest

from rtgraph.msgs.errors import NodeError, RtgraphError

HEAD = """
import collections
from typing import ClassVar
import numpy as np
from pydantic import BaseModel
from rtgraph.msgs import Decision, Message, Observation
from rtgraph.msgs.system import Ready
from rtgraph.nodes import Input, Node, Output, Params, latest, lossless, queue
"""

MISTAKES = {
    "a port of no messages": (
        "out = Output(dict)",
        r"Output\(dict\): dict is not a message class",
    ),
    "a port of a model": ("out = Output(BaseModel)", "derive one from rtgraph.msgs.Message"),
    "a port of a name": (
        "out = Output('Decision')",
        r"Output\('Decision'\): 'Decision' is not a message class",
    ),
    "an input of no messages": ("x = Input(int, latest)", r"Input\(int\): int is not a message class"),
    "a port of a control message": ("out = Output(Ready)", "which only the launcher and its nodes exchange"),
    "a policy in quotes": ("x = Input(Observation, 'latest')", "write latest, without quotes"),
    "a policy with no depth": ("x = Input(Observation, queue)", r"write queue\(n\)"),
    "a policy that is a number": ("x = Input(Observation, 4)", "4 is not an input's policy"),
    "a depth that is not whole": ("x = Input(Observation, queue(2.5))", "whole number of messages, not 2.5"),
    "a depth that is a truth value": (
        "x = Input(Observation, queue(True))",
        "whole number of messages, not True",
    ),
    "a port named as what a node has": ("name = Output(Decision)", "N: a port cannot be named 'name'"),
    "a port named as the log": ("log = Output(Decision)", "a port cannot be named 'log'"),
    "a port named as a call": ("after = Input(Observation)", "a port cannot be named 'after'"),
    "a port named as a handler": ("on_stop = Output(Decision)", "a port cannot be named 'on_stop'"),
    "a port of another writing": ("Out = Output(Decision)", "lower-case letters"),
    "one port under two names": ("a = b = Output(Decision)", "'b' and 'a' are the same port"),
    "an annotation for a port": ("out: Output(Decision)", r"write out = \.\.\., not out: \.\.\."),
    "a class for a port": ("out = Output", "is a class of ports, not a port"),
    "an own init": ("def __init__(self): self.x = 1", r"does not take \(self, context, params\).*on_start"),
    "an init that keeps what it is given": (
        "def __init__(self, context, params): self.x = 1",
        r"does not call super\(\).__init__\(context, params\)",
    ),
    "an async handler": (
        "x = Input(Observation)\nasync def on_x(self, message): pass",
        "N.on_x is async, but a handler must do its work when it is called. hint: .*self.after",
    ),
    "a generator": ("def on_start(self): yield", "N.on_start is a generator"),
    "a handler with no argument": (
        "x = Input(Observation)\ndef on_x(self): pass",
        r"write def on_x\(self, message\)",
    ),
    "a handler with two": (
        "x = Input(Observation)\ndef on_x(self, a, b): pass",
        "does not take the arguments",
    ),
    "a start with an argument": ("def on_start(self, now): pass", r"write def on_start\(self\)"),
    "a change that takes nothing": ("def on_params(self): pass", r"write def on_params\(self, changed\)"),
    "a handler that is a property": (
        "x = Input(Observation)\n@property\ndef on_x(self): pass",
        "N.on_x is a property, not a method",
    ),
    "a life misspelt": (
        "def on_begin(self): pass",
        "N.on_begin is named as the handler of an input 'begin'.*lifecycle methods are on_prepare, on_start",
    ),
    "an async result": ("async def result(self): return {}", "N.result is async"),
    "a result with an argument": ("def result(self, x): return {}", r"write def result\(self\)"),
    "a hidden log": ("def log(self, text): pass", "N.log overrides a member of every node"),
    "hidden params": ("params = 3", "N.params overrides a member of every node"),
    "a spec of the instance": (
        "def spec(self, params): pass",
        "N.spec is not a class method, but the runtime calls it on the class.*@classmethod",
    ),
    "a check of the instance": ("def check(self, params): pass", "N.check is not a class method"),
    "a list that all share": ("seen = []", r"N.seen is a list that all replicas.*self.seen = \.\.\."),
    "an array that all share": ("mean = np.zeros(3)", "N.mean is a ndarray that all replicas"),
    "a queue that all share": ("_seen = collections.deque()", "N._seen is a deque that all replicas"),
}


def made(body: str, params: str = "Params") -> object:
    source = f"{HEAD}\nclass N(Node[{params}]):\n{textwrap.indent(body, '    ')}\n"
    names = {"__name__": "mine"}
    exec(compile(source, "/somewhere/mine.py", "exec", dont_inherit=True), names)  # noqa: S102 - the text is in this file
    return names["N"]


@pytest.mark.parametrize(("body", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_when_the_class_is_made(body, says) -> None:
    with pytest.raises(NodeError, match=says) as caught:
        made(body)
    assert caught.value.problem.startswith("mine.py:1"), "the place is not told"


@pytest.mark.parametrize("params", ["BaseModel", "dict", "Params()"])
def test_what_stands_in_brackets_is_a_class_of_parameters(params) -> None:
    with pytest.raises(NodeError, match=r"mine.py:\d+: N: .* in brackets is not a subclass of Params"):
        made("pass", params)


@pytest.mark.parametrize(
    "body",
    [
        "x = Input(Observation, queue(3))\ndef on_x(self, message, extra=None): pass",
        "GAINS = [1, 2]",
        "gains: ClassVar[dict] = {}",
        "limit = 3",
        "def __init__(self, context, params):\n    super().__init__(context, params)\n    self.x = 1",
        "@classmethod\ndef check(cls, params): pass",
        "stop_rank = 2",
        "def on_start(self, *args): pass",
        "out: Output[Decision] = Output(Decision)",
    ],
)
def test_what_works_is_let_pass(body) -> None:
    assert issubclass(made(body), object)


def test_all_of_them_are_of_the_one_tree() -> None:
    assert issubclass(NodeError, RtgraphError)

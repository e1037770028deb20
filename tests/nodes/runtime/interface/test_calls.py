"""Calls of a node that cannot work are refused at once, with a hint."""

from __future__ import annotations

import functools
from typing import ClassVar

import numpy as np
import pytest
from support.chatter import Ping
from support.host import HandHost

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes import Input, Node, Output, Params, latest
from rtgraph.nodes.runtime import VirtualWorld
from rtgraph.nodes.runtime.wiring import NodePlan


class Caller(Node[Params]):
    ping = Input(Ping, latest, optional=True)
    out = Output(Ping)
    mail = Output(Ping, keyed=True)

    def tick(self) -> None: ...
    def on_ping(self, message: Ping) -> None: ...
    async def later(self) -> None: ...


class Early(Caller):
    calls: ClassVar[list] = []

    def on_prepare(self) -> None:
        self.calls[0](self)


class Late(Caller):
    calls: ClassVar[list] = []

    def result(self) -> dict:
        self.calls[0](self)
        return {}


@pytest.fixture
def node() -> Caller:
    host = HandHost(Caller)
    host.begin()
    return host.node


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda n: n.every(0.1, n.tick),
            r"every\(\) takes a whole number of nanoseconds, not 0.1. hint: for 0.1 s",
        ),
        (
            lambda n: n.every(1, n.tick),
            "a period of 1 ns is below 1,000 ns.* hint: for 1 s write 1_000_000_000",
        ),
        (lambda n: n.every(0, n.tick), "the period of a timer must be above 0 ns, not 0 ns"),
        (
            lambda n: n.every(1e9, n.tick),
            r"not 1000000000.0. hint: for 1e\+09 s write round\(1e\+09 \* 1e9\)",
        ),
        (lambda n: n.every(None, n.tick), "takes a whole number of nanoseconds, not None"),
        (lambda n: n.every(True, n.tick), "takes a whole number of nanoseconds, not True"),
        (lambda n: n.after(0.5, n.tick), r"after\(\) takes a whole number"),
        (lambda n: n.after(-5, n.tick), "-5 ns is negative"),
        (lambda n: n.at(2.5, n.tick), r"at\(\) takes a whole number"),
        (lambda n: n.spend(0.05), r"spend\(\) takes a whole number"),
        (lambda n: n.spend(float("nan")), "takes a whole number of nanoseconds, not nan"),
        (lambda n: n.after(5, lambda: None), "is not a method of the node. hint: define a method"),
        (lambda n: n.after(5, functools.partial(n.on_ping, None)), "is not a method of the node"),
        (
            lambda n: n.after(5, n.tick()),
            r"None cannot be called later, because it is not a method of the node. hint: .*self.method, not self.method\(\)",
        ),
        (lambda n: n.after(5, n.on_ping), "Caller.on_ping takes arguments, but a timer calls it without any"),
        (lambda n: n.spend(5, n.on_ping), "Caller.on_ping takes arguments"),
        (lambda n: n.after(5, n.later), "Caller.later is async"),
        (lambda n: n.finish(3), "takes the reason as text that is not empty, not 3"),
        (lambda n: n.finish(""), "takes the reason as text"),
        (lambda n: n.mail.publish(Ping(number=1), key=3), "takes the name of a node as key, not 3"),
        (lambda n: n.out.publish(Ping(number=1), of=3), "of= takes a message or a lineage, not 3"),
    ],
)
def test_a_call_that_cannot_work_is_refused(call, says, node) -> None:
    with pytest.raises(NodeError, match=says):
        call(node)
    assert not node.context.busy


def test_whole_numbers_of_numpy_are_taken(node) -> None:
    assert node.after(np.int64(5), node.tick).due_ns == 5
    assert type(node.every(np.int32(5_000), node.tick).period_ns) is int


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda n: n.out.publish(Ping(number=1)),
            "no message can be published before on_start. hint: do it in on_start",
        ),
        (lambda n: n.every(5_000, n.tick), "no call can be scheduled before on_start"),
        (lambda n: n.after(5, n.tick), "no call can be scheduled before on_start"),
        (lambda n: n.spend(5), "cannot be called before on_start"),
    ],
)
def test_what_would_vanish_before_the_start_is_refused(call, says, monkeypatch) -> None:
    monkeypatch.setattr(Early, "calls", [call])
    with pytest.raises(NodeError, match=says):
        HandHost(Early).begin()


def test_what_would_vanish_after_the_stop_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(Late, "calls", [lambda n: n.out.publish(Ping(number=1))])
    world = VirtualWorld(
        [NodePlan(name="late", index=0, node=f"{__name__}:Late", outputs={"out": "out", "mail": "m"})]
    )
    world.run()
    assert world.results() == {}
    assert "no message can be published after on_stop" in world.problems["late"]


class Without(Caller):
    def __init__(self, context, params):
        if params is None:
            super().__init__(context, params)


class Hiding(Caller):
    def on_start(self) -> None:
        self.ping = 3


class Instance(Caller):
    def on_prepare(self) -> None:
        self.more = Output(Ping)


@pytest.mark.parametrize(
    ("node_type", "says"),
    [
        (Without, r"Without.__init__ does not call super\(\).__init__"),
        (Hiding, "Hiding.ping is a port and cannot be an attribute, too"),
        (Instance, "Instance.more is a port set on an instance: declare it in the class body"),
    ],
)
def test_a_node_that_breaks_its_ports_is_refused(node_type, says) -> None:
    with pytest.raises(NodeError, match=says):
        HandHost(node_type).begin()

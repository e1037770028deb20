"""What makes a class a node.

A node is a class with parameters, ports and handlers. It touches the world only through what its runtime gives it,
``now_ns``, ``rng``, timers and ports; that is why the same class runs in real time, as a process among processes,
and in virtual time, as one of hundreds in a single process.

Handlers run one at a time, each at one instant, and never block. A node that is to take time says so with
``spend``: it is then busy, as a process that computes would be, and its inboxes fill or are overwritten meanwhile.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict

from rtgraph.msgs import Message
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.calls import whole_ns
from rtgraph.nodes.runtime.classes.declaration import check_class, check_params_type
from rtgraph.nodes.runtime.context import Context, Placement, Timer, Urgency
from rtgraph.nodes.runtime.ports import BoundInput, BoundOutput, Input, Output
from rtgraph.nodes.runtime.taps import Tap


class Params(BaseModel):
    """The parameters of a node: a frozen pydantic model that refuses unknown keys.

    What stands in quotes under a field describes it, in ``rtgraph node info`` among others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


P = TypeVar("P", bound=Params)


class Node(Generic[P]):
    """The base of every node.

    Subclasses name their parameters (``class Plant(Node[PlantParams])``), declare ports as class attributes, and
    may define ``on_prepare``, ``on_start``, ``on_params``, ``on_stop`` and, for an input ``x``, ``on_x``.

    ``stop_rank`` orders the stop of a graph: lower ranks stop first (plants 0, most nodes 1, recorders 2).
    """

    params_type: ClassVar[type[Params]] = Params
    input_ports: ClassVar[dict[str, Input[Any]]] = {}
    output_ports: ClassVar[dict[str, Output[Any]]] = {}
    tap_ports: ClassVar[dict[str, Tap]] = {}
    stop_rank: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            for argument in get_args(base) if isinstance(origin, type) and issubclass(origin, Node) else ():
                if not isinstance(argument, TypeVar):
                    check_params_type(cls, argument, Params)
                    cls.params_type = argument
        members = inspect.getmembers_static(cls)
        inputs = {name: port for name, port in members if isinstance(port, Input)}
        check_class(cls, Node, (Input, Output), inputs)
        cls.tap_ports = {name: port for name, port in inputs.items() if isinstance(port, Tap)}
        cls.input_ports = {name: port for name, port in inputs.items() if name not in cls.tap_ports}
        cls.output_ports = {name: port for name, port in members if isinstance(port, Output)}

    @classmethod
    def outputs_of(cls, params: Params) -> dict[str, Output[Any]]:
        """Return the outputs that a node of this class has with these parameters: those of the class."""
        del params
        return cls.output_ports

    def __init__(self, context: Context, params: P) -> None:
        self.context = context
        self.params = params
        self.inputs: dict[str, BoundInput[Any]] = {}
        self.outputs: dict[str, BoundOutput[Any]] = {}
        # Also as plain attributes, found without asking the ports on the class.
        for name, port in (type(self).input_ports | type(self).tap_ports).items():
            self.inputs[name] = self.__dict__[name] = BoundInput(port, getattr(self, f"on_{name}", None))
        for name, output in type(self).output_ports.items():
            self.outputs[name] = self.__dict__[name] = BoundOutput(output, context.send)

    @classmethod
    def check(cls, params: P) -> None:
        """Check what the types of the params cannot say; called when a graph is checked, before anything starts.

        Such as that a class they name can be imported. Not called for a node with an interpreter of its own.

        Raises:
            NodeError: something is wrong with them.
        """

    @classmethod
    def check_placement(cls, params: P, placement: Placement) -> None:
        """Check what also depends on the node's place in the graph; called after ``check``, for each replica.

        Raises:
            NodeError: the node cannot start there.
        """

    @property
    def name(self) -> str:
        """The node's full name in the graph, such as ``worker/3``."""
        return self.context.identity.name

    @property
    def now_ns(self) -> int:
        """The graph's time."""
        return self.context.now_ns()

    @property
    def rng(self) -> np.random.Generator:
        """The node's own random generator, seeded from the plan's seed and the node's name."""
        return self.context.rng

    @property
    def log(self) -> logging.Logger:
        """The node's log."""
        return self.context.log

    def on_prepare(self) -> None:
        """Do what takes long, before the graph begins: load, allocate, warm up.

        Nothing can be published or scheduled yet.
        """

    def on_start(self) -> None:
        """Begin: every edge is proven, the clock stands at or after 0."""

    def on_params(self, changed: frozenset[str]) -> None:
        """Take in that parameters were changed, given by dotted path: ``self.params`` has the new values already."""

    def on_stop(self) -> None:
        """End: the last chance to publish. Not called when the process is killed."""

    def spend(self, duration_ns: int, then: Callable[[], None] | None = None) -> None:
        """Be busy for a while: no handler runs until it is over, then ``then`` runs, first of all.

        In real time this waits without blocking what the runtime itself has to do; in virtual time it is how
        computation takes time. What ``then`` publishes is there *at* the end: a decision that is due exactly at a
        tick counts for it. The node is free again after everything else of that instant.

        Raises:
            NodeError: the duration is negative or not whole, or the node is busy already.
        """
        self.context.spend(duration_ns, then)

    def after(self, delay_ns: int, handler: Callable[[], None]) -> Timer:
        """Call a method of this node once, ``delay_ns`` from now (when the node is free).

        Raises:
            NodeError: the delay is negative or not whole, or the handler is not a method of the node.
        """
        if type(delay_ns) is not int:
            delay_ns = whole_ns(delay_ns, "after()")
        if delay_ns < 0:
            raise NodeError(f"after() takes a delay, and {delay_ns} ns is negative")
        return self.at(self.now_ns + delay_ns, handler)

    def at(self, due_ns: int, handler: Callable[[], None], urgency: Urgency = Urgency.TIMER) -> Timer:
        """Call a method of this node once, at a time of the graph's clock (when the node is free).

        Raises:
            NodeError: the time is not whole, or the handler is not a method of the node.
        """
        return self.context.at(due_ns, handler, urgency)

    def every(self, period_ns: int, handler: Callable[[], None]) -> Timer:
        """Call a method of this node again and again, first one period from now. Periods missed are skipped.

        Raises:
            NodeError: the period is not whole or below a microsecond, or the handler is not a method of the node.
        """
        return self.context.every(period_ns, handler)

    def finish(self, reason: str) -> None:
        """Ask for the whole graph to stop: the work is done.

        Raises:
            NodeError: the reason is not text.
        """
        if not isinstance(reason, str) or not reason:
            raise NodeError(f"finish() takes the reason as text, not {reason!r:.60}")
        self.context.finish(reason)

    def world_state(self) -> dict[str, Any]:
        """Return what a world checkpoint is to save of the node: its attributes, but for what the runtime gave it.

        A node that holds something foreign (see ``rtgraph.nodes.runtime.checkpoint.saveable``) puts something else in its place.
        """
        given = {"context", "params", "inputs", "outputs", *self.inputs, *self.outputs}
        return {name: value for name, value in vars(self).items() if name not in given}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Become what a world checkpoint says. Neither ``on_prepare`` nor ``on_start`` was called, or will be.

        Its timers, its inboxes and its generator are back by themselves; nothing may be published or scheduled here.
        """
        vars(self).update(state)

    def result(self) -> dict[str, Any]:
        """Return what the node wants to have said of it at the end of the launch, as JSON values."""
        return {}

    def failure(self) -> str:
        """Return why the launch has failed although the node lived to its end; empty if it has not."""
        return ""


def port_message(port: Input[Any] | Output[Any]) -> type[Message]:
    """Return the class of the messages of a port."""
    message_type: type[Message] = port.message_type
    return message_type


def check_ports_are_whole(node: Node[Any]) -> None:
    """Check that a node's ports are those of its class, and still there under their names.

    Raises:
        NodeError: an attribute took the place of one, or is one itself.
    """
    kind = type(node).__name__
    for name, value in vars(node).items():
        if isinstance(value, Input | Output):
            raise NodeError(f"{kind}.{name} is a port of one node: declare it in the class")
        bound = node.inputs.get(name) or node.outputs.get(name)
        if bound is not None and value is not bound:
            raise NodeError(
                f"{kind}.{name} is a port and cannot be an attribute, too", hint="rename the attribute"
            )

"""The base of node classes.

A node is a class with parameters, ports and handlers. It uses time, random numbers and other nodes only through its runtime:
``now_ns``, ``rng``, timers and ports. So the same class runs in real time, as one process of many, and in virtual time,
as one of hundreds of nodes in a single process.

Handlers run one at a time, each at one instant, and never block. A node that works for some time calls ``spend``. Until that
time is over the node is busy, like a process that computes. Meanwhile its inboxes fill, or newer messages replace older ones.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from types import MemberDescriptorType
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict

from rtgraph.msgs import Message
from rtgraph.msgs.declaration import build_if_foreign
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.interface.calls import whole_ns
from rtgraph.nodes.runtime.interface.context import Context, Placement, Timer, Urgency
from rtgraph.nodes.runtime.interface.declaration import check_class, check_params_type
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput, Input, Output
from rtgraph.nodes.runtime.interface.taps import Tap


class Params(BaseModel):
    """The parameters of a node: a frozen pydantic model that rejects unknown keys.

    The string below a field is its description, for example in ``rtgraph node info``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        build_if_foreign(cls)


P = TypeVar("P", bound=Params)


class Node(Generic[P]):
    """The base of every node.

    Subclasses name their parameters (``class Plant(Node[PlantParams])``), declare ports as class attributes, and may define
    ``on_prepare``, ``on_start``, ``on_params``, ``on_stop`` and, for an input ``x``, ``on_x``.

    ``stop_rank`` orders the stop of a graph: lower ranks stop first (plants 0, most nodes 1, monitors and
    metrics 2, recorders 3).

    ``agrees_on`` maps an input to names of parameters. These parameters must be equal in this node and in every node that
    publishes to the input. A publisher that lacks such a parameter, or has null there, is not compared.
    """

    params_type: ClassVar[type[Params]] = Params
    input_ports: ClassVar[dict[str, Input[Any]]] = {}
    output_ports: ClassVar[dict[str, Output[Any]]] = {}
    tap_ports: ClassVar[dict[str, Tap]] = {}
    stop_rank: ClassVar[int] = 1
    agrees_on: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    imports_later: ClassVar[tuple[str, ...]] = ()
    """Modules that a node imports only when it runs, such as torch. A launch imports them once, before it forks its nodes."""
    reproducible: ClassVar[bool] = True
    """Whether the node can run again from its journal (what it consumed). False, for example, if a person controls the node."""
    hardware: ClassVar[bool] = False
    """Whether the node drives a device. Such a node runs only in real time, in a separate process. ``rtgraph bag verify`` does
    not run it again."""

    only_reads: ClassVar[bool] = False
    """Whether the node never writes to the messages that it receives. In the virtual world it then receives no copies of
    their lists and dicts."""

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
        """Return a dict of the outputs, by name, of a node with these parameters. By default these are the outputs of the class."""
        del params
        return cls.output_ports

    @classmethod
    def has_outputs_of_params(cls) -> bool:
        """Return whether the outputs depend on the parameters."""
        own: Any = cls.outputs_of
        default: Any = Node.outputs_of
        return own.__func__ is not default.__func__

    def __init__(self, context: Context, params: P) -> None:
        self.context = context
        self.params = params
        self.inputs: dict[str, BoundInput[Any]] = {}
        self.outputs: dict[str, BoundOutput[Any]] = {}
        # Plain attributes are found without calling the ports' ``__get__``.
        for name, port in (type(self).input_ports | type(self).tap_ports).items():
            self.inputs[name] = self.__dict__[name] = BoundInput(port, getattr(self, f"on_{name}", None))
        for name, output in type(self).output_ports.items():
            self.outputs[name] = self.__dict__[name] = BoundOutput(output, context.send)

    @classmethod
    def check(cls, params: P) -> None:
        """Check what the types of the parameters cannot express, for example that a class named by a parameter exists.

        Called when a graph is checked, before any node starts. A node with another interpreter is checked in that interpreter.

        Raises:
            NodeError: the parameters are invalid.
        """

    @classmethod
    def check_placement(cls, params: P, placement: Placement) -> None:
        """Check what depends on the node's place in the graph. Called after ``check``, for each replica (copy) of the node.

        Not called for a node with another interpreter.

        Raises:
            NodeError: the node cannot start there.
        """

    @property
    def name(self) -> str:
        """The node's full name in the graph, such as ``worker/3``."""
        return self.context.identity.name

    @property
    def now_ns(self) -> int:
        """The graph's time, in ns since the graph began."""
        return self.context.now_ns()

    @property
    def rng(self) -> np.random.Generator:
        """The node's own random generator, seeded from the plan's seed, the node's name and its number of restarts."""
        return self.context.rng

    @property
    def log(self) -> logging.Logger:
        """The node's logger."""
        return self.context.log

    def on_prepare(self) -> None:
        """Do slow work before the graph begins: load files, allocate memory, warm up.

        Publishing and scheduling are not possible yet.
        """

    def preparing(self, what: str, done: int, total: int) -> bool:
        """Report the progress of a long ``on_prepare``, such as 300 of 16,000 updates.

        The graph waits for ``on_prepare`` as long as the node reports progress at least once a minute. Return False if the
        launch is being stopped. ``on_prepare`` must then return. In real time the result is always True: the launcher kills
        the node instead.
        """
        return self.context.preparing(what, done, total)

    def on_start(self) -> None:
        """Start the node. Now all edges are connected, and the graph's time is 0 or later."""

    def on_params(self, changed: frozenset[str]) -> None:
        """Handle changed parameters, given by their dotted paths. ``self.params`` already has the new values.

        To refuse the values, raise ``NodeError`` before you change any attribute. All parameters then have their old values again.
        After any other error the node ends.
        """

    def on_stop(self) -> None:
        """Stop the node: the last chance to publish. Not called when the node has failed or its process is killed."""

    def on_failure(self, problem: str) -> None:
        """Bring a device into a safe state. Called only in real time and if ``hardware`` is true.

        Called after ``on_start`` or a later method raised an error, before the process ends. Not called after an error in
        ``on_stop``.
        """

    def spend(self, duration_ns: int, then: Callable[[], None] | None = None) -> None:
        """Be busy for ``duration_ns``: no handler runs until this time is over. At its end, ``then`` runs before any handler.

        The call returns at once. In real time the process then waits, and continues to receive messages. In virtual time,
        computation takes time only by this call.

        In virtual time, a message that ``then`` publishes arrives *at* the end of the busy time, unless its edge has a
        transport time. So a decision that is due exactly at a tick counts for that tick. The node becomes free after all
        other events of that instant.

        Raises:
            NodeError: the duration is negative or not a whole number, ``then`` is not a method of the node, or the node is
                already busy.
        """
        self.context.spend(duration_ns, then)

    def after(self, delay_ns: int, handler: Callable[[], None]) -> Timer:
        """Call a method of this node once, ``delay_ns`` from now. If the node is busy then, the call waits until the node is free.

        Raises:
            NodeError: the delay is negative or not a whole number, or the handler is not a method of the
                node.
        """
        if type(delay_ns) is not int:
            delay_ns = whole_ns(delay_ns, "after()")
        if delay_ns < 0:
            raise NodeError(f"after() takes a delay, and {delay_ns} ns is negative")
        return self.at(self.now_ns + delay_ns, handler)

    def at(self, due_ns: int, handler: Callable[[], None], urgency: Urgency = Urgency.TIMER) -> Timer:
        """Call a method of this node once, at a time of the graph's clock (when the node is free).

        If the time is over, the call is due now. ``urgency`` orders the call among other events at the same time.

        Raises:
            NodeError: the time is not a whole number, the handler is not a method of the node, or ``urgency`` is ``FREE``.
        """
        return self.context.at(due_ns, handler, urgency)

    def every(self, period_ns: int, handler: Callable[[], None]) -> Timer:
        """Call a method of this node repeatedly, first one period from now. Missed periods are skipped.

        Raises:
            NodeError: the period is not a whole number, the period is below a microsecond, or the handler is not a method
                of the node.
        """
        return self.context.every(period_ns, handler)

    def finish(self, reason: str) -> None:
        """Ask the whole graph to stop because the work is done.

        Raises:
            NodeError: the reason is not text, or is empty.
        """
        if not isinstance(reason, str) or not reason:
            raise NodeError(f"finish() takes the reason as text that is not empty, not {reason!r:.60}")
        self.context.finish(reason)

    def world_state(self) -> dict[str, Any]:
        """Return the node's state for a checkpoint of the virtual world: its attributes except those set by the runtime.

        If an attribute holds an object that cannot be saved, override this method and return other values for this object.
        ``rtgraph.nodes.runtime.checkpoint.saveable`` lists what can be saved.
        """
        given = {"context", "params", "inputs", "outputs", *self.inputs, *self.outputs}
        state: Any = object.__getstate__(self)
        attributes, slots = state if isinstance(state, tuple) else (state, {})
        return {name: value for name, value in {**attributes, **slots}.items() if name not in given}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the node's state from a checkpoint of the virtual world. ``on_prepare`` and ``on_start`` are not called.

        The runtime restores timers, inboxes and the random generator. Do not publish or schedule in this method.
        """
        for name, value in state.items():
            if isinstance(getattr(type(self), name, None), MemberDescriptorType):  # of a class with __slots__
                setattr(self, name, value)
            else:
                vars(self)[name] = value

    def result(self) -> dict[str, Any]:
        """Return the node's result at the end of the launch, a dict of JSON values. The summary of the launch contains it."""
        return {}

    def failure(self) -> str:
        """Return why the launch counts as failed although the node ran to its end; empty if it did not fail."""
        return ""


def port_message(port: Input[Any] | Output[Any]) -> type[Message]:
    """Return the message class of a port."""
    message_type: type[Message] = port.message_type
    return message_type


def check_ports_are_whole(node: Node[Any]) -> None:
    """Check that no attribute of a node has replaced one of the ports of its class.

    Raises:
        NodeError: an attribute replaced a port, or a port was set as an attribute.
    """
    kind = type(node).__name__
    for name, value in vars(node).items():
        if isinstance(value, Input | Output):
            raise NodeError(f"{kind}.{name} is a port set on an instance: declare it in the class body")
        bound = node.inputs.get(name) or node.outputs.get(name)
        if bound is not None and value is not bound:
            raise NodeError(
                f"{kind}.{name} is a port and cannot be an attribute, too",
                hint="rename the attribute",
            )

"""The default behaviour β: it acts on ticks without a decision of the policy π."""

from __future__ import annotations

from typing import Protocol

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.plant.environment import Action, Value
from rtgraph.nodes.runtime.classes.imports import class_at
from rtgraph.nodes.runtime.classes.loading import call_problem


class DefaultBehaviour(Protocol):
    """The default behaviour β: it acts on ticks without a decision. It must be quick, because the tick waits for it."""

    def begin(self, noop: Action) -> None:
        """Begin an episode. ``noop`` is the plant's action that does nothing."""
        ...

    def act(self, observation: Value, last: Action | None) -> Action:
        """Return the action for a tick. ``last`` is the previous action; None if no action came before in this episode."""
        ...


class Noop:
    """The default behaviour that does nothing."""

    _noop: Action = 0

    def begin(self, noop: Action) -> None:
        self._noop = noop

    def act(self, observation: Value, last: Action | None) -> Action:
        return self._noop


class RepeatLast(Noop):
    """Repeats the previous tick's action. Before the first action it does nothing."""

    def act(self, observation: Value, last: Action | None) -> Action:
        return self._noop if last is None else last


_BY_NAME: dict[str, type[DefaultBehaviour]] = {"noop": Noop, "repeat_last": RepeatLast}


def make_default(name: str) -> DefaultBehaviour:
    """Return a default behaviour: ``noop``, ``repeat_last``, or a user's class as ``package.module:Class``.

    Raises:
        NodeError: there is no such behaviour.
    """
    made: DefaultBehaviour = default_class(name)()
    return made


def default_class(name: str) -> type[DefaultBehaviour]:
    """Return the class of a default behaviour: ``noop``, ``repeat_last``, or a user's class as ``package.module:Class``.

    Raises:
        NodeError: there is no such behaviour.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if ":" not in name:
        raise NodeError(
            f"unknown default behaviour {name!r}", hint=f"use {', '.join(_BY_NAME)} or package.module:Class"
        )
    try:
        return class_at(name)
    except NodeError as error:
        raise NodeError(
            f"default behaviour {name!r} cannot be loaded: {error.problem}", hint=error.hint
        ) from error


def check_default(name: str) -> None:
    """Check that a default behaviour exists and has the methods it needs. No object is made.

    Raises:
        NodeError: there is no such behaviour, it cannot be made without arguments, or it lacks ``begin`` or ``act``.
    """
    behaviour = default_class(name)
    if problem := call_problem(behaviour):
        raise NodeError(f"default behaviour {name!r} cannot be made: {problem}")
    for method, signature in (("begin", "begin(self, noop)"), ("act", "act(self, observation, last)")):
        if not callable(getattr(behaviour, method, None)):
            raise NodeError(f"default behaviour {name!r} has no method {method}", hint=f"define {signature}")

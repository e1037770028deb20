"""The default behaviour β: what acts when no decision of the policy π does."""

from __future__ import annotations

import importlib
from typing import Protocol

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.plant.environment import Action, Array


class DefaultBehaviour(Protocol):
    """Acts on the ticks that no decision is there for. It must be quick: it runs inside the tick."""

    def begin(self, noop: Action) -> None:
        """Begin an episode of a plant whose idle action is ``noop``."""
        ...

    def act(self, observation: Array, last: Action | None) -> Action:
        """Return the action for a tick, given the newest observation and the action of the previous tick, if any."""
        ...


class Noop:
    """Do nothing."""

    _noop: Action = 0

    def begin(self, noop: Action) -> None:
        self._noop = noop

    def act(self, observation: Array, last: Action | None) -> Action:
        return self._noop


class RepeatLast(Noop):
    """Repeat the previous tick's action; do nothing before the first."""

    def act(self, observation: Array, last: Action | None) -> Action:
        return self._noop if last is None else last


_BY_NAME: dict[str, type[DefaultBehaviour]] = {"noop": Noop, "repeat_last": RepeatLast}


def make_default(name: str) -> DefaultBehaviour:
    """Return a default behaviour: ``noop``, ``repeat_last``, or a class of your own as ``package.module:Class``.

    Raises:
        NodeError: there is no such behaviour.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]()
    module_name, _, class_name = name.partition(":")
    if not class_name:
        raise NodeError(
            f"no default behaviour {name!r}", hint=f"{', '.join(_BY_NAME)} or package.module:Class"
        )
    try:
        made: DefaultBehaviour = getattr(importlib.import_module(module_name), class_name)()
    except (ImportError, AttributeError) as error:
        raise NodeError(f"default behaviour {name!r} cannot be loaded: {error}") from error
    return made

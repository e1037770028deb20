"""Checks of the arguments of a node's timers and ``spend``: times in whole nanoseconds, and methods of the node."""

from __future__ import annotations

import operator
from types import FunctionType, MethodType
from typing import SupportsIndex

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.interface.declaration import check_at_one_instant, takes

SHORTEST_PERIOD_NS = 1_000
"""The shortest period of a timer. A shorter value is probably in the wrong unit, because no host repeats a call faster."""

_callable_later: set[FunctionType] = set()
"""Methods that have passed ``check_method``, and are not checked again."""


def whole_ns(value: object, call: str) -> int:
    """Return a time or a duration in nanoseconds as an integer.

    Raises:
        NodeError: the value is not an integer. A float is refused, even if it is a whole number.
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return operator.index(value)
    hint = f"for {value:g} s write round({value:g} * 1e9)" if isinstance(value, float) else None
    raise NodeError(f"{call} takes a whole number of nanoseconds, not {value!r:.60}", hint=hint)


def checked_period_ns(value: object) -> int:
    """Return the period of a repeated call in nanoseconds, after checking it.

    Raises:
        NodeError: the period is not a whole number, or is below a microsecond.
    """
    period_ns = whole_ns(value, "every()")
    if period_ns <= 0:
        raise NodeError(f"the period of a timer must be above 0 ns, not {period_ns} ns")
    if period_ns < SHORTEST_PERIOD_NS:
        raise NodeError(
            f"a period of {period_ns} ns is below {SHORTEST_PERIOD_NS:,} ns, the shortest",
            hint=f"for {period_ns} s write {period_ns}_000_000_000",
        )
    return period_ns


def check_method(handler: object, node: object) -> None:
    """Check that a handler for a later call is a method of the node that takes no arguments.

    A world checkpoint saves a scheduled call by the name of this method.

    Raises:
        NodeError: the handler is not such a method, is async, or is a generator.
    """
    if not isinstance(handler, MethodType) or handler.__self__ is not node:
        raise NodeError(
            f"{handler!r:.100} cannot be called later, because it is not a method of the node",
            hint=_way_out(handler),
        )
    function = handler.__func__
    if function in _callable_later:
        return
    if not isinstance(function, FunctionType):
        return
    check_at_one_instant(function.__qualname__, function)
    if not takes(function, 1):
        raise NodeError(
            f"{function.__qualname__} takes arguments, but a timer calls it without any",
            hint="keep what the method needs in attributes of the node",
        )
    _callable_later.add(function)


def _way_out(handler: object) -> str:
    if not callable(handler):
        return "name the method without calling it: self.method, not self.method()"
    return "define a method and pass self.method; keep what the method needs in attributes of the node"

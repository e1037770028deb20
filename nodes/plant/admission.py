"""Checks the actions of decisions against the plant's spec. Clamps continuous actions if ``out_of_range`` is ``clamp``."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any, Literal

from rtgraph.msgs import Decision
from rtgraph.msgs.spaces import ActionSpec, Discrete
from rtgraph.nodes.plant.actions import check_action, clamped
from rtgraph.nodes.plant.chunks import actions_of
from rtgraph.nodes.plant.environment import Action

OutOfRange = Literal["refuse", "clamp"]


class Admission:
    """Checks actions against the spec, and counts refused decisions by worker.

    Args:
        spec: the plant's actions.
        out_of_range: whether a continuous action beyond its range is refused, or clamped.
        log: receives a warning about the first refused decision of each worker.
    """

    _count: int = 0
    """Number of possible actions, if actions are ``Discrete``."""

    def __init__(self, spec: ActionSpec, out_of_range: OutOfRange, log: logging.Logger) -> None:
        self._spec = spec
        self._clamps = out_of_range == "clamp"
        self._log = log
        self._count = spec.count if isinstance(spec, Discrete) else 0
        self._taken = self._clamped = 0
        self._refused: Counter[str] = Counter()
        self._first = ""

    def takes(self, decision: Decision) -> bool:
        """Return whether a decision's actions fit the spec, or can be clamped to fit it.

        If not, count the decision as refused. The first refused decision of each worker is logged.
        """
        action = decision.action
        # The usual decision of a game.
        if type(action) is int and 0 <= action < self._count and decision.chunk is None:
            self._taken += 1
            return True
        try:
            check = clamped if self._clamps else check_action
            for action in actions_of(decision):
                check(action, self._spec)
        except ValueError as error:
            worker, number = decision.worker, decision.number
            if not self._refused[worker]:
                self._log.warning("refused decision %d of %s: %s", number, worker, error)
            self._first = self._first or f"decision {number} of {worker}: {error}"
            self._refused[worker] += 1
            return False
        self._taken += 1
        return True

    def in_range(self, action: Action) -> Action:
        """Return the action to apply: the given action, with its numbers clamped to their ranges if ``out_of_range`` is ``clamp``."""
        if not self._clamps:
            return action
        given = clamped(action, self._spec)
        self._clamped += given is not action
        return given

    def result(self) -> dict[str, Any]:
        """Return the number of clamped actions, if any action was clamped."""
        return {"clamped": self._clamped} if self._clamped else {}

    def failure(self) -> str:
        """If all decisions were refused, return why the first one was refused; otherwise return an empty text."""
        if self._taken or not self._refused:
            return ""
        return f"all {self._refused.total():,} decisions were refused, the first: {self._first}"

    def log_totals(self) -> None:
        """Log how many decisions of each worker were refused."""
        for worker, count in self._refused.items():
            self._log.warning("refused %d decisions of %s in total", count, worker)

"""The actions that are decided and not yet applied, in the order in which the plant's gate will apply them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtgraph.msgs import Action
from rtgraph.msgs.spaces import ActionSpec, Continuous, Discrete


class PendingActions:
    """The pending actions of one episode.

    The gate, which applies one decision per tick, takes the decision on the newest observation and never goes back to an older
    one. So actions are in the order of the observations that they were decided on.

    Args:
        spec: the plant's actions.
        slots: number of actions that an observation holds; if more are pending, it holds the newest.
    """

    def __init__(self, spec: ActionSpec, slots: int) -> None:
        self._slots = slots
        self._decided: list[tuple[int, Action]] = []
        inner = () if isinstance(spec, Discrete) else (spec.size,)
        self._empty = np.zeros((slots, *inner), np.float32 if isinstance(spec, Continuous) else np.int64)

    def begin(self) -> None:
        """Begin an episode, and drop all pending actions: they are never applied."""
        self._decided.clear()

    def decided(self, tick: int, action: Action) -> None:
        """Add the action that was decided on the observation of a tick."""
        self._decided.append((tick, action))
        self._decided.sort(key=lambda item: item[0])

    def applied(self, observed_tick: int) -> None:
        """Remove the decision on this tick's observation, which acted, and the decisions on older observations."""
        self._decided = [item for item in self._decided if item[0] > observed_tick]

    def observation(self) -> dict[str, Any]:
        """Return ``pending`` and ``pending_mask``: the actions in the order of their application, then zeros in free slots."""
        pending, mask = self._empty.copy(), np.zeros(self._slots, np.int8)
        for slot, (_, action) in enumerate(self._decided[-self._slots :]):
            pending[slot], mask[slot] = action, 1
        return {"pending": pending, "pending_mask": mask}

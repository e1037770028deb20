"""The pending actions: decided but not yet applied, in the order in which they will be applied."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtgraph.msgs import Action
from rtgraph.msgs.spaces import ActionSpec, Continuous, Discrete


class PendingActions:
    """The pending actions (decided but not yet applied) of one episode, sorted by the ticks of their observations.

    The plant applies the actions in this order: after a decision on one observation, it applies no decision on an older one.

    Args:
        spec: the plant's actions.
        slots: maximum number of pending actions in an observation. If more are pending, the newest are used.
    """

    def __init__(self, spec: ActionSpec, slots: int) -> None:
        self._slots = slots
        self._decided: list[tuple[int, Action]] = []
        inner = () if isinstance(spec, Discrete) else (spec.size,)
        self._empty = np.zeros((slots, *inner), np.float32 if isinstance(spec, Continuous) else np.int64)

    def begin(self) -> None:
        """Begin an episode. Pending actions of the last episode are dropped, because they are never applied."""
        self._decided.clear()

    def decided(self, tick: int, action: Action) -> None:
        """Add an action. ``tick`` is the tick of the observation for which the action was decided."""
        self._decided.append((tick, action))
        self._decided.sort(key=lambda item: item[0])

    def applied(self, observed_tick: int) -> None:
        """Remove the action that was just applied, and all actions decided on older observations.

        Args:
            observed_tick: the tick of the observation on which the applied action was decided.
        """
        self._decided = [item for item in self._decided if item[0] > observed_tick]

    def observation(self) -> dict[str, Any]:
        """Return a dict with the arrays ``pending`` and ``pending_mask``, for an observation.

        ``pending`` has the actions in the order in which they will be applied, then zeros. ``pending_mask`` is 1 for each action.
        """
        pending, mask = self._empty.copy(), np.zeros(self._slots, np.int8)
        for slot, (_, action) in enumerate(self._decided[-self._slots :]):
            pending[slot], mask[slot] = action, 1
        return {"pending": pending, "pending_mask": mask}

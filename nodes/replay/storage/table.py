"""The transitions of a replay memory without their frames (observations): one row each.

The first word of a row is 0 if the row is empty or incomplete, else 1 + the index of the row's transition. The word is written last
and cleared first. So each row is complete or absent, even if the process is killed during a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtgraph.msgs import Action, ActionSpec, Continuous, Discrete
from rtgraph.msgs.errors import NotFinite, ReplayError
from rtgraph.nodes.plant.actions import check_action
from rtgraph.nodes.runtime.region import Region

_COUNTERS_BYTES = 64
_MOST = float(np.finfo(np.float32).max)

Rows = npt.NDArray[np.void]


class TransitionTable:
    """Transitions in a fixed number of rows, in memory or in a file.

    Args:
        action: the spec of actions.
        rows: number of rows.
        order: what a full table keeps (``recent`` or ``reservoir``); a file with another order is refused.
        meaning: settings that all rows share, such as the discount; a file with other settings is refused.
        path: the file, continued if it exists; None for memory.

    Raises:
        RegionError: there is too little room, or the file holds another table or is in use.
    """

    def __init__(
        self,
        action: ActionSpec,
        rows: int,
        order: str,
        path: Path | None = None,
        meaning: Mapping[str, object] | None = None,
    ) -> None:
        self._action = action
        dtype = row_dtype(action)
        row = [list(map(str, field)) for field in dtype.descr]
        layout = {"kind": "transitions", "rows": rows, "order": order, "row": row}
        layout |= {"actions": action.model_dump(mode="json"), **(meaning or {})}
        self.size_bytes = _COUNTERS_BYTES + rows * dtype.itemsize
        self._region = Region.open(layout, self.size_bytes, path)
        self._counters = self._region.array("<u8", (_COUNTERS_BYTES // 8,), 0)
        self.rows: Rows = self._region.array(dtype, (rows,), _COUNTERS_BYTES)  # type: ignore[assignment]
        self.index: npt.NDArray[np.uint64] = self.rows["index"]
        self.priority: npt.NDArray[np.float32] = self.rows["priority"]
        self._observation, self._next = self.rows["observation"], self.rows["next_observation"]

    @staticmethod
    def has_actions(path: Path, action: ActionSpec) -> bool:
        """Return whether the actions in a table's file have this spec.

        Raises:
            RegionError: the file cannot be read.
        """
        region = Region.attach(path)
        region.close()
        return region.layout.get("actions") == action.model_dump(mode="json")

    @property
    def continued(self) -> bool:
        """Whether the file existed before it was opened here."""
        return self._region.continued

    @property
    def seen(self) -> int:
        """Number of transitions ever added to the replay memory, including transitions that it did not keep."""
        return int(self._counters[0])

    @seen.setter
    def seen(self, count: int) -> None:
        self._counters[0] = count

    @property
    def ticks(self) -> int:
        """Number of ticks (steps) of the environment."""
        return int(self._counters[1])

    @ticks.setter
    def ticks(self, count: int) -> None:
        self._counters[1] = count

    @property
    def demonstrated(self) -> int:
        """Number of demonstrated transitions ever added, including those no longer kept. They were added before all others."""
        return int(self._counters[2])

    @demonstrated.setter
    def demonstrated(self, count: int) -> None:
        self._counters[2] = count

    def write(
        self,
        slot: int,
        index: int,
        frames: tuple[int, int],
        action: Action,
        outcome: tuple[float, float, int],
        priority: float,
    ) -> None:
        """Write a transition into an empty row.

        ``frames`` are the handles (numbers) of the row's two frames; ``outcome`` is the reward, the discount and the number of
        ticks.
        """
        self.rows[slot] = (0, *frames, action, *outcome, priority)
        self.index[slot] = index + 1

    def clear(self, slot: int) -> tuple[int, int]:
        """Clear a row. Return the handles (numbers) of its two frames."""
        self.index[slot] = 0
        return int(self._observation[slot]), int(self._next[slot])

    def valid(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return for each row whether its action, reward and discount are finite, and a discrete action is in range, (n,) bool."""
        found: npt.NDArray[np.bool_] = np.isfinite(self.rows["reward"][rows]) & np.isfinite(
            self.rows["discount"][rows]
        )
        actions, spec = self.rows["action"][rows], self._action
        right = (
            np.isfinite(actions) if isinstance(spec, Continuous) else (actions >= 0) & (actions < spec.count)
        )
        found &= right.all(axis=1) if right.ndim > 1 else right
        return found

    def check(self, action: Action, reward: float, discount: float) -> None:
        """Check that a row can hold these values.

        Raises:
            NotFinite: the action or the reward is not finite, or the reward is too large for a float32.
            ReplayError: the action has another shape than the environment's, a ``Discrete`` or ``MultiDiscrete`` action is not
                of integers or is out of range, or the discount is outside 0 to 1.
        """
        spec = self._action
        if not holds(spec, action):
            numbers = "numbers" if isinstance(spec, Continuous) else f"integers from 0 to {spec.count - 1}"
            kind = numbers if isinstance(spec, Discrete) else f"arrays of {spec.size} {numbers}"
            raise ReplayError(f"{action!r} is not an action of this plant: its actions are {kind}")
        if isinstance(spec, Continuous) and not np.isfinite(action).all():
            raise NotFinite(f"the action {action!r} of a transition has a number that is not finite")
        if not abs(reward) <= _MOST:
            raise NotFinite(
                f"the reward of a transition is {reward:g}",
                hint=f"rewards must be finite, and within ±{_MOST:.2g} when added up over a transition",
            )
        if not 0.0 <= discount <= 1.0:
            raise ReplayError(
                f"the discount of a transition is {discount:g}, outside 0 to 1",
                hint="give gamma^ticks, or 0 at a terminal state",
            )

    def world_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return a copy of the counters and of the rows up to the last one in use, for a checkpoint of the virtual world."""
        used = int(np.flatnonzero(self.index)[-1]) + 1 if self.index.any() else 0
        return {"counters": self._counters.copy(), "rows": self.rows[:used].view("u1").copy()}

    def load_world_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Restore the rows and counters of a checkpoint into a new table."""
        rows = np.ascontiguousarray(state["rows"]).view(self.rows.dtype)
        self._counters[:] = state["counters"]
        self.rows[: len(rows)] = rows

    def sync(self) -> None:
        """Flush writes to disk."""
        self._region.sync()

    def close(self) -> None:
        """Close the file."""
        self._region.close()


def holds(spec: ActionSpec, action: Action) -> bool:
    """Return whether an action has the shape of a plant's actions and, unless they are ``Continuous``, holds integers in range."""
    if isinstance(spec, Continuous):
        return np.shape(action) == (spec.size,)
    try:
        check_action(action, spec)
    except ValueError:
        return False
    return True


def row_dtype(action: ActionSpec) -> np.dtype[np.void]:
    """Return the structured dtype of a row: index, handles of frames, action, reward, discount, ticks, priority."""
    kind = "<f4" if isinstance(action, Continuous) else "<i8"
    shape = () if isinstance(action, Discrete) else (action.size,)
    fields: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]] = [
        ("index", "<u8"),
        ("observation", "<i8"),
        ("next_observation", "<i8"),
        ("action", kind, shape),
        ("reward", "<f4"),
        ("discount", "<f4"),
        ("ticks", "<u4"),
        ("priority", "<f4"),
    ]
    # Aligned, so that the word that validates a row is written at once.
    return np.dtype(fields, align=True)

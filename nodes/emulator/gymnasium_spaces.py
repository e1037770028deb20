"""Convert Gymnasium spaces to a plant's spec (dtypes and shapes), and observations to arrays.

A ``Dict`` or ``Tuple`` space becomes several named arrays, called the parts of an observation. The name of a part is its path:
the keys, and the indices in a tuple, joined by "/", such as ``camera/rgb`` and ``joints/0``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from rtgraph.msgs.spaces import ActionSpec, ArraySpec, Continuous, Discrete, MultiDiscrete, PartsSpec, Value

if TYPE_CHECKING:
    from gymnasium import Space

Path = tuple[str | int, ...]
"""The keys and indices that lead to one array in a nested observation."""

BETWEEN = "/"
_DTYPES = frozenset(get_args(ArraySpec.model_fields["dtype"].annotation))


def action_spec(space: Space[Any], name: str) -> ActionSpec:
    """Return the spec of the actions of an environment. ``name`` is the environment's name, for errors.

    Raises:
        ValueError: the space is of a kind that is not supported.
    """
    from gymnasium import spaces  # noqa: PLC0415 - an import of 0.2 s that only this node needs

    match space:
        case spaces.Discrete():
            return Discrete(count=int(space.n))
        case spaces.Box() if len(space.shape) == 1 and space.dtype.kind == "f" and space.is_bounded():
            return Continuous(low=tuple(space.low.tolist()), high=tuple(space.high.tolist()))
        case spaces.MultiDiscrete() if space.nvec.ndim == 1 and len(set(space.nvec.tolist())) == 1:
            return MultiDiscrete(size=len(space.nvec), count=int(space.nvec[0]))
    raise ValueError(
        f"gymnasium environment {name!r}: the action space {space} is not supported. hint: it must be Discrete, "
        "a bounded one-dimensional float Box, or a one-dimensional MultiDiscrete of equal counts"
    )


class Observations:
    """Converts observations of a Gymnasium environment to arrays of a plant's spec (dtypes and shapes).

    Args:
        space: the environment's observation space.
        name: the environment's name, for errors.

    Raises:
        ValueError: a space is of a kind that is not supported, or two arrays would have the same name.
    """

    def __init__(self, space: Space[Any], name: str) -> None:
        self._paths: dict[str, tuple[Path, np.dtype[Any]]] = {}
        parts: dict[str, ArraySpec] = {}
        for path, leaf in _leaves(space, ()):
            part = _array_spec(leaf)
            if part is None:
                within = "" if leaf is space else f", which holds {leaf}"
                raise ValueError(
                    f"gymnasium environment {name!r}: the observation space {space}{within} is not supported. hint: it must be "
                    f"Discrete, MultiDiscrete, MultiBinary, a Box (dtype {', '.join(sorted(_DTYPES))}), or a Dict or "
                    "Tuple of these"
                )
            part_name = BETWEEN.join(map(str, path))
            if part_name in parts:
                raise ValueError(
                    f"gymnasium environment {name!r}: two parts of its observations get the name {part_name!r}, because a "
                    "name joins keys by '/'. hint: rename a key of the observation space, in a wrapper"
                )
            parts[part_name] = part
            self._paths[part_name] = path, np.dtype(part.dtype)
        self.spec: ArraySpec | PartsSpec = (
            parts[""] if () in dict(self._paths.values()) else PartsSpec(parts=parts)
        )

    def read(self, observation: Any) -> Value:
        """Return an observation of the environment as one array, or as a dict of arrays by name.

        The arrays are copies, because many environments later change the arrays that they returned.
        """
        values: dict[str, Any] = {}
        for name, (path, dtype) in self._paths.items():
            inner = observation
            for key in path:
                inner = inner[key]
            values[name] = np.array(inner, dtype)
        return values if isinstance(self.spec, PartsSpec) else values[""]


def _leaves(space: Space[Any], path: Path) -> Iterator[tuple[Path, Space[Any]]]:
    """Yield each innermost space of a nested space, with its path. Only ``Dict`` and ``Tuple`` contain other spaces."""
    from gymnasium import spaces  # noqa: PLC0415

    match space:
        case spaces.Dict():
            for key, inner in space.items():
                yield from _leaves(inner, (*path, key))
        case spaces.Tuple():
            for index, inner in enumerate(space.spaces):
                yield from _leaves(inner, (*path, index))
        case _:
            yield path, space


def _array_spec(space: Space[Any]) -> ArraySpec | None:
    from gymnasium import spaces  # noqa: PLC0415

    match space:
        case spaces.Discrete():
            first = int(space.start)
            return ArraySpec(dtype="int64", shape=(), low=first, high=first + int(space.n) - 1)
        case spaces.MultiDiscrete():
            low, high = space.start.min(), (space.start + space.nvec).max() - 1
            return ArraySpec(dtype="int64", shape=space.shape, low=float(low), high=float(high))
        case spaces.MultiBinary():
            return ArraySpec(dtype="int8", shape=space.shape, low=0, high=1)
        case spaces.Box() if space.dtype.name in _DTYPES:
            low, high = float(space.low.min()), float(space.high.max())
            return ArraySpec(
                dtype=space.dtype.name,
                shape=space.shape,
                low=low if np.isfinite(low) else None,
                high=high if np.isfinite(high) else None,
            )
    return None

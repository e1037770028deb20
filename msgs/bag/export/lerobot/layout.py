"""The features of a dataset: the columns and films that hold a plant's messages, and the values in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.bag.export.columns import UniqueNames
from rtgraph.msgs.bag.export.lerobot.frames import DatasetFrame
from rtgraph.msgs.bag.export.pictures.arrays import Pixels, newest_of_stack, picture
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.spaces import parts_of

Array = npt.NDArray[np.generic]
Parts = Mapping[str, Array]

MOST_DIMENSIONS = 5
"""Maximum number of dimensions of a LeRobot column."""

STATE = "observation.state"
"""The name of the column that holds all vectors of an observation, one after the other."""

UNKNOWN = -1
"""The number written in place of a missing integer, because LeRobot reads no nulls."""


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    """A column of a dataset: its name, dtype (numpy's, or ``string``), shape, and the names of its elements.

    ``value`` is a function that returns the column's value in a frame.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    value: Callable[[DatasetFrame], Any]
    elements: tuple[str, ...] = ()

    def feature(self) -> dict[str, Any]:
        """Return the column's entry in ``meta/info.json``."""
        return {"dtype": self.dtype, "shape": list(self.shape), "names": list(self.elements) or None}


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """The columns and films of a dataset.

    ``films`` maps the name of a film to a part of the observation, and to the (height, width) of its pictures.
    """

    columns: tuple[DatasetColumn, ...]
    films: Mapping[str, tuple[str, tuple[int, int]]]


class LayoutSurvey:
    """Finds the columns and films that fit all frames."""

    def __init__(self, spec: RecordedSpec) -> None:
        self._spec = spec
        self._parts: dict[str, Array] = {}
        self._action: Array | None = None
        self._sent = False
        self._captured: dict[str, None] = {}
        self._measurements: dict[str, None] = {}
        self.remarks: dict[str, None] = {}
        """Differences of the dataset from the recording, one line of text each, in order."""

    def take(self, frame: DatasetFrame) -> None:
        """Add the columns and films that this frame of the dataset needs.

        Raises:
            BagError: the frame's observation or action differs in shape or dtype from that of an earlier frame.
        """
        parts = parts_of(frame.observation["value"])
        self._parts = self._parts or dict(parts)
        if _kinds(parts) != _kinds(self._parts):
            raise BagError(
                f"observations change from {_described(self._parts)} to {_described(parts)}, "
                "but a dataset has one shape and dtype",
                hint="export each stretch of time by itself, with --start and --duration",
            )
        action = np.atleast_1d(np.asarray(frame.applied["action"]))
        self._action = action if self._action is None else self._action
        if (action.dtype, action.shape) != (self._action.dtype, self._action.shape):
            raise BagError(
                f"actions change from {self._action.dtype} {self._action.shape} to {action.dtype} {action.shape}: "
                "a dataset has one shape and dtype",
                hint="export each stretch of time by itself, with --start and --duration",
            )
        self._sent = self._sent or frame.applied.get("sent") is not None
        self._captured |= dict.fromkeys(frame.observation.get("captured_ns") or ())
        self._measurements |= dict.fromkeys(frame.observation.get("measurements") or ())

    def layout(self) -> DatasetLayout:
        """Return the columns and films that fit all frames.

        Raises:
            BagError: there was no frame.
        """
        if self._action is None:
            raise BagError(
                "no action follows an observation in this range, so there is no frame to export",
                hint="a frame is an observation and the action applied at the next tick: record both topics",
            )
        parts = {part: value for part, value in self._parts.items() if self._fits(part, value)}
        vectors = {part: value for part, value in parts.items() if value.ndim <= 1}
        columns = [_state(vectors, self._spec)] if vectors else []
        names = UniqueNames(*(column.name for column in columns))
        films: dict[str, tuple[str, tuple[int, int]]] = {}
        for part, value in parts.items():
            pixels = self._pixels(part, value)
            if pixels is not None:
                name = self._named(part, _film_name(part), names)
                films[name] = (part, (pixels.shape[0], pixels.shape[1]))
            elif value.ndim > 1:
                columns.append(_tensor(self._named(part, _tensor_name(part), names), part, value))
        columns += [self._action_column("action", _action), *self._extras(names)]
        return DatasetLayout(tuple(columns), films)

    def _fits(self, part: str, value: Array) -> bool:
        """Return whether a dataset can hold this part of an observation. If it cannot, add a remark that says why."""
        named = part or "the observation"
        if not value.size:
            self.remarks[f"{named} has no elements, so it is left out"] = None
        elif value.ndim > MOST_DIMENSIONS:
            self.remarks[f"{named} has {value.ndim} dimensions, so it is left out"] = None
        return bool(value.size) and value.ndim <= MOST_DIMENSIONS

    def _named(self, what: str, plain: str, names: UniqueNames) -> str:
        """Return a unique name for a column or film. If ``plain`` is taken, add a number to it, and a remark to ``remarks``."""
        name = names.name(plain)
        if name != plain:
            self.remarks[f"{what} is {name}: {plain} is taken"] = None
        return name

    def _pixels(self, part: str, value: Array) -> Pixels | None:
        name = part or "the observation"
        pixels = picture(value)
        if pixels is None and (pixels := newest_of_stack(value)) is not None:
            self.remarks[f"{name} is a stack of pictures: the newest is in the film"] = None
        elif pixels is not None and pixels.ndim == 2:
            self.remarks[f"{name} is grey: its film has three equal channels"] = None
        elif pixels is not None and pixels.shape[2] == 4:
            self.remarks[f"{name} has an alpha channel, which its film lacks"] = None
        return pixels

    def _action_column(self, name: str, value: Callable[[DatasetFrame], Array]) -> DatasetColumn:
        if self._action is None:
            raise AssertionError("the action's shape is unknown: call take with a frame first")
        elements = self._spec.action_names
        if len(elements) != self._action.size:
            elements = ("action",) if self._action.size == 1 else tuple(map(str, range(self._action.size)))
        return DatasetColumn(name, self._action.dtype.name, self._action.shape, value, elements)

    def _extras(self, names: UniqueNames) -> Iterable[DatasetColumn]:
        yield _scalar("next.reward", "float32", lambda frame: frame.outcome["reward"])
        yield _scalar(
            "next.done", "bool", lambda frame: frame.outcome["terminated"] or frame.outcome["truncated"]
        )
        yield _scalar("next.terminated", "bool", lambda frame: frame.outcome["terminated"])
        yield _scalar("next.truncated", "bool", lambda frame: frame.outcome["truncated"])
        yield _scalar("tick", "int64", lambda frame: frame.observation["tick"])
        yield _scalar("episode", "int64", lambda frame: frame.observation["episode"])
        yield _scalar("stamp_ns", "int64", lambda frame: frame.observation["header"]["stamp_ns"])
        if self._captured:
            parts = tuple(self._parts)
            named = tuple(part or "observation" for part in parts)
            yield DatasetColumn(
                "captured_ns", "int64", (len(parts),), lambda frame: _captured(frame, parts), named
            )
        if self._sent:
            yield self._action_column("sent_action", _sent)
        yield _scalar("by", "string", lambda frame: frame.applied["by"])
        yield _scalar("worker", "string", lambda frame: frame.applied.get("worker") or "")
        for name in ("age_ticks", "age_ns", "delay_ticks", "lateness_ns"):
            yield _scalar(name, "int64", _number_of(name))
        for name in self._measurements:
            column = self._named(f"measurements.{name}", f"measurements.{_fit(name)}", names)
            yield _scalar(column, "float64", _measurement(name))


def pixels_of(value: Array) -> Pixels:
    """Return the frame of a film from an image: (height, width, 3), or (height, width) if it is grey."""
    pixels = picture(value)
    if pixels is None:
        pixels = newest_of_stack(value)
    if pixels is None:
        raise AssertionError(
            "this frame has no picture, although the survey of all frames found a picture in each"
        )
    return pixels[..., :3] if pixels.ndim == 3 else pixels


def _state(vectors: Parts, spec: RecordedSpec) -> DatasetColumn:
    """Return the column that holds all vectors of an observation, one after the other."""
    dtype = np.result_type(*vectors.values())
    size = sum(value.size for value in vectors.values())
    elements: list[str] = []
    for part, value in vectors.items():
        names = spec.elements.get(part, ())
        if len(names) != value.size:
            names = tuple(map(str, range(value.size))) if value.ndim else ()
        prefix = f"{part}." if part and len(vectors) > 1 else ""
        elements += [f"{prefix}{name}" for name in names] or [part or "observation"]

    def value_in(frame: DatasetFrame) -> Array:
        parts = parts_of(frame.observation["value"])
        return np.concatenate([parts[name].reshape(-1) for name in vectors], dtype=dtype)

    return DatasetColumn(STATE, dtype.name, (size,), value_in, tuple(elements))


def _tensor(name: str, part: str, value: Array) -> DatasetColumn:
    return DatasetColumn(
        name,
        value.dtype.name,
        value.shape,
        lambda frame: parts_of(frame.observation["value"])[part],
    )


def _tensor_name(part: str) -> str:
    return f"observation.{_fit(part)}" if part else STATE


def _film_name(part: str) -> str:
    return f"observation.images.{_fit(part)}" if part else "observation.image"


def _fit(name: str) -> str:
    """Return a name without slashes, which LeRobot does not allow."""
    return name.replace("/", "_")


def _scalar(name: str, dtype: str, value: Callable[[DatasetFrame], Any]) -> DatasetColumn:
    return DatasetColumn(name, dtype, (1,), value)


def _number_of(name: str) -> Callable[[DatasetFrame], int]:
    # With a default: another version of rtgraph may have recorded fewer fields.
    def value(frame: DatasetFrame) -> int:
        found = frame.applied.get(name)
        return UNKNOWN if found is None else found

    return value


def _measurement(name: str) -> Callable[[DatasetFrame], float]:
    return lambda frame: float((frame.observation.get("measurements") or {}).get(name, np.nan))


def _captured(frame: DatasetFrame, parts: tuple[str, ...]) -> Array:
    times = frame.observation.get("captured_ns") or {}
    return np.array([times.get(part, UNKNOWN) for part in parts], np.int64)


def _action(frame: DatasetFrame) -> Array:
    return np.atleast_1d(np.asarray(frame.applied["action"]))


def _sent(frame: DatasetFrame) -> Array:
    sent = frame.applied.get("sent")
    return _action(frame) if sent is None else np.atleast_1d(np.asarray(sent))


def _kinds(parts: Parts) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    return {name: (value.dtype, value.shape) for name, value in parts.items()}


def _described(parts: Parts) -> str:
    return ", ".join(f"{name or 'an array'} {value.dtype} {value.shape}" for name, value in parts.items())

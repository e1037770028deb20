"""Export to a file for the Rerun viewer: images, numbers as curves, texts.

A message is on three timelines: ``log`` (when it was recorded), ``stamp`` (when it was published), and ``tick`` (only if it
has a field ``tick``). ``log`` and ``stamp`` are wall time if the recording holds the wall time of its start. Otherwise they
are the time since the graph's start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.bag.bag import Bag, Recorded
from rtgraph.msgs.bag.export.columns import row
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.pictures.arrays import picture
from rtgraph.msgs.bag.export.reading import Fields, Reading
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection
from rtgraph.msgs.typed.extras import needed_by

if TYPE_CHECKING:
    import rerun as rr

Kind = Literal["number", "text", "vector", "tensor", "picture", "empty"]

BATCH_ROWS: dict[Kind, int] = {"number": 1024, "text": 1024, "vector": 1024, "tensor": 16, "picture": 16}
MODELS: dict[int, Literal["L", "RGB", "RGBA"]] = {1: "L", 3: "RGB", 4: "RGBA"}
"""Rerun's name of an image's colour model, by the number of channels."""

LARGEST_CURVES = 64
"""Maximum number of elements of a vector that is drawn as curves, one per element. Any other array that is not an image is
exported as a tensor."""


def export_rerun(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to an ``.rrd`` file: ``rerun FILE`` shows it.

    Raises:
        BagError: the selected part is empty, or ``out`` exists or cannot be written.
    """
    with needed_by("exporting to rerun"):
        import rerun as rr  # noqa: PLC0415 - optional
    reading = Reading(bag, selection)
    count = 0
    with whole(out) as work:
        # send_properties would write the time of the export into the file.
        stream = rr.RecordingStream("rtgraph", recording_id=bag.path.stem, send_properties=False)
        stream.save(work / out.name)
        if bag.plan_yaml is not None:
            stream.log("plan", rr.TextDocument(bag.plan_yaml), static=True)
        converter = _Converter(stream, reading, bag.info.get("epoch_unix_ns"))
        for recorded, fields in reading.messages():
            converter.write(recorded, fields)
            count += 1
        converter.flush()
        stream.disconnect()
    return reading.ledger.report("rerun", (out,), count)


@dataclass(slots=True)
class _Batch:
    """Successive values of one field that are sent together, with their times. All are of one kind, such as images or numbers."""

    times: list[tuple[int, int, int]] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


class _Converter:
    """Sends the fields of messages to a Rerun recording, in batches per field."""

    def __init__(self, stream: rr.RecordingStream, reading: Reading, epoch_unix_ns: str | None) -> None:
        self._stream, self._ledger = stream, reading.ledger
        self._epoch_ns = int(epoch_unix_ns) if epoch_unix_ns is not None else None
        self._batches: dict[tuple[str, Kind, bool], _Batch] = {}

    def write(self, recorded: Recorded, fields: Fields) -> None:
        """Add a message's fields to the batches, and send full batches."""
        tick = fields.get("tick")
        ticked = isinstance(tick, int)
        times = (recorded.log_ns, recorded.publish_ns, tick if isinstance(tick, int) else 0)
        for name, value in row(recorded, fields).items():
            path, kind = _path(recorded, name), _kind(value)
            if value is None:
                continue
            if kind == "empty":
                self._ledger.left_out(path, "empty array")
                continue
            batch = self._batches.setdefault((path, kind, ticked), _Batch())
            batch.times.append(times)
            batch.values.append(value)
            if len(batch.values) >= BATCH_ROWS[kind]:
                self._send(path, kind, batch, ticked=ticked)

    def flush(self) -> None:
        """Send the batches that are not full."""
        for (path, kind, ticked), batch in self._batches.items():
            if batch.values:
                self._send(path, kind, batch, ticked=ticked)

    def _send(self, path: str, kind: Kind, batch: _Batch, *, ticked: bool) -> None:
        # Not stream.log, which would add the time of the export.
        self._stream.send_columns(
            path, self._indexes(batch.times, ticked=ticked), _columns(kind, batch.values)
        )
        batch.times, batch.values = [], []

    def _indexes(self, times: list[tuple[int, int, int]], *, ticked: bool) -> list[rr.TimeColumn]:
        import rerun as rr  # noqa: PLC0415 - optional

        log_ns, stamp_ns, ticks = np.asarray(times, np.int64).T
        indexes = [self._index("log", log_ns), self._index("stamp", stamp_ns)]
        return [*indexes, rr.TimeColumn("tick", sequence=ticks)] if ticked else indexes

    def _index(self, name: str, graph_ns: npt.NDArray[np.int64]) -> rr.TimeColumn:
        import rerun as rr  # noqa: PLC0415 - optional

        if self._epoch_ns is None:
            return rr.TimeColumn(name, duration=graph_ns.astype("timedelta64[ns]"))
        return rr.TimeColumn(name, timestamp=(graph_ns + self._epoch_ns).astype("datetime64[ns]"))


def _kind(value: object) -> Kind:
    if not isinstance(value, np.ndarray):
        return "number" if isinstance(value, (bool, int, float)) else "text"
    if picture(value) is not None:
        return "picture"
    if not value.size:
        return "empty"
    return "vector" if value.ndim == 1 and value.size <= LARGEST_CURVES else "tensor"


def _columns(kind: Kind, values: list[Any]) -> rr.ComponentColumnList:
    import rerun as rr  # noqa: PLC0415 - optional

    match kind:
        case "number":
            return rr.Scalars.columns(scalars=np.asarray(values, np.float64))
        case "text" | "empty":
            return rr.TextLog.columns(text=values)
        case "vector":
            flat = np.concatenate([value.astype(np.float64) for value in values])
            return rr.Scalars.columns(scalars=flat).partition([value.size for value in values])
        case "tensor":
            # Rerun's tensors have no booleans.
            numbers = [value.astype(np.uint8) if value.dtype == np.bool_ else value for value in values]
            return rr.Tensor.columns(data=[rr.encodings.TensorData(array=one) for one in numbers])
        case "picture":
            shown = [pixels for value in values if (pixels := picture(value)) is not None]
            formats = [
                rr.encodings.ImageFormat(
                    width=pixels.shape[1],
                    height=pixels.shape[0],
                    color_model=MODELS[pixels.shape[2] if pixels.ndim == 3 else 1],
                    channel_datatype="U8",
                )
                for pixels in shown
            ]
            return rr.Image.columns(buffer=[pixels.tobytes() for pixels in shown], format=formats)
        case _:
            assert_never(kind)


def _path(recorded: Recorded, name: str) -> str:
    """Return the path of a field in the Rerun recording. It contains the publisher, so that each publisher has its own curve."""
    parts = [*recorded.channel.topic.split("/"), recorded.channel.publisher, *name.split(".")]
    return "/".join(re.sub(r"[^A-Za-z0-9_-]", lambda found: f"\\{found[0]}", part) for part in parts)

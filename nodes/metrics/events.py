"""TensorBoard event files: scalars over ticks.

The files do not depend on the machine or the date. The time of an event is the time in seconds since the start of the run. So
the same run in virtual time always writes the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.msgs.atomic import writing
from rtgraph.msgs.errors import MetricsError
from rtgraph.msgs.typed.extras import needed_by
from rtgraph.nodes.metrics.table import Row, Table

_FORMAT = "brain.Event:2"


class EventFile:
    """Writes the new rows of tables to a TensorBoard event file. A value becomes a scalar if its column has a tag.

    Args:
        tags: For each table, the TensorBoard tags by column.
        incarnation: The number of restarts of the metrics node. After each restart the node writes a new file, because the
            previous file may end in half a record.
        written: For each table, the number of rows that earlier event files already hold.
    """

    def __init__(self, tags: Sequence[Mapping[str, str]], incarnation: int, written: Sequence[int]) -> None:
        self._tags = [dict(tagged) for tagged in tags]
        self.name = f"events.out.tfevents.{incarnation:010d}.rtgraph"
        self._written = list(written)
        self._begun = False
        # Now, when it may be slow: otherwise the first event of a run waits for it.
        with needed_by("writing curves for TensorBoard"):
            import tensorboardX  # noqa: F401, PLC0415 - loads torch where that is installed

    def write(self, folder: Path, tables: Sequence[Table]) -> None:
        """Append the rows added since the last call. If ``folder`` no longer holds the file, write a new file with all rows.

        Args:
            folder: The folder in which the file is written.
            tables: The tables, in the order of ``tags``.

        Raises:
            MetricsError: The file cannot be written.
        """
        path = folder / self.name
        begins = not self._begun or not path.exists()
        if self._begun and begins:
            self._written = [0] * len(tables)
        if not begins and all(
            done == len(table.rows) for done, table in zip(self._written, tables, strict=True)
        ):
            return
        new = [
            (row[table.columns.index("time_s")] or 0.0, place, _event(tagged, table.columns, row))
            for place, (tagged, table, done) in enumerate(zip(self._tags, tables, self._written, strict=True))
            for row in table.rows[done:]
        ]
        # In order of arrival, also when all rows are written at once.
        new.sort(key=lambda event: event[:2])
        events = [*([_first()] if begins else []), *(event for _, _, event in new)]
        with writing(path, MetricsError), open(path, "wb" if begins else "ab") as file:
            file.write(b"".join(map(_record, events)))
        self._begun, self._written = True, [len(table.rows) for table in tables]


def _first() -> bytes:
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415 - see above

    data: bytes = Event(wall_time=0.0, file_version=_FORMAT).SerializeToString()
    return data


def _event(tagged: Mapping[str, str], columns: Sequence[str], row: Row) -> bytes:
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415 - see above
    from tensorboardX.proto.summary_pb2 import Summary  # noqa: PLC0415

    cells = dict(zip(columns, row, strict=True))
    values = [
        Summary.Value(tag=tag, simple_value=float(cell))
        for column, tag in tagged.items()
        if (cell := cells[column]) is not None
    ]
    event = Event(wall_time=cells["time_s"], step=cells["tick"], summary=Summary(value=values))
    data: bytes = event.SerializeToString()
    return data


def _record(data: bytes) -> bytes:
    """Return an event as a TFRecord: the event's length, a checksum of the length, the event, a checksum of the event."""
    from tensorboardX.record_writer import masked_crc32c  # noqa: PLC0415 - see above

    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)), data, struct.pack("<I", masked_crc32c(data)))
    )

"""Export to an MCAP file for Foxglove: images as ``foxglove.RawImage``, everything else as JSON.

An image in a field is published losslessly on ``TOPIC/FIELD``. The message that contains the image is published as JSON on
``TOPIC``. The JSON holds short vectors in full (by name if the recorded launch names their elements) and summaries of larger
arrays. Log and publish times are wall time if the recording holds the wall time of its start, otherwise ns since the graph's
start.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from mcap.writer import Writer
from mcap_protobuf.schema import register_schema

from rtgraph.msgs.bag.bag import Bag, Channel, Recorded
from rtgraph.msgs.bag.export.json_values import Json, fitted_schema, jsonable, simple_schema, unnamed
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.pictures.arrays import ENCODINGS, Pixels, picture, values_in
from rtgraph.msgs.bag.export.plant.spec import parsed_plan, spec_in
from rtgraph.msgs.bag.export.reading import Fields, Reading
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection

CHUNK_BYTES = 1 << 20
SECOND_NS = 1_000_000_000
NAMED = frozenset({"Observation", "Applied", "Decision"})
"""Names of message classes with observations or actions. The recorded plan (the resolved launch file) may name the elements of
both."""


def export_foxglove(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to an MCAP file for Foxglove, with all attachments, such as the plan (the resolved launch file).

    Raises:
        BagError: the selected part is empty, or ``out`` exists or cannot be written.
    """
    reading = Reading(bag, selection)
    epoch_ns = int(bag.info.get("epoch_unix_ns", 0))
    count = 0
    with whole(out) as work, (work / out.name).open("xb") as file:
        writer = Writer(file, chunk_size=CHUNK_BYTES)
        writer.start(profile="", library="rtgraph")
        writer.add_metadata("rtgraph", bag.info)
        for name, data in bag.attachments().items():
            writer.add_attachment(epoch_ns, epoch_ns, name, _media_type(name), data)
        converter = _Converter(writer, reading, epoch_ns)
        for recorded, fields in reading.messages():
            converter.write(recorded, fields)
            count += 1
        writer.finish()  # type: ignore[no-untyped-call]
    return reading.ledger.report("foxglove", (out,), count)


class _Converter:
    """Writes messages in Foxglove's schemas."""

    def __init__(self, writer: Writer, reading: Reading, epoch_ns: int) -> None:
        self._writer, self._ledger, self._epoch_ns = writer, reading.ledger, epoch_ns
        self._names = _names(reading.channels)
        self._spec = spec_in(parsed_plan(reading.bag.plan_yaml))
        self._json_channels: dict[Channel, int] = {}
        self._image_channel = functools.cache(self._new_image_channel)
        self._image_schema = functools.cache(self._new_image_schema)

    def write(self, recorded: Recorded, fields: Fields) -> None:
        """Write a message and its images."""
        name = self._names[recorded.channel]
        shown = dict(_pictures(fields))

        def note(path: str, why: str) -> None:
            if path not in shown:
                self._ledger.left_out(f"{name}: {path}", why)

        names = self._spec.names_of if recorded.channel.schema_name in NAMED else unnamed
        values = jsonable(fields, note, names=names)
        channel = recorded.channel
        if channel not in self._json_channels:
            self._json_channels[channel] = self._new_json_channel(channel, values)
        text = json.dumps(values, allow_nan=False)
        self._add(self._json_channels[channel], recorded, text.encode())
        for path, pixels in shown.items():
            data = _image(pixels, self._time_ns(recorded.publish_ns), recorded.channel.publisher)
            self._add(self._image_channel(channel, path), recorded, data)

    def _add(self, channel_id: int, recorded: Recorded, data: bytes) -> None:
        self._writer.add_message(
            channel_id,
            log_time=self._time_ns(recorded.log_ns),
            data=data,
            publish_time=self._time_ns(recorded.publish_ns),
            sequence=recorded.sequence,
        )

    def _time_ns(self, graph_ns: int) -> int:
        time_ns = graph_ns + self._epoch_ns
        if time_ns < 0:
            self._ledger.remark("messages before time 0 are shown at 0: MCAP has no negative times")
        return max(0, time_ns)

    def _new_json_channel(self, channel: Channel, first: Json) -> int:
        fitted = fitted_schema(simple_schema(channel.schema), first)
        schema = json.dumps(fitted, sort_keys=True).encode()
        schema_id = self._writer.register_schema(channel.schema_name, "jsonschema", schema)
        return self._writer.register_channel(
            self._names[channel], "json", schema_id, {"publisher": channel.publisher, "port": channel.port}
        )

    def _new_image_channel(self, channel: Channel, path: str) -> int:
        return self._writer.register_channel(
            f"{self._names[channel]}/{path}",
            "protobuf",
            self._image_schema(),
            {"publisher": channel.publisher},
        )

    def _new_image_schema(self) -> int:
        schema_id: int = register_schema(self._writer, RawImage)
        return schema_id


def _image(pixels: Pixels, stamp_ns: int, frame: str) -> bytes:
    height, width, *channels = pixels.shape
    image = RawImage(
        frame_id=frame,
        width=width,
        height=height,
        encoding=ENCODINGS[channels[0] if channels else 1],
        step=width * (channels[0] if channels else 1),
        data=pixels.tobytes(),
    )
    image.timestamp.seconds, image.timestamp.nanos = divmod(stamp_ns, SECOND_NS)
    data: bytes = image.SerializeToString()
    return data


def _pictures(fields: Fields) -> Iterator[tuple[str, Pixels]]:
    for name, value in values_in(fields):
        if (pixels := picture(value)) is not None:
            yield name, pixels


def _names(channels: tuple[Channel, ...]) -> dict[Channel, str]:
    """Return the topic of each channel in the export. Foxglove allows one schema per topic.

    If the schemas on a topic differ, each channel gets the topic ``TOPIC@PUBLISHER``.
    """
    schemas: dict[str, set[str]] = {}
    for channel in channels:
        schemas.setdefault(channel.topic, set()).add(channel.schema_hash)
    return {
        channel: channel.topic if len(schemas[channel.topic]) == 1 else f"{channel.topic}@{channel.publisher}"
        for channel in channels
    }


def _media_type(name: str) -> str:
    kinds = {".yaml": "application/yaml", ".json": "application/json", ".txt": "text/plain"}
    return kinds.get(Path(name).suffix, "application/octet-stream")

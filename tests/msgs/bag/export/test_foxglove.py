import json

import numpy as np
import pytest
from support.arm import ARM_PLAN, moved
from support.recorded import EPOCH_NS, PERIOD_NS, PLAN, image_of, played, value_of

from rtgraph.msgs import Message, Observation, array
from rtgraph.msgs.bag.export import Selection, exporter
from rtgraph.msgs.bag.export.json_values import simple_schema

pytest.importorskip("foxglove_schemas_protobuf", reason="pip install 'rtgraph[export]'")

from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory


class Odd(Message):
    number: float = 0.0
    picture: array() = np.zeros(0)
    bounds: tuple[int, int] = (0, 1)
    inner: dict[str, float] | None = None


class Other(Message):
    text: str = ""


@pytest.fixture
def export(out):
    def export(bag, *selection):
        report = exporter("foxglove")(bag, out / "run.mcap", *selection)
        with (out / "run.mcap").open("rb") as file:
            reader = make_reader(file, validate_crcs=True)
            messages = list(reader.iter_messages())
            attachments = {item.name: item.data for item in reader.iter_attachments()}
            return report, messages, reader.get_summary(), attachments

    return export


def on(raw, topic):
    return [(schema, message) for schema, channel, message in raw if channel.topic == topic]


def decoded(schema, message):
    """Decode by the schema in the file, not by the installed one."""
    return DecoderFactory().decoder_for("protobuf", schema)(message.data)


def pixels(image):
    channels = {"mono8": 1, "rgb8": 3, "rgba8": 4}[image.encoding]
    assert image.step == image.width * channels
    shape = (image.height, image.width) if channels == 1 else (image.height, image.width, channels)
    return np.frombuffer(image.data, np.uint8).reshape(shape)


def test_pictures_decode_through_the_foxglove_schema(session, export):
    recording = session()
    played(recording, 30)
    report, raw, summary, _ = export(recording.open())
    for topic, wanted in (("observation/value", value_of), ("screen/image", image_of)):
        messages = on(raw, topic)
        assert len(messages) == 30
        for tick, (schema, message) in enumerate(messages):
            assert (schema.name, schema.encoding) == ("foxglove.RawImage", "protobuf")
            image = decoded(schema, message)
            assert [field.name for field in image.DESCRIPTOR.fields] == [
                field.name for field in RawImage.DESCRIPTOR.fields
            ]
            np.testing.assert_array_equal(pixels(image), wanted(tick))
            assert image.timestamp.ToNanoseconds() == EPOCH_NS + tick * PERIOD_NS
            assert message.publish_time == EPOCH_NS + tick * PERIOD_NS
            assert message.log_time == EPOCH_NS + tick * PERIOD_NS + 100_000
            assert image.frame_id == "plant"
    assert summary.statistics.message_count == len(raw) == report.messages + 60
    assert not report.left_out


def test_everything_else_is_json_with_arrays_summarised(session, export):
    recording = session()
    played(recording, 10)
    _, raw, summary, attachments = export(recording.open())
    observations = [json.loads(message.data) for _, message in on(raw, "observation")]
    assert [found["tick"] for found in observations] == list(range(10))
    assert observations[3]["value"] == {"dtype": "uint8", "shape": [84, 84], "min": 3, "max": 86}
    assert observations[3]["header"]["stamp_ns"] == 3 * PERIOD_NS
    applied = [json.loads(message.data) for _, message in on(raw, "applied")]
    assert applied[1]["age_ticks"] == 3
    assert applied[0]["age_ticks"] is None
    assert {channel.message_encoding for channel in summary.channels.values()} == {"json", "protobuf"}
    assert attachments["plan.yaml"].decode() == PLAN


def test_each_picture_of_several_parts_is_shown_and_short_vectors_are_whole(session, export):
    recording = session()
    parts = {"wrist": value_of(3), "joints": np.array([0.5, np.nan]), "depth": np.zeros(65)}
    recording.put("observation", Observation(tick=0, episode=0, value=parts, captured_ns={"wrist": 7}), 0)
    report, raw, _, _ = export(recording.open())
    ((schema, message),) = on(raw, "observation/value.wrist")
    np.testing.assert_array_equal(pixels(decoded(schema, message)), value_of(3))
    found = json.loads(on(raw, "observation")[0][1].data)
    assert found["value"]["joints"]["data"] == [0.5, None]
    assert "data" not in found["value"]["depth"]
    assert found["captured_ns"] == {"wrist": 7}
    assert [(one.what, one.count) for one in report.left_out] == [
        ("observation: value.joints", 1),
        ("observation: value.depth", 1),
    ]


def test_short_vectors_are_exported_by_the_names_of_their_elements(session, export):
    recording = session(plan=ARM_PLAN)
    moved(recording, 2)
    recording.put("other", Odd(picture=np.array([1.0, 2.0])), 0)
    _, raw, _, _ = export(recording.open())
    observation, applied, other = (
        json.loads(on(raw, topic)[-1][1].data) for topic in ("observation", "applied", "other")
    )
    assert observation["value"]["joints"]["elements"] == {"pan": np.float32(1 / 7).item(), "lift": -1.0}
    assert applied["action"]["elements"] == {"pan": 1 / 3, "lift": 0.5}
    assert other["picture"]["data"] == [1, 2]


def test_schemas_describe_the_json(session, export):
    recording = session()
    played(recording, 3)
    _, raw, _, _ = export(recording.open())
    schema = json.loads(on(raw, "applied")[0][0].data)
    assert schema["properties"]["age_ticks"] == {"type": "integer"}
    assert schema["properties"]["by"] == {"type": "string"}
    assert schema["properties"]["header"]["properties"]["lineage"]["properties"]["tick"] == {
        "type": "integer"
    }
    observation = json.loads(on(raw, "observation")[0][0].data)["properties"]
    assert observation["value"]["properties"].keys() == {"dtype", "shape", "min", "max", "data"}
    for schema, _, _ in raw:
        if schema.encoding == "jsonschema":
            check_simple(json.loads(schema.data))


def test_a_schema_has_the_parts_of_an_observation_and_the_names_of_their_elements(session, export):
    recording = session(plan=ARM_PLAN)
    moved(recording, 2)
    _, raw, _, _ = export(recording.open())
    schema = json.loads(on(raw, "observation")[0][0].data)
    check_simple(schema)
    value = schema["properties"]["value"]["properties"]
    assert value.keys() == {"joints", "wrist", "load"}
    assert value["joints"]["properties"]["elements"]["properties"] == {
        "pan": {"type": "number"},
        "lift": {"type": "number"},
    }
    assert value["wrist"]["properties"]["min"] == {"type": "number"}
    assert schema["properties"]["captured_ns"]["properties"].keys() == {"joints", "wrist"}
    assert schema["properties"]["tick"] == {"type": "integer"}


def check_simple(schema):
    """Check that a schema uses only what Foxglove's reader of JSON schemas accepts."""
    assert schema.keys() <= {"type", "properties", "items"}
    assert schema["type"] in {"object", "array", "string", "number", "integer", "boolean"}
    if schema["type"] == "object":
        for inner in schema["properties"].values():
            check_simple(inner)
    if schema["type"] == "array":
        assert schema["items"]["type"] != "array"
        check_simple(schema["items"])


def test_a_schema_that_refers_to_itself_ends():
    schema = {
        "$defs": {"Tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Tree"}}}},
        "$ref": "#/$defs/Tree",
    }
    check_simple(simple_schema(json.dumps(schema).encode()))
    circle = {
        "$defs": {"A": {"$ref": "#/$defs/A"}},
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}},
    }
    assert simple_schema(json.dumps(circle).encode()) == {"type": "object", "properties": {}}


def test_without_an_epoch_times_are_the_graphs(session, export):
    recording = session(epoch=False)
    played(recording, 3)
    _, raw, _, _ = export(recording.open(), Selection(("screen",)))
    (_, _), (_, second), _ = on(raw, "screen/image")
    assert second.log_time == PERIOD_NS + 100_000
    assert second.publish_time == PERIOD_NS


def test_what_json_has_not_is_null_and_told(session, export):
    recording = session()
    recording.put("odd", Odd(number=float("nan"), picture=np.array([1.0, np.inf])), 0)
    report, raw, _, _ = export(recording.open())
    found = json.loads(on(raw, "odd")[0][1].data)
    assert found["number"] is None
    summary = {"dtype": "float64", "shape": [2], "min": 1.0, "max": None}
    assert found["picture"] == summary | {"data": [1.0, None]}
    assert {left.what for left in report.left_out} == {"odd: number", "odd: picture"}


@pytest.mark.parametrize("shape", [(84, 84), (84, 84, 1), (9, 8, 3), (9, 8, 4)])
def test_shapes_that_are_pictures(session, export, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    recording = session()
    recording.put("odd", Odd(picture=image), 0)
    _, raw, _, _ = export(recording.open())
    np.testing.assert_array_equal(
        pixels(decoded(*on(raw, "odd/picture")[0])), image.squeeze(-1) if shape[-1] == 1 else image
    )


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 84, 84), np.uint8), np.zeros((84, 84)), np.zeros((4, 3), np.uint8), np.zeros(65, np.uint8)],
)
def test_shapes_that_are_not(session, export, array):
    recording = session()
    recording.put("odd", Odd(picture=array), 0)
    report, raw, _, _ = export(recording.open())
    assert not on(raw, "odd/picture")
    assert [left.what for left in report.left_out] == ["odd: picture"]


def test_one_topic_with_two_schemas_becomes_two(session, export):
    recording = session()
    recording.put("state", Odd(), 0, publisher="left")
    recording.put("state", Other(text="hello"), 1, publisher="right")
    _, raw, _, _ = export(recording.open())
    assert [channel.topic for _, channel, _ in raw] == ["state@left", "state@right"]

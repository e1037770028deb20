"""ROS 2 bags read back by rosbags' own reader."""

import json

import numpy as np
import pytest
from support.arm import ARM_PLAN, action_of, captured_of, joints_of, moved, sent_of, wrist_of
from support.recorded import EPOCH_NS, PERIOD_NS, image_of, played, value_of

from rtgraph.msgs import Message, Observation, array
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export import exporter

highlevel = pytest.importorskip("rosbags.highlevel", reason="pip install 'rtgraph[rosbag2]'")


class Numbers(Message):
    values: array()
    count: int = 0
    names: tuple[str, ...] = ()
    note: str | None = None
    either: int | float = 0


@pytest.fixture
def read(out):
    """Export a recording, and return the report and each topic's type and (time, message)s."""

    def read(recording, **more):
        report = exporter("rosbag2")(recording.open(), out / "run", **more)
        found = {}
        with highlevel.AnyReader([out / "run"]) as reader:
            for connection, time_ns, data in reader.messages():
                message = reader.deserialize(data, connection.msgtype)
                found.setdefault(connection.topic, []).append((connection.msgtype, time_ns, message))
        return report, found

    return read


def test_pictures_numbers_and_times_are_what_was_recorded(session, read):
    recording = session()
    played(recording, 30)
    report, topics = read(recording)
    assert report.messages == 30 * 3 + 15 + 1
    for topic, wanted, encoding in (("/observation", value_of, "mono8"), ("/screen", image_of, "rgb8")):
        assert len(topics[topic]) == 30
        for tick, (kind, time_ns, image) in enumerate(topics[topic]):
            assert (kind, image.encoding) == ("sensor_msgs/msg/Image", encoding)
            pixels = image.data.reshape(image.height, image.step).reshape(wanted(tick).shape)
            np.testing.assert_array_equal(pixels, wanted(tick))
            stamp = image.header.stamp
            assert stamp.sec * 10**9 + stamp.nanosec == time_ns == EPOCH_NS + tick * PERIOD_NS
            assert image.header.frame_id == "plant"
    assert [message.data for _, _, message in topics["/observation/reward"]] == [
        0.5 if tick % 20 else 0.0 for tick in range(30)
    ]
    assert [message.data for _, _, message in topics["/applied"]] == [tick % 3 for tick in range(30)]
    kinds = {topic: messages[0][0].removeprefix("std_msgs/msg/") for topic, messages in topics.items()}
    assert kinds["/observation/reward"] == "Float64"
    assert kinds["/observation/terminated"] == "Bool"
    assert kinds["/applied"] == kinds["/applied/age_ticks"] == "Int64"
    assert kinds["/applied/by"] == "String"
    assert kinds["/observation/measurements/speed"] == "Float64"
    assert len(topics["/applied/age_ticks"]) == 24  # β has no age, so no message
    assert not report.left_out


def test_joints_are_joint_states_with_stamps_of_capture(session, read):
    recording = session(plan=ARM_PLAN)
    moved(recording)
    _, topics = read(recording)
    for tick, (kind, _, state) in enumerate(topics["/observation/joints"]):
        assert kind == "sensor_msgs/msg/JointState"
        assert state.name == ["pan", "lift"]
        np.testing.assert_array_equal(state.position, joints_of(tick))
        assert len(state.velocity) == len(state.effort) == 0
        stamp = state.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == EPOCH_NS + captured_of(tick)["joints"]
    for tick, (_, time_ns, image) in enumerate(topics["/observation/wrist"]):
        np.testing.assert_array_equal(image.data.reshape(9, 11, 3), wrist_of(tick))
        assert time_ns == EPOCH_NS + tick * PERIOD_NS
    for tick, (_, _, command) in enumerate(topics["/applied"]):
        np.testing.assert_array_equal(command.velocity, action_of(tick))
    assert [list(message.velocity) for _, _, message in topics["/applied/sent"]] == [
        sent_of(tick).tolist() for tick in range(4, 12)
    ]
    kind, _, load = topics["/observation/load"][3]
    assert kind == "std_msgs/msg/Float64MultiArray"
    assert load.data.tolist() == [3 / 9]


@pytest.mark.parametrize(
    "dtype",
    [
        "bool",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "uint32",
        "int32",
        "uint64",
        "int64",
        "float16",
        "float32",
        "float64",
    ],
)
def test_every_array_comes_back_with_its_shape(session, read, dtype):
    given = (np.arange(6) % 2 if dtype == "bool" else np.arange(6)).astype(dtype).reshape(2, 3)
    recording = session()
    recording.put("numbers", Numbers(values=given), 0)
    _, topics = read(recording)
    ((kind, _, message),) = topics["/numbers/values"]
    assert [size.size for size in message.layout.dim] == [2, 3]
    assert [size.stride for size in message.layout.dim] == [6, 3]
    np.testing.assert_array_equal(message.data.reshape(2, 3), given.astype(message.data.dtype))
    same = {"bool": "UInt8", "float16": "Float32"}.get(
        dtype, dtype.replace("int", "Int").replace("uI", "UI").capitalize()
    )
    assert kind.casefold() == f"std_msgs/msg/{same}MultiArray".casefold()


@pytest.mark.parametrize("part", ["value", "image", "action"])
def test_a_part_with_the_name_of_a_main_field_has_its_own_topic(session, read, part):
    recording = session(plan=ARM_PLAN)
    recording.put(
        "observation", Observation(tick=0, episode=0, value={part: np.ones(2), "b": np.zeros(3)}), 0
    )
    _, topics = read(recording)
    assert len(topics[f"/observation/{part}"][0][2].data) == 2
    assert "/observation" not in topics


def test_an_array_without_elements_is_an_array(session, read):
    recording = session(plan=ARM_PLAN)
    recording.put("observation", Observation(tick=0, episode=0, value={"empty": np.zeros(0)}), 0)
    _, topics = read(recording)
    ((kind, _, message),) = topics["/observation/empty"]
    assert kind == "std_msgs/msg/Float64MultiArray"
    assert len(message.data) == 0


def test_names_fit_ros_and_stay_apart(session, read):
    recording = session()
    for topic in ("claim/worker/0", "a-b", "a_b", "ü__"):
        recording.put(topic, Numbers(values=np.zeros(1), names=("x",)), 0)
    report, topics = read(recording)
    assert {topic.rpartition("/")[0] for topic in topics if topic.endswith("/count")} == {
        "/claim/worker/n0",
        "/a_b",
        "/unnamed",
    } | {"/a_b"}
    assert "/a_b/count_2" in topics
    assert json.loads(topics["/a_b/names"][0][2].data) == ["x"]
    assert "/claim/worker/n0/note" not in topics  # it was null
    assert any("/claim/worker/0/values is /claim/worker/n0/values" in remark for remark in report.remarks)


def test_a_topic_has_one_type(session, read):
    recording = session()
    for number, either in enumerate((1, 2.5, 3)):
        recording.put("numbers", Numbers(values=np.zeros(1), either=either), number)
    report, topics = read(recording)
    assert [message.data for _, _, message in topics["/numbers/either"]] == [1, 3]
    (left,) = report.left_out
    assert left.what == "/numbers/either"
    assert left.why == "a std_msgs/msg/Float64 on a topic of std_msgs/msg/Int64"


def test_without_an_epoch_times_are_the_graphs_and_journals_are_left_out(session, read):
    recording = session(epoch=False)
    played(recording, 3)
    recording.put("_journal", Numbers(values=np.zeros(1)), 5)
    report, topics = read(recording)
    assert [time_ns for _, time_ns, _ in topics["/screen"]] == [tick * PERIOD_NS for tick in range(3)]
    assert [left.what for left in report.left_out] == ["_journal"]
    assert not [topic for topic in topics if "journal" in topic]


def test_a_recording_that_was_cut_off_is_exported_as_far_as_it_goes(session, out):
    recording = session()
    played(recording, 100)
    path = recording.open().path
    cut = path.with_name("cut.mcap")
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    report = exporter("rosbag2")(Bag.open(cut), out / "run")
    assert any(remark.startswith("the recording: ") for remark in report.remarks)
    with highlevel.AnyReader([out / "run"]) as reader:
        assert reader.message_count > 0

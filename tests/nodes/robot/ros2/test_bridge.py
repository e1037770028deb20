"""The bridge to ROS 2, without ROS 2: messages are those of rosbags, and the session is a stand-in."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.arm import ARM_PLAN
from support.examples import examples
from support.host import HandHost
from support.ros2_standin import Anything, StandInSession

from rtgraph.graphs import load_launch
from rtgraph.msgs import CameraImage, Header, Observation, encode
from rtgraph.msgs.array import DTYPES
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec
from rtgraph.msgs.bag.export.ros import RosConverter
from rtgraph.msgs.errors import GraphError, NodeError, RobotError
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.nodes.robot.ros2 import Ros2Bridge, bridge
from rtgraph.nodes.robot.ros2.incoming import FromRos, FromRosParams, checked_from_ros
from rtgraph.nodes.runtime import LaunchContext
from rtgraph.nodes.runtime.classes.loading import planned_outputs
from rtgraph.nodes.runtime.interface.taps import taken

store = pytest.importorskip("rtgraph.msgs.bag.export.rosbag2.store", reason="pip install 'rtgraph[rosbag2]'")

EPOCH_NS = 1_800_000_000_000_000_000
ESTOP = {"topic": "/stop", "type": "std_msgs/msg/Empty", "message": "EStop", "values": {"reason": "ROS"}}
CAMERA = {"topic": "/camera", "type": "sensor_msgs/msg/Image", "message": "CameraImage"}
EXACT = {"bool": "uint8", "float16": "float32"}
"""The dtypes that ROS lacks, and those that hold their numbers."""


def arrived(message, kind):
    """Return a ROS message as it arrives at the other end."""
    return store.STORE.deserialize_cdr(store.STORE.serialize_cdr(message, kind), kind)


def in_ros(message, *, spec=None, frame_id=None, source="there", stamp_ns=7):
    """Return the ROS messages of a message as they arrive, and their types, by path."""
    header = Header(source=source, incarnation=0, sequence=0, stamp_ns=stamp_ns)
    converter = RosConverter(spec or RecordedSpec(), store.made, frame_id)
    fields = {**message.__dict__, "header": header.model_dump()}
    made = converter.convert(fields, type(message).__name__, stamp_ns + EPOCH_NS, EPOCH_NS)
    return {one.path: (one.type, arrived(one.message, one.type)) for one in made}


def stamp_of(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


@examples(60)
@given(
    hnp.arrays(st.sampled_from(list(DTYPES.values())), hnp.array_shapes(max_dims=4, max_side=12)),
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
def test_every_field_comes_back_from_ros_as_it_was(values, number, count, truth, text):
    there = Anything(array=values, number=number, count=count, truth=truth, text=text)
    for name, (kind, message) in in_ros(there).items():
        others = {
            field: getattr(there, field) for field in Anything.model_fields if field not in {"header", name}
        }
        params = from_ros(type=kind, message="support.ros2_standin:Anything", fields={name: ""})
        back = FromRos(params.model_copy(update={"values": others})).message(message, 0)
        found, wanted = getattr(back, name), getattr(there, name)
        if name == "array":
            assert found.dtype == EXACT.get(values.dtype.name, values.dtype.name)
            np.testing.assert_array_equal(found, values[:, :, 0] if is_grey(kind, values) else values)
        else:
            assert (type(found), found) == (type(wanted), wanted)


def is_grey(kind, values):
    return kind == CAMERA["type"] and values.shape[2:] == (1,)


def from_ros(**params):
    return FromRosParams(**{"topic": "/x", **params})


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_comes_back_with_its_capture_time_and_its_frame(channels):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 10, channels), np.uint8)
    there = CameraImage(image=pixels, captured_ns=123_456_789, frame_id="wrist")
    kind, message = in_ros(there, source="camera", stamp_ns=200_000_000)[""]
    assert (stamp_of(message), message.header.frame_id) == (123_456_789 + EPOCH_NS, "wrist")
    back = FromRos(from_ros(type=kind, message="CameraImage")).message(message, stamp_of(message) - EPOCH_NS)
    assert back == there
    assert back.image.shape == pixels.shape


def test_joints_come_back_in_the_asked_order_with_their_time():
    spec = RecordedSpec(elements={"": ("pan", "lift")})
    values = np.array([0.5, -1.0], np.float32)
    there = Observation(tick=3, episode=0, value=values, captured_ns={"": 55})
    kind, message = in_ros(there, spec=spec, frame_id="base")[""]
    assert (kind, message.name, message.header.frame_id) == (
        "sensor_msgs/msg/JointState",
        ["pan", "lift"],
        "base",
    )
    params = {"message": "Observation", "type": kind, "values": {"tick": 0, "episode": 0}, "dtype": "float32"}
    back = FromRos(from_ros(**params)).message(message, stamp_of(message) - EPOCH_NS)
    assert (back.value.tolist(), back.value.dtype, back.captured_ns) == ([0.5, -1.0], np.float32, {"": 55})
    turned = FromRos(from_ros(**params, names=["lift"])).message(message, 0)
    assert turned.value.tolist() == [-1.0]
    with pytest.raises(RobotError, match="the JointState has no value for roll; it names "):
        FromRos(from_ros(**params, names=["lift", "roll"])).message(message, 0)


def test_parts_of_a_message_fill_fields_in_the_type_of_the_field():
    wheels = {"shape": (2,), "type": "std_msgs/msg/Float64MultiArray"}
    _, data = in_ros(Observation(tick=0, episode=0, value=np.array([1.5, 2.5])))[""]
    params = from_ros(
        type=wheels["type"],
        message="support.ros2_standin:Speed",
        fields={"metres_per_s": "data.1", "wheels": "data"},
    )
    back = FromRos(params).message(data, 9)
    assert (back.metres_per_s, back.wheels.tolist(), back.captured_ns) == (2.5, [1.5, 2.5], 9)
    assert back.wheels.dtype == np.float32
    with pytest.raises(RobotError, match=re.escape("has no field 'data.7'")):
        FromRos(params.model_copy(update={"fields": {"metres_per_s": "data.7", "wheels": "data"}})).message(
            data, 9
        )
    with pytest.raises(RobotError, match="is not a number, a text or an array"):
        FromRos(params.model_copy(update={"fields": {"metres_per_s": "layout", "wheels": "data"}})).message(
            data, 9
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"message": "Nothing"}, "from_ros.x: module 'rtgraph.msgs' has no class 'Nothing'"),
        ({"message": "support.ros2_standin:StandInSession"}, "is not a message class"),
        ({"fields": {"picture": ""}}, "CameraImage has no field 'picture'. hint: "),
        ({"message": "Decision", "fields": {"action": ""}}, "no value for worker, number, began_ns"),
        (
            {"message": "support.ros2_standin:Anything"},
            "it is not clear which field of support.ros2_standin:Anything a sensor",
        ),
        ({"dtype": "float31"}, "from_ros.x: unknown dtype 'float31'. hint: did you mean 'float32'?"),
    ],
)
def test_a_wrong_topic_is_one_error(change, says):
    with pytest.raises(NodeError) as caught:
        checked_from_ros({"x": FromRosParams(**{**CAMERA, **change})})
    assert says in str(caught.value)


@pytest.fixture
def bridged(monkeypatch, tmp_path):
    """Make a bridge with a stand-in for ROS, which has a number of subscriptions on each topic."""

    def make(subscriptions=1, **params):
        session = StandInSession(subscriptions)
        monkeypatch.setattr(bridge, "RosSession", lambda name, domain: session)
        monkeypatch.setattr(bridge, "made", store.made)
        monkeypatch.setattr(bridge, "unix_ns", lambda: EPOCH_NS + host.clock.time_ns)
        (tmp_path / "plan.yaml").write_text(ARM_PLAN)
        host = HandHost(
            Ros2Bridge, params, launch_context=LaunchContext(directory=tmp_path), may_drive_hardware=True
        )
        host.begin()
        return host, session

    return make


def put(host, topic, message, *, source="plant", sequence=0, stamp_ns=0):
    data = encode(message.stamped(Header(source=source, incarnation=0, sequence=sequence, stamp_ns=stamp_ns)))
    host.executor.deliver(host.node.everything, taken(topic, "", envelope(data), data, stamp_ns))


def test_topics_of_the_graph_are_published_with_names_stamps_and_the_publisher_as_frame(bridged):
    host, session = bridged()
    joints = {"joints": np.zeros(2, np.float32), "wrist": np.zeros((9, 11, 3), np.uint8)}
    put(
        host,
        "observation",
        Observation(tick=4, episode=0, value=joints, captured_ns={"joints": 5}),
        stamp_ns=60,
    )
    (state,) = session.published["/rtgraph/observation/joints"].messages
    assert (state.name, stamp_of(state), state.header.frame_id) == (["pan", "lift"], EPOCH_NS + 5, "plant")
    (picture,) = session.published["/rtgraph/observation/wrist"].messages
    assert stamp_of(picture) == EPOCH_NS + 60
    assert [tick.data for tick in session.published["/rtgraph/observation/tick"].messages] == [4]
    assert host.node.result()["to_ros"]["/rtgraph/observation/joints"] == 1
    host.executor.stop()
    assert session.closed


def test_what_nobody_subscribes_to_is_advertised_and_not_published(bridged):
    host, session = bridged(0, namespace="")
    put(host, "observation", Observation(tick=4, episode=0, value=np.zeros(2)))
    assert session.published["/observation"].messages == []
    host, session = bridged(0, qos={"reliability": "reliable", "durability": "transient_local"})
    put(host, "observation", Observation(tick=4, episode=0, value=np.zeros(2)))
    assert len(session.published["/rtgraph/observation"].messages) == 1


def test_a_value_of_another_type_and_a_damaged_message_are_counted_and_left_out(bridged, caplog):
    host, session = bridged()
    for value in (np.zeros(2), np.zeros(3, np.uint8), np.zeros(2)):
        put(host, "sight", Observation(tick=4, episode=0, value=value))
    assert len(session.published["/rtgraph/sight"].messages) == 2
    assert "left out: its values are now std_msgs/msg/UInt8MultiArray" in caplog.text
    message = Observation(tick=4, episode=0, value=np.zeros(2))
    data = encode(message.stamped(Header(source="plant", incarnation=0, sequence=3, stamp_ns=0)))
    host.executor.deliver(host.node.everything, taken("sight", "", envelope(data), data[:-9], 0))
    assert host.node.result()["undecoded"] == 1


def test_topics_of_ros_are_published_in_the_graph_with_their_capture_time(bridged):
    host, session = bridged(from_ros={"estop": ESTOP, "front": CAMERA})
    host.clock.time_ns = 1_000_000_000
    pixels = np.full((8, 9, 3), 7, np.uint8)
    there = CameraImage(image=pixels, captured_ns=400_000_000, frame_id="front")
    session.subscribed["/camera"].arrive(in_ros(there)[""][1], EPOCH_NS + 900_000_000)
    session.subscribed["/stop"].arrive(
        store.made("std_msgs/msg/Empty", structure_needs_at_least_one_member=0), 0
    )
    host.run_until(1_010_000_000)
    (front,) = host.messages("front")
    assert (front.captured_ns, front.frame_id, front.image.tolist()) == (
        400_000_000,
        "front",
        pixels.tolist(),
    )
    (estop,) = host.messages("estop")
    assert (estop.reason, estop.reset) == ("ROS", False)


def test_what_does_not_fit_and_what_is_lost_is_a_warning_at_the_end(bridged):
    host, session = bridged(
        from_ros={"front": {**CAMERA, "message": "Screen", "values": {"tick": 0, "episode": 0}}}
    )
    grey = CameraImage(image=np.zeros((8, 8, 1), np.uint8), captured_ns=0)
    session.subscribed["/camera"].arrive(in_ros(grey)[""][1], EPOCH_NS)
    session.subscribed["/camera"].lost = 2
    host.run_until(10_000_000)
    assert host.messages("front") == []
    result = host.node.result()
    assert result["from_ros"] == {"/camera": {"messages": 1, "lost": 2, "refused": 1}}
    assert result["warnings"] == [
        "2 messages on /camera were lost",
        "1 messages on /camera were refused",
    ]


GRAPH = """
description: A bridge beside an endless plant.
includes:
  - graph: endless
  - graph: ros2_bridge
    arguments:
      topics: observation applied
      from_ros: {stop: {topic: /stop, type: std_msgs/msg/Empty, message: EStop}}
"""


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Load a graph with a bridge, as if this interpreter had rclpy."""
    monkeypatch.setattr(bridge, "check_installed", lambda types: None)

    def load(text=GRAPH, **more):
        (tmp_path / "bridged.yaml").write_text(text)
        return load_launch(tmp_path / "bridged.yaml", **{"world": "realtime", **more})

    return load


def test_a_plan_has_the_outputs_of_the_params_and_what_the_bridge_taps(loaded):
    plan = loaded(record=True)
    node = next(node for node in plan.nodes if node.name == "ros2_bridge")
    assert node.outputs == {"stop": "stop"}
    assert planned_outputs(node.node, node.params)["stop"].message_type.__name__ == "EStop"
    assert sorted(tapped.topic for tapped in node.taps["everything"]) == ["applied", "observation"]
    recorder = next(node for node in plan.nodes if node.name == "session/recorder")
    (stop,) = [tapped for tapped in recorder.taps["everything"] if tapped.topic == "stop"]
    assert (stop.publisher, stop.message) == ("ros2_bridge", "rtgraph.msgs.plant:EStop")
    assert type(plan).from_yaml(plan.to_yaml()) == plan


@pytest.mark.parametrize(
    ("old", "new", "world", "says"),
    [
        ("      topics:", "      namespace: a b\n      topics:", "realtime", "'a b' is not a ROS namespace"),
        (
            "observation applied",
            "observation\n      exclude: reward",
            "realtime",
            "params.exclude: 'reward' matches no topic",
        ),
        ("", "", "virtual", "'ros2_bridge' drives a device, so it cannot run in the virtual world"),
        ("topics: observation applied", "topics: observatoin", "realtime", "'observatoin' matches no topic"),
        (
            "message: EStop",
            "message: EStopp",
            "realtime",
            "from_ros.stop: module 'rtgraph.msgs' has no class",
        ),
    ],
)
def test_a_bridge_that_cannot_be_is_refused_by_the_check(loaded, old, new, world, says):
    with pytest.raises(GraphError, match=re.escape(says)):
        loaded(GRAPH.replace(old, new), world=world)

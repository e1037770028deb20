"""The driver of robots behind ROS 2 topics, without ROS 2: messages are made by hand."""

import importlib.machinery
import io
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Picture

from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.nodes.robot.driver import TimedDriver, check_driver, check_joints, make_driver
from rtgraph.nodes.robot.ros2.commands import CommandWriter
from rtgraph.nodes.robot.ros2.params import PartParams, ros2_params
from rtgraph.nodes.robot.ros2.readers import captured_ns, make_reader, number_at, unpacked
from rtgraph.nodes.robot.ros2.session import Received, check_installed

DRIVER = "rtgraph.nodes.robot.ros2:Ros2Robot"
JOINTS = {"topic": "/joint_states", "type": "sensor_msgs/msg/JointState", "names": ["pan", "lift"]}
COMMAND = {"topic": "/goal", "type": "std_msgs/msg/Float64MultiArray", "names": ["pan", "lift"]}
PARAMS = {"observation": {"joints": JOINTS}, "command": COMMAND}


def message(name="", /, **values):
    return SimpleNamespace(type=name, **values)


def joint_state(names, position, velocity=()):
    return message(name=names, position=position, velocity=velocity, effort=[])


def image(encoding, pixels, pad=0):
    rows = pixels.reshape(pixels.shape[0], -1)
    data = np.pad(rows, ((0, 0), (0, pad)))
    return message(
        encoding=encoding,
        height=pixels.shape[0],
        width=pixels.shape[1],
        step=data.shape[1],
        data=data.tobytes(),
    )


def test_joints_are_read_by_name_in_degrees_also_from_several_messages():
    names = {"pan": "base_pan", "lift": "base_lift"}
    reader = make_reader("joints", PartParams(**{**JOINTS, "names": names}), degrees=True)
    reader.take(joint_state(["other", "base_pan"], [9.0, math.pi], [0.0, math.pi / 2]), 5)
    assert "lift" in reader.missing()
    reader.take(joint_state(["base_lift"], [1.0]), 7)
    assert reader.missing() == ""
    assert reader.values == pytest.approx({"pan.pos": 180, "pan.vel": 90, "lift.pos": 180 / math.pi})
    assert (reader.captured["pan.pos"], reader.captured["lift.pos"]) == (5, 7)


@pytest.mark.parametrize(
    ("encoding", "order"), [("rgb8", [0, 1, 2]), ("bgr8", [2, 1, 0]), ("rgba8", [0, 1, 2, 3]), ("mono8", [0])]
)
def test_pictures_are_read_in_rgb_without_the_padding_of_rows(encoding, order):
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, len(order)), np.uint8)
    assert np.array_equal(unpacked(image(encoding, pixels, pad=3)), pixels[:, :, order])


@pytest.mark.parametrize(
    "wrong", [{"step": 20}, {"step": 22}, {"data": b""}, {"height": 0, "data": b""}, {"width": 8}]
)
def test_a_picture_with_data_of_another_size_is_refused(wrong):
    whole = vars(image("rgb8", np.zeros((5, 7, 3), np.uint8)))
    with pytest.raises(RobotError, match=r"an Image of .* bytes, with step"):
        unpacked(SimpleNamespace(**whole | wrong))


def test_a_picture_of_another_size_is_an_error_unless_it_is_scaled():
    part = {"topic": "/camera", "type": "sensor_msgs/msg/Image", "shape": [4, 4, 1]}
    grey = image("mono8", np.full((8, 8, 1), 90, np.uint8))
    with pytest.raises(RobotError, match=r"have the shape \(8, 8, 1\), not \(4, 4, 1\)"):
        make_reader("camera", PartParams(**part), degrees=False).take(grey, 0)
    reader = make_reader("camera", PartParams(**part, resize=True), degrees=False)
    reader.take(grey, 0)
    assert reader.values["camera"].tolist() == np.full((4, 4, 1), 90).tolist()


def test_a_compressed_picture_is_decoded_and_another_depth_is_refused():
    file = io.BytesIO()
    Picture.new("RGB", (6, 4), (10, 20, 30)).save(file, "png")
    part = PartParams(topic="/camera", type="sensor_msgs/msg/CompressedImage", shape=(4, 6, 3))
    reader = make_reader("camera", part, degrees=False)
    reader.take(message(format="png", data=file.getvalue()), 3)
    assert reader.values["camera"][0, 0].tolist() == [10, 20, 30]
    with pytest.raises(RobotError, match="a CompressedImage in 'rvl' cannot be read as a picture"):
        reader.take(message(format="rvl", data=b"depth"), 4)
    with pytest.raises(RobotError, match="unknown encoding '16UC1' of an Image"):
        unpacked(message(encoding="16UC1"))


def test_numbers_are_read_by_their_path():
    turned = message(x=0.0, y=0.0, z=math.sin(0.5), w=math.cos(0.5))
    odometry = message(pose=message(orientation=turned), data=[1.0, 2.5])
    assert number_at(odometry, "data.1") == 2.5
    assert number_at(odometry, "pose.orientation.yaw") == pytest.approx(1.0)
    with pytest.raises(RobotError, match=r"has no numeric field 'pose\.position'"):
        number_at(odometry, "pose.position")


def written(command, action, **defaults):
    def made(name, /, **values):
        return message(name, **(values or defaults))

    params = ros2_params({**PARAMS, "command": {**COMMAND, **command}}).command
    return CommandWriter(params, made, degrees=True).message(action, 2_000_000_003)


def test_commands_are_written_in_radians_and_in_order():
    action = {"lift.pos": 90.0, "pan.pos": 180.0}
    assert written({}, action).data.tolist() == pytest.approx([math.pi, math.pi / 2])
    state = written({"type": "sensor_msgs/msg/JointState", "frame_id": "base"}, action)
    assert (state.name, state.header.frame_id, state.header.stamp.nanosec) == (["pan", "lift"], "base", 3)
    path = written({"type": "trajectory_msgs/msg/JointTrajectory", "reach_s": 1.5}, action)
    [point] = path.points
    assert path.joint_names == ["pan", "lift"]
    assert point.positions.tolist() == pytest.approx([math.pi, math.pi / 2])
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (1, 500_000_000)


def test_a_twist_gets_velocities_in_its_fields():
    twist = {
        "type": "geometry_msgs/msg/Twist",
        "names": {},
        "fields": {"go": "linear.x", "turn": "angular.z"},
    }
    action = {"go.vel": 0.5, "turn.vel": -1.0}
    sent = written(twist, action, linear=message(x=0.0), angular=message(z=0.0))
    assert (sent.linear.x, sent.angular.z) == (0.5, -1.0)
    with pytest.raises(RobotError, match=r"has no numeric field 'linear\.x'"):
        written(twist, action, linear=message(y=0.0))


@pytest.mark.parametrize(
    ("stamp_ns", "stamps", "age_ns"),
    [(400, "header", 600), (0, "header", 300), (5000, "header", 300), (400, "reception", 300)],
    ids=["stamp", "no stamp", "stamp of the future", "differing clocks"],
)
def test_a_reading_was_captured_at_its_stamp_and_never_after_its_reception(stamp_ns, stamps, age_ns):
    header = message(stamp=message(sec=0, nanosec=stamp_ns))
    received = Received(message(header=header), 700)
    assert captured_ns(received, stamps, now_ns=10_000, wall_ns=1000) == 10_000 - age_ns


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"observation": {"joints": {**JOINTS, "names": []}}},
            "observation.joints: a JointState needs names",
        ),
        (
            {"observation": {"eye": {**JOINTS, "type": "sensor_msgs/msg/Image"}}},
            "observation.eye: a picture needs",
        ),
        ({"command": {**COMMAND, "type": "geometry_msgs/msg/Twist"}}, "geometry_msgs/msg/Twist needs fields"),
        ({"command": {**COMMAND, "type": "Twist"}}, "driver_params: command.type: "),
        ({"topics": []}, "driver_params: topics: "),
    ],
)
def test_wrong_parameters_are_one_error(change, says):
    with pytest.raises(NodeError, match=says):
        ros2_params({**PARAMS, **change})


def test_an_interpreter_without_rclpy_or_with_that_of_another_python_is_one_error(tmp_path, monkeypatch):
    assert "rclpy" not in sys.modules
    with pytest.raises(NodeError, match=r"has no rclpy. hint: source ROS 2, and set `python:`"):
        check_driver(DRIVER, PARAMS)
    (tmp_path / "rclpy").mkdir()
    (tmp_path / "rclpy" / "__init__.py").write_text("raise ImportError('check imports nothing')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NodeError, match=r"rclpy in .* is not built for Python"):
        check_installed([])
    end = importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / "rclpy" / f"_rclpy_pybind11{end}").touch()
    with pytest.raises(NodeError, match="has no ROS 2 package 'sensor_msgs'"):
        check_installed(["sensor_msgs/msg/JointState"])
    (tmp_path / "sensor_msgs" / "msg").mkdir(parents=True)
    module = tmp_path / "sensor_msgs" / "msg" / "__init__.py"
    module.write_text("from sensor_msgs.msg._joint_state import JointState  # noqa: F401\n")
    importlib.invalidate_caches()
    check_installed(["sensor_msgs/msg/JointState"])
    with pytest.raises(NodeError, match=r"has no message 'JointStat'\. hint: did you mean 'JointState'\?"):
        check_installed(["sensor_msgs/msg/JointStat"])


def test_the_driver_knows_its_joints_and_features_without_ros():
    driver = make_driver(DRIVER, PARAMS)
    assert isinstance(driver, TimedDriver)
    assert driver.action_features == {"pan.pos": float, "lift.pos": float}
    with pytest.raises(NodeError, match="lacks joints of the graph: tilt"):
        check_joints(DRIVER, PARAMS, ["pan", "lift", "tilt"])
    with pytest.raises(RobotError, match="connect first"):
        driver.send_action({})

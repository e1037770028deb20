"""Cameras of a robot beside its motors."""

import functools
import threading
import time

import pytest
from support.fake_camera import FakeCamera

from rtgraph.graphs import load_launch
from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.nodes.camera import Capture
from rtgraph.nodes.robot import cameras
from rtgraph.nodes.robot.cameras import Cameras, camera_params

FRONT = {"front": {"source": 0, "size": [2, 3]}}


@pytest.fixture
def filming(monkeypatch):
    """Make the cameras of a robot, each of which shows what a test puts into one source."""
    camera = FakeCamera()
    monkeypatch.setattr(cameras, "Capture", functools.partial(Capture, opened=camera.open))
    made = []

    def make(params=FRONT):
        made.append(Cameras(params))
        return camera, made[-1]

    yield make
    for one in made:
        for capture in one._captures.values():
            capture._closing.set()
            camera.pictures.put(0)
        one.disconnect()


def test_the_newest_picture_is_read_with_its_age(filming):
    camera, robot = filming()
    assert robot.features == {"front": (2, 3, 3)}
    shown = threading.Thread(target=camera.pictures.put, args=(7,))
    shown.start()
    robot.connect()
    shown.join()
    assert robot.read()["front"].tolist() == [[[7] * 3] * 3] * 2
    first = robot.ages_ns()["front"]
    assert 0 <= first < robot.ages_ns()["front"] < time.monotonic_ns()


def test_a_camera_without_a_picture_is_an_error_of_connect(filming, monkeypatch):
    monkeypatch.setattr(cameras, "FIRST_S", 0.0)
    _, robot = filming()
    with pytest.raises(RobotError, match="camera 'front' sent no picture within 0 s: it is being opened"):
        robot.connect()
    assert robot.read() == {}


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (
            {"front": {"source": 0}},
            "driver_params: cameras.front: size is missing, and a robot's camera needs a size. hint: give size: [height, width]",
        ),
        ({"front": {"size": [2, 3]}}, "driver_params: cameras.front.source: missing 'source'"),
        ({"front": {"source": 0, "size": [0, 3]}}, "driver_params: cameras.front.size: "),
    ],
)
def test_wrong_parameters_are_one_error(params, says):
    with pytest.raises(NodeError) as caught:
        camera_params(params)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(("plant", "camera"), [("twin", "rendered"), ("servo", "0")])
def test_the_arm_has_a_picture_in_front_of_it_by_one_argument(plant, camera):
    pytest.importorskip("mujoco", reason="pip install 'rtgraph[twin]'")
    plan = load_launch("arm", {"plant": plant, "camera": camera, "camera_size": "96"}, world="realtime")
    (params,) = [node.params for node in plan.nodes if node.name == "plant"]
    assert params["cameras"] == {"front": [96, 96, 3]}
    assert "front" in params["driver_params"]["cameras"]
    plain = load_launch("arm", {"plant": plant}, world="realtime")
    assert "cameras" not in next(node.params["driver_params"] for node in plain.nodes if node.name == "plant")

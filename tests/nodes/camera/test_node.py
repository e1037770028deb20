"""The node of a camera."""

import functools

import pytest
from support.fake_camera import LONG_S, FakeCamera
from support.host import HandHost
from support.launching import until
from support.mjpeg import MjpegPeer, number_of

from rtgraph.graphs import load_launch
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.camera import Camera, Capture, CaptureParams, node

MS = 1_000_000


@pytest.fixture
def filming(monkeypatch):
    """Make a node of a camera that shows what a test puts into it."""
    made = []

    def make(**params):
        camera = FakeCamera()
        monkeypatch.setattr(node, "Capture", functools.partial(Capture, opened=camera.open))
        host = HandHost(Camera, {"camera": {"source": 0}, **params}, may_drive_hardware=True)
        host.begin()
        assert camera.done.acquire(timeout=LONG_S)
        made.append((camera, host))
        return camera, host

    yield make
    for camera, host in made:
        host.node._capture._closing.set()
        camera.pictures.put(0)
        host.executor.stop()


def test_each_picture_is_published_once_with_its_capture_time_and_frame(filming):
    camera, host = filming(frame_id="wrist")
    host.clock.time_ns = 70 * MS
    camera.show(5)
    host.run_until(100 * MS)
    (message,) = host.messages("image")
    assert (message.captured_ns, message.frame_id, message.image[0, 0].tolist()) == (
        70 * MS,
        "wrist",
        [5] * 3,
    )
    assert host.node.result() == {"published": 1, "pictures": 1, "dropped": 0, "failures": 0}
    assert host.node.failure() == ""


def test_at_a_lower_rate_the_newest_picture_is_published_and_the_others_are_counted(filming):
    camera, host = filming(rate_hz=10)
    camera.show(1, 2, 3)
    host.run_until(250 * MS)
    assert [message.image[0, 0, 0] for message in host.messages("image")] == [3]
    assert host.node.result()["dropped"] == 2


def test_a_camera_that_falls_silent_is_a_warning_and_one_without_any_picture_a_failure(filming, caplog):
    camera, host = filming(camera={"source": 0, "silent_s": 0.5})
    assert host.node.failure() == "no picture was published: it is being opened"
    camera.show(1)
    host.run_until(10 * MS)
    host.run_until(2000 * MS)
    assert host.node.result()["warnings"][0].startswith("no picture for ")
    assert caplog.text.count("no picture for") == 1


def test_a_stream_is_published(monkeypatch):
    with MjpegPeer() as peer:
        host = HandHost(Camera, {"camera": {"source": peer.url}}, may_drive_hardware=True)
        host.begin()

        def published():
            host.run_until(host.clock.time_ns + 2 * MS)
            return len(host.messages("image")) >= 3

        until(published, LONG_S, "pictures come")
        numbers = [number_of(message.image) for message in host.messages("image")]
        assert numbers == sorted(set(numbers))
        host.executor.stop()


@pytest.mark.parametrize("size", ["84x96", [84, 96], (84, 96)])
def test_a_size_is_a_list_or_a_text(size):
    assert CaptureParams(source=0, size=size).size == (84, 96)


@pytest.mark.parametrize("size", ["84", 84, "84x96x3", "84×96", [84], [84, 96, 3]])
def test_a_size_without_height_and_width_is_refused_with_an_example(size):
    with pytest.raises(ValueError, match=r"is not a height and a width, such as 84x84"):
        CaptureParams(source=0, size=size)


def test_the_shipped_graph_has_one_camera_and_is_refused_in_the_virtual_world():
    plan = load_launch("camera", {"camera": "http://robot/stream", "size": "84x84"}, world="realtime")
    (camera,) = plan.nodes
    assert camera.params["camera"]["size"] == [84, 84]
    assert camera.outputs == {"image": "image"}
    with pytest.raises(GraphError, match="drives a device, so it cannot run in the virtual world"):
        load_launch("camera", world="virtual")

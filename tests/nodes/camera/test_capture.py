"""The reader of pictures: always the newest, and a source that fails is opened again."""

from __future__ import annotations

import threading
import time
import tomllib
from pathlib import Path

import pytest
from support.fake_camera import LONG_S, FakeCamera
from support.launching import until
from support.mjpeg import MjpegPeer, number_of, numbered

from rtgraph.msgs.errors import MissingPackage, RobotError
from rtgraph.nodes.camera import Capture, CaptureParams
from rtgraph.nodes.camera.source import SourceParams, open_source, opencv

NEVER = threading.Event()


@pytest.fixture
def camera():
    return FakeCamera()


@pytest.fixture
def capture(camera):
    clock = iter(range(0, 10**9, 1000))
    made = Capture(CaptureParams(source=0, retry_s=1e-3), lambda: next(clock), camera.open)
    made.start()
    assert camera.done.acquire(timeout=LONG_S)
    yield made
    made._closing.set()
    camera.pictures.put(0)
    assert made.close()


def test_the_newest_picture_is_taken_once_and_the_ones_before_it_are_counted(camera, capture):
    assert capture.newest() is None
    assert capture.take() is None
    camera.show(1, 2, 3)
    picture = capture.take()
    assert (picture.image[0, 0, 0], picture.number, capture.counts.dropped) == (3, 3, 2)
    assert capture.take() is None
    assert capture.newest() is picture
    camera.show(4)
    assert capture.take().captured_ns > picture.captured_ns
    assert capture.counts.dropped == 2


def test_a_newer_picture_can_be_waited_for(camera, capture):
    assert capture.wait_newer(0, 0.0) is None
    camera.show(7)
    assert capture.wait_newer(0, LONG_S).number == 1
    assert capture.wait_newer(1, 0.0) is None


def test_a_source_that_fails_is_opened_again_and_its_last_picture_stays(camera, capture):
    camera.show(1, None)
    assert capture.newest().image[0, 0, 0] == 1
    camera.show(2)
    assert capture.newest().image[0, 0, 0] == 2
    assert not capture.problem
    assert (camera.opened, camera.released, capture.counts.failures) == (2, 1, 1)


def test_a_source_absent_at_the_start_is_waited_for_with_growing_pauses(camera):
    camera.absent = 3
    pauses = []

    class Waiting(threading.Event):
        def wait(self, timeout=None):
            pauses.append(timeout)
            return super().wait(0)

    capture = Capture(CaptureParams(source=0, retry_s=1.0, retry_most_s=3.0), time.monotonic_ns, camera.open)
    capture._closing = Waiting()
    capture.start()
    assert camera.done.acquire(timeout=LONG_S)
    assert pauses == [1.0, 2.0, 3.0]
    assert capture.problem == "there is no camera"
    capture._closing.set()
    camera.pictures.put(0)
    assert capture.close()


def test_silence_is_a_problem():
    now = [0]
    camera = FakeCamera()
    capture = Capture(CaptureParams(source=0, silent_s=0.5), lambda: now[0], camera.open)
    capture.start()
    camera.done.acquire(timeout=LONG_S)
    camera.show(1)
    assert not capture.problem
    now[0] = 2 * 10**9
    assert capture.problem == "no picture for 2.0 s"
    assert not capture.close(within_s=0)  # it is inside a read: abandoned
    camera.pictures.put(1)
    assert capture.close(LONG_S)
    assert camera.released == 1


def test_a_stream_is_shown_at_once_and_again_after_a_loss():
    with MjpegPeer() as peer:
        capture = Capture(CaptureParams(source=peer.url, size=(64, 240), retry_s=0.01), time.monotonic_ns)
        capture.start()
        ages, number = [], 0
        for _ in range(20):
            picture = capture.wait_newer(number, LONG_S)
            number = picture.number
            ages.append((picture.captured_ns - peer.sent_ns[number_of(picture.image)]) / 1e9)
        assert sorted(ages)[10] < 0.1  # a buffer of one picture would be less, of ten would not
        assert picture.image.shape == (64, 240, 3)
        peer.hang_up()
        while peer.viewers < 2:
            number = capture.wait_newer(number, LONG_S).number
        assert capture.wait_newer(number, LONG_S) is not None
        assert capture.counts.failures >= 1
        assert capture.close(LONG_S)


def test_a_file_starts_again_at_its_end_and_pictures_are_scaled(tmp_path):
    cv2, path = opencv(), str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30, (240, 64), isColor=False)
    for number in range(4):
        writer.write(numbered(number))
    writer.release()
    source = open_source(SourceParams(source=path, fps=1000))
    seen = []
    for _ in range(9):
        source.grab(NEVER)
        seen.append(number_of(source.retrieve()))
    source.release()
    assert seen == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    small = open_source(SourceParams(source=path, fps=1000, size=(16, 60)))
    small.grab(NEVER)
    assert small.retrieve().shape == (16, 60, 3)
    small.release()


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("no.mp4", "camera no.mp4 cannot be opened. hint: there is no such file"),
        (63, "camera 63 cannot be opened. hint: is it plugged in, and used by no other program?"),
        ("http://127.0.0.1:9/x", "camera http://127.0.0.1:9/x cannot be opened"),
    ],
)
def test_a_source_that_is_not_there_is_one_line(source, problem):
    with pytest.raises(RobotError) as error:
        open_source(SourceParams(source=source))
    assert str(error.value) == problem


def test_opencv_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(MissingPackage, match=r"needs OpenCV.*pip install 'rtgraph\[camera\]'"):
        open_source(SourceParams(source=0))
    project = tomllib.loads(Path(__file__, "../../../../pyproject.toml").resolve().read_text())["project"]
    assert "camera" in project["optional-dependencies"]


def test_whatever_a_source_raises_is_its_problem_and_it_is_opened_again():
    opened = []

    def broken(params):
        opened.append(params)
        raise OverflowError("signed integer is greater than maximum")

    capture = Capture(CaptureParams(source=0, retry_s=0.01), lambda: 0, broken)
    capture.start()
    until(lambda: len(opened) >= 3, 5, "it is opened again")
    assert capture.problem == "OverflowError: signed integer is greater than maximum"
    assert capture.close()

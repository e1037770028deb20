import numpy as np
import pytest
from support.recorded import PERIOD_NS, image_of, played

from rtgraph.msgs.bag.export import Selection, exporter

av = pytest.importorskip("av", reason="pip install 'rtgraph[export]'")

ENLARGED = 8
"""The 60 x 40 screen is shown 480 x 320."""


def frames(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        facts = (stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate, stream.frames)
        return facts, [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]


def test_a_film_opens_and_has_a_frame_for_each_picture(session, out):
    recording = session()
    played(recording, 30)
    report = exporter("mp4")(recording.open(), out / "run.mp4")
    facts, shown = frames(out / "run.mp4")
    assert facts == ("h264", "yuv420p", 50, 30)
    assert len(shown) == report.messages == 30
    for tick, frame in enumerate(shown):
        picture = frame[: 40 * ENLARGED, : 60 * ENLARGED].reshape(40, ENLARGED, 60, ENLARGED, 3)
        found = picture[:, 2:-2, :, 2:-2].mean(axis=(1, 3))
        assert np.abs(found - image_of(tick)).mean() < 6, f"frame {tick} is not the picture of tick {tick}"


def test_a_range_has_as_many_frames_as_pictures(session, out):
    recording = session()
    played(recording, 30)
    report = exporter("mp4")(
        recording.open(), out / "run.mp4", Selection((), 5 * PERIOD_NS, 14 * PERIOD_NS + 200_000)
    )
    assert len(frames(out / "run.mp4")[1]) == report.messages == 10


def test_one_picture_makes_a_film(session, out):
    recording = session()
    played(recording, 1)
    exporter("mp4")(recording.open(), out / "run.mp4")
    assert len(frames(out / "run.mp4")[1]) == 1

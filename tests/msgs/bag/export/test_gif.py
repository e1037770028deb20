import numpy as np
import pytest
from PIL import Image
from support.recorded import image_of, played

from rtgraph.msgs import Screen
from rtgraph.msgs.bag.export import exporter


def test_an_animation_has_a_frame_for_each_picture(session, out):
    recording = session()
    played(recording, 30)
    report = exporter("gif")(recording.open(), out / "run.gif")
    with Image.open(out / "run.gif") as animation:
        assert animation.n_frames == report.messages == 30
        assert animation.info["loop"] == 0
        for tick in range(30):
            animation.seek(tick)
            assert animation.info["duration"] == 20
            picture = np.asarray(animation.convert("RGB"))[: 40 * 8 : 8, : 60 * 8 : 8]
            assert np.abs(picture.astype(int) - image_of(tick)).max() <= 8, f"frame {tick}"
    assert not report.remarks


@pytest.mark.parametrize(("rate_hz", "durations"), [(60, {20}), (30, {30, 40}), (8, {120, 130})])
def test_durations_follow_the_rate_as_far_as_gif_can(session, out, rate_hz, durations):
    recording = session()
    for tick in range(24):
        recording.put("screen", Screen(tick=tick, episode=0, image=image_of(0)), tick * 10**9 // rate_hz)
    report = exporter("gif")(recording.open(), out / "run.gif")
    found = []
    with Image.open(out / "run.gif") as animation:
        for number in range(animation.n_frames):
            animation.seek(number)
            found.append(animation.info["duration"])
    assert set(found) == durations
    assert len(found) == 24
    if rate_hz <= 50:
        assert sum(found) == pytest.approx(24_000 / rate_hz, abs=10)
    assert any("GIF is not faster" in remark for remark in report.remarks) == (rate_hz > 50)

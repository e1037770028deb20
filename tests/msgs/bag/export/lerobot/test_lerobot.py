"""Datasets read back by pyarrow and PyAV, by LeRobot's layout, and by LeRobot where it is installed."""

import json
import os
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support.arm import ARM_PLAN, action_of, captured_of, joints_of, moved, sent_of, wrist_of
from support.recorded import PERIOD_NS, PLAN, applied, played, value_of

from rtgraph.msgs import Observation
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.bag_file import Part
from rtgraph.msgs.bag.export import exporter
from rtgraph.msgs.errors import BagError

pq = pytest.importorskip("pyarrow.parquet", reason="pip install 'rtgraph[export]'")
av = pytest.importorskip("av", reason="pip install 'rtgraph[export]'")

READER = Path(__file__).parents[4] / "support" / "lerobot_reader.py"


class Read:
    """A dataset, read as its ``info.json`` says."""

    def __init__(self, root):
        self.root = root
        self.info = json.loads((root / "meta/info.json").read_text())
        self.stats = json.loads((root / "meta/stats.json").read_text())
        self.episodes = rows(*sorted(root.glob("meta/episodes/*/*.parquet")))
        self.rows = rows(*sorted(root.glob("data/*/*.parquet")))

    def film(self, name):
        """Return the frames of a film's episodes, looked up by time, as LeRobot does."""
        return [picture for episode in self.episodes for picture in self._frames(name, episode)]

    def _frames(self, name, episode):
        place = {key: episode[f"videos/{name}/{key}"] for key in ("chunk_index", "file_index")}
        with av.open(str(self.root / self.info["video_path"].format(video_key=name, **place))) as container:
            stream = container.streams.video[0]
            shown = {
                float(frame.pts * stream.time_base): frame.to_ndarray(format="rgb24")
                for frame in container.decode(stream)
            }
        times = np.array(list(shown))
        begin = episode[f"videos/{name}/from_timestamp"]
        for index in range(episode["length"]):
            away = np.abs(times - begin - index / self.info["fps"])
            assert away.min() < 1e-4
            yield list(shown.values())[away.argmin()]


def rows(*paths):
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def exported(session, out):
    def exported(recording, **more):
        options = {name: more.pop(name) for name in ("quality", "task") if name in more}
        report = exporter("lerobot", **options)(recording.open(), out / "run", **more)
        return report, Read(out / "run")

    return exported


def test_frames_are_what_the_agent_saw_and_did(session, exported):
    recording = session()
    played(recording, 30)
    report, read = exported(recording)
    ticks = [*range(19), *range(20, 29)]  # the last of an episode has no action after it
    assert [row["tick"] for row in read.rows] == ticks
    for row, tick in zip(read.rows, ticks, strict=True):
        then, by_policy = tick + 1, (tick + 1) % 5 != 0
        assert row["action"] == then % 3
        assert row["next.reward"] == 0.5
        assert row["next.done"] is row["next.terminated"] is (then == 19)
        assert row["next.truncated"] is False
        assert (row["by"], row["worker"]) == (("policy", "worker/0") if by_policy else ("default", ""))
        assert (row["age_ticks"], row["age_ns"]) == ((3, 3 * PERIOD_NS) if by_policy else (-1, -1))
        assert row["stamp_ns"] == tick * PERIOD_NS
        assert row["measurements.speed"] == tick or tick in (0, 20)
        assert row["timestamp"] == np.float32((tick % 20) / 50)
        assert (row["frame_index"], row["episode"], row["episode_index"]) == (
            tick % 20,
            tick // 20,
            tick // 20,
        )
    assert [row["index"] for row in read.rows] == list(range(28))
    for picture, tick in zip(read.film("observation.image"), ticks, strict=True):
        np.testing.assert_array_equal(picture, np.repeat(value_of(tick)[..., None], 3, axis=2))
    assert report.messages == 28
    assert sum(left.count for left in report.left_out) == 2
    assert report.remarks == ("the observation is grey: its film has three equal channels",)


def test_the_layout_is_lerobots(session, exported):
    recording = session()
    played(recording, 30)
    _, read = exported(recording, task="box")
    features = read.info.pop("features")
    assert read.info == {
        "codebase_version": "v3.0",
        "robot_type": "plant",
        "total_episodes": 2,
        "total_frames": 28,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": 50,
        "splits": {"train": "0:2"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }
    assert features["observation.image"]["shape"] == [84, 84, 3]
    assert features["observation.image"]["info"]["video.codec"] == "h264"
    assert features["action"] == {"dtype": "int64", "shape": [1], "names": ["action"]}
    assert features["timestamp"] == {"dtype": "float32", "shape": [1], "names": None}
    # LeRobot takes what begins with these for what a policy sees and does.
    policy = [name for name in features if name.startswith(("observation", "action"))]
    assert policy == ["observation.image", "action"]
    columns = pq.read_table(read.root / "data/chunk-000/file-000.parquet").column_names
    assert sorted(columns) == sorted(features.keys() - {"observation.image"})
    first, second = read.episodes
    assert (first["dataset_from_index"], first["dataset_to_index"], first["length"]) == (0, 19, 19)
    assert (second["dataset_from_index"], second["dataset_to_index"], second["length"]) == (19, 28, 9)
    assert (
        second["videos/observation.image/from_timestamp"]
        == first["videos/observation.image/to_timestamp"]
        == 0.38
    )
    assert first["tasks"] == ["box"]
    tasks = pq.read_table(read.root / "meta/tasks.parquet")
    assert tasks.to_pylist() == [{"task_index": 0, "task": "box"}]
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    assert (read.root / "meta/rtgraph/plan.yaml").read_text() == PLAN


def test_statistics_are_those_of_the_values(session, exported):
    recording = session()
    played(recording, 30)
    _, read = exported(recording)
    ages = np.array([row["age_ticks"] for row in read.rows], float)
    found = read.stats["age_ticks"]
    assert found["count"] == [28]
    assert [found[name][0] for name in ("min", "max", "mean", "std")] == pytest.approx(
        [ages.min(), ages.max(), ages.mean(), ages.std()]
    )
    pixels = np.stack([value_of(row["tick"]) for row in read.rows]) / 255
    image = read.stats["observation.image"]
    assert np.shape(image["mean"]) == (3, 1, 1)
    for name in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(np.ravel(image[name]), [getattr(pixels, name)()] * 3, rtol=1e-6)
    first = np.stack([value_of(tick) for tick in range(19)]) / 255
    episode = {
        key.rpartition("/")[2]: value
        for key, value in read.episodes[0].items()
        if "/observation.image/" in key
    }
    for name, share in (("q01", 0.01), ("q50", 0.5), ("q99", 0.99)):
        assert np.ravel(episode[name])[0] == pytest.approx(np.quantile(first, share), abs=1 / 255)
    assert not [name for name in read.stats if "speed" in name]


def test_parts_are_films_and_a_state_with_names(session, exported):
    recording = session(plan=ARM_PLAN)
    moved(recording)
    report, read = exported(recording)
    features = read.info["features"]
    assert features["observation.state"] == {
        "dtype": "float64",
        "shape": [3],
        "names": ["joints.pan", "joints.lift", "load"],
    }
    assert features["action"] == {"dtype": "float64", "shape": [2], "names": ["pan", "lift"]}
    assert features["captured_ns"]["names"] == ["joints", "wrist", "load"]
    assert features["observation.images.wrist"]["shape"] == [9, 11, 3]
    assert len(read.rows) == report.messages == 11
    for tick, row in enumerate(read.rows):
        assert row["observation.state"] == [*joints_of(tick).tolist(), tick / 9]
        assert row["action"] == action_of(tick + 1).tolist()
        assert row["sent_action"] == sent_of(tick + 1).tolist()
        assert row["captured_ns"] == [*captured_of(tick).values(), -1]
        assert row["lateness_ns"] == tick + 1
        assert row["next.done"] is row["next.truncated"] is (tick == 10)
    for tick, picture in enumerate(read.film("observation.images.wrist")):
        np.testing.assert_array_equal(picture, wrist_of(tick))
    assert read.episodes[0]["tasks"] == ["reach the target"]
    assert read.info["robot_type"] == "arm"


def observed(recording, value, measurements=()):
    """Record three ticks with the same observation."""
    for tick in range(3):
        observation = Observation(tick=tick, episode=0, value=value, measurements=dict(measurements))
        recording.put("observation", observation, tick * PERIOD_NS)
        recording.put("applied", applied(tick, 0, "policy", 0.0), tick * PERIOD_NS)
    return recording


def test_parts_with_the_same_name_in_lerobot_stay_apart(session, exported):
    films = {name: np.full((8, 8, 3), grey, np.uint8) for name, grey in (("cam/left", 50), ("cam_left", 90))}
    tensors = {name: np.full((2, 2), number) for name, number in (("m/a", 1.0), ("m_a", 2.0), ("state", 3.0))}
    parts = films | tensors | {"joints": np.full(2, 4.0)}
    report, read = exported(observed(session(), parts, {"x/y": 5.0, "x_y": 6.0}))
    assert (read.film("observation.images.cam_left")[0] == 50).all()
    assert (read.film("observation.images.cam_left_2")[0] == 90).all()
    wanted = {
        "observation.m_a": [[1, 1], [1, 1]],
        "observation.m_a_2": [[2, 2], [2, 2]],
        "observation.state_2": [[3, 3], [3, 3]],
        "observation.state": [4, 4],
        "measurements.x_y": 5,
        "measurements.x_y_2": 6,
    }
    assert {name: read.rows[0][name] for name in wanted} == wanted
    assert wanted.keys() < read.info["features"].keys()
    assert report.remarks[:4] == (
        "cam_left is observation.images.cam_left_2: observation.images.cam_left is taken",
        "m_a is observation.m_a_2: observation.m_a is taken",
        "state is observation.state_2: observation.state is taken",
        "measurements.x_y is measurements.x_y_2: measurements.x_y is taken",
    )


@pytest.mark.parametrize(
    "empty",
    [np.zeros((0, 4, 3), np.uint8), np.zeros((2, 0)), np.zeros(0)],
    ids=lambda value: str(value.shape),
)
def test_arrays_without_elements_are_left_out(session, exported, empty):
    report, read = exported(observed(session(), {"none": empty, "joints": np.full(2, 4.0)}))
    assert read.rows[0]["observation.state"] == [4, 4]
    assert [name for name in read.info["features"] if name.startswith("observation")] == ["observation.state"]
    assert "none has no elements, so it is left out" in report.remarks


@pytest.mark.parametrize(("quality", "most"), [("5", 4), ("40", 40)])
def test_lossy_films_are_smaller_and_near(session, exported, quality, most):
    recording = session()
    played(recording, 30)
    _, read = exported(recording, quality=quality)
    info = read.info["features"]["observation.image"]["info"]
    assert info["video.pix_fmt"] == "yuv420p"
    away = [
        np.abs(picture[..., 1].astype(int) - value_of(row["tick"])).mean()
        for picture, row in zip(read.film("observation.image"), read.rows, strict=True)
    ]
    assert 0 < max(away) < most


def test_files_begin_anew_with_an_episode(session, exported, monkeypatch):
    for name, value in {"TABLE_MB": 0, "FILM_S": 0, "CHUNK_FILES": 2}.items():
        monkeypatch.setattr(f"rtgraph.msgs.bag.export.lerobot.files.{name}", value)
    recording = session()
    played(recording, 30, episode_ticks=10)
    _, read = exported(recording)
    places = [(episode["data/chunk_index"], episode["data/file_index"]) for episode in read.episodes]
    assert places == [(0, 0), (0, 1), (1, 0)]
    assert [
        len(rows(read.root / read.info["data_path"].format(chunk_index=chunk, file_index=file)))
        for chunk, file in places
    ] == [9, 9, 9]
    assert [episode["videos/observation.image/from_timestamp"] for episode in read.episodes] == [0, 0, 0]
    for picture, row in zip(read.film("observation.image"), read.rows, strict=True):
        np.testing.assert_array_equal(picture[..., 0], value_of(row["tick"]))


def test_long_episodes_are_written_in_groups(session, exported, monkeypatch):
    monkeypatch.setattr("rtgraph.msgs.bag.export.lerobot.dataset.GROUP_ROWS", 7)
    recording = session()
    played(recording, 20)
    _, read = exported(recording)
    assert pq.ParquetFile(read.root / "data/chunk-000/file-000.parquet").num_row_groups == 3
    ticks = np.arange(19.0)
    assert [row["frame_index"] for row in read.rows] == list(range(19))
    found = read.stats["tick"]
    assert [found[name][0] for name in ("min", "max", "mean", "std")] == pytest.approx(
        [0, 18, ticks.mean(), ticks.std()]
    )


def test_what_is_missing_is_counted_and_said(session, exported):
    recording = session(plan="")
    for tick in (3, 4, 5, 8, 9):
        observed = Observation(tick=tick, episode=0, value=np.arange(2.0) + tick)
        recording.put("observation", observed, tick * PERIOD_NS)
        if tick != 9:
            recording.put("applied", applied(tick, 0, "policy", 0.0), tick * PERIOD_NS)
    report, read = exported(recording)
    assert [row["tick"] for row in read.rows] == [3, 4]
    assert [row["observation.state"] for row in read.rows] == [[3, 4], [4, 5]]
    assert read.info["fps"] == 50  # by the stamps
    (left,) = report.left_out
    assert (left.what, left.count) == ("observation", 3)
    assert report.remarks == ("1 episode(s) begin after their first tick, as recorded or selected",)


def test_a_gap_in_an_episode_is_said(session, exported):
    recording = session()
    for tick in (0, 1, 2, 5, 6):
        observed = Observation(tick=tick, episode=0, first=tick == 0, value=np.zeros(2))
        recording.put("observation", observed, tick * PERIOD_NS)
        recording.put("applied", applied(tick, 0, "policy", 0.0), tick * PERIOD_NS)
    report, read = exported(recording)
    assert [(row["frame_index"], row["tick"]) for row in read.rows] == [(0, 0), (1, 1), (2, 5)]
    assert [remark.partition(":")[0] for remark in report.remarks] == [
        "1 frame(s) follow a gap",
        "`timestamp` is the frame's index / rate",
    ]


def test_a_recording_that_was_cut_off_is_exported_as_far_as_it_goes(session, out):
    recording = session()
    played(recording, 200, screen=False)
    path = recording.open().path
    messages_end = Part(path).contents.data_end
    cut = path.with_name("cut.mcap")
    cut.write_bytes(path.read_bytes()[: messages_end * 2 // 3])
    report = exporter("lerobot")(Bag.open(cut), out / "run")
    read = Read(out / "run")
    assert 0 < len(read.rows) < 189
    assert any(remark.startswith("the recording: ") for remark in report.remarks)
    for picture, row in zip(read.film("observation.image"), read.rows, strict=True):
        np.testing.assert_array_equal(picture[..., 0], value_of(row["tick"]))


def test_what_is_no_dataset_is_an_error(session, out):
    recording = session()
    recording.put("observation", Observation(tick=0, episode=0, value=np.zeros(2)), 0)
    with pytest.raises(BagError, match="no action follows an observation"):
        exporter("lerobot")(recording.open(), out / "run")
    recording = session()
    for tick, size in enumerate((2, 2, 3, 3)):
        recording.put("observation", Observation(tick=tick, episode=0, value=np.zeros(size)), tick)
        recording.put("applied", applied(tick, 0, "policy", 0.0), tick)
    with pytest.raises(BagError, match=r"change from an array float64 \(2,\) to an array float64 \(3,\)"):
        exporter("lerobot")(recording.open(), out / "run")
    assert not list(out.iterdir())


@pytest.mark.parametrize("quality", ["best", "52", "-1", "1.5"])
def test_a_quality_that_is_none_is_an_error(session, out, quality):
    recording = session()
    played(recording, 3)
    with pytest.raises(BagError, match="is neither lossless nor a whole number from 0 to 51"):
        exporter("lerobot", quality=quality)(recording.open(), out / "run")


@pytest.mark.parametrize("ticks", [40, 160])
def test_memory_does_not_grow_with_the_recording(session, out, ticks):
    recording = session()
    for tick in range(ticks):
        observed = Observation(
            tick=tick, episode=0, first=tick == 0, value=np.full((210, 160, 3), tick, np.uint8)
        )
        recording.put("observation", observed, tick * PERIOD_NS)
        recording.put("applied", applied(tick, 0, "policy", 0.0), tick * PERIOD_NS)
    bag = recording.open()
    tracemalloc.start()
    exporter("lerobot")(bag, out / "run")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6, f"{peak / 1e6:.1f} MB held for {ticks * 0.1:.0f} MB of arrays"


@pytest.mark.timeout(300)  # LeRobot takes a minute to import
def test_lerobots_own_reader_gives_the_recording_back(session, out, monkeypatch):
    python = os.environ.get("RTGRAPH_LEROBOT_PYTHON")
    if not python:
        pytest.skip("RTGRAPH_LEROBOT_PYTHON names no interpreter with LeRobot, which needs another torch")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    recording = session(plan=ARM_PLAN)
    moved(recording)
    exporter("lerobot")(recording.open(), out / "run")
    subprocess.run([python, READER, out / "run", out / "read.npz"], check=True, capture_output=True)
    with np.load(out / "read.npz") as read:
        assert (len(read["index"]), read["num_episodes"], read["fps"]) == (11, 1, 50)
        pictures = np.round(read["observation.images.wrist"].transpose(0, 2, 3, 1) * 255)
        for tick in range(11):
            np.testing.assert_array_equal(pictures[tick], wrist_of(tick))
            np.testing.assert_array_equal(read["observation.state"][tick, :2], joints_of(tick))
            # LeRobot gives float64 as float32.
            np.testing.assert_array_equal(read["sent_action"][tick], sent_of(tick + 1).astype(np.float32))
            assert read["task"][tick] == "reach the target"

import csv
import json

import numpy as np
import pytest
from support.arm import ARM_PLAN, action_of, captured_of, joints_of, moved, sent_of
from support.recorded import PERIOD_NS, applied, played

from rtgraph.msgs import Observation
from rtgraph.msgs.bag.export import Selection, exporter
from rtgraph.msgs.errors import BagError


def export(recording, out, **more):
    report = exporter("csv")(recording.open(), out / "run.csv", **more)
    with (out / "run.csv").open(newline="") as file:
        return report, list(csv.DictReader(file))


def test_a_row_is_a_tick(session, out):
    recording = session()
    played(recording, 30)
    report, rows = export(recording, out)
    assert [int(row["tick"]) for row in rows] == list(range(30))
    for tick, row in enumerate(rows):
        assert row["episode"] == str(tick // 20)
        assert row["stamp_ns"] == str(tick * PERIOD_NS)
        assert row["action"] == str(tick % 3)
        assert row["reward"] == ("0.5" if tick % 20 else "0.0")
        assert row["terminated"] == str(tick == 19)
        assert row["age_ticks"] == ("3" if tick % 5 else "")
        assert row["measurements.speed"] == (str(float(tick)) if tick % 20 else "")
    assert report.messages == 30
    (left,) = report.left_out
    assert (left.what, left.count) == ("observation", 30)


def test_vectors_are_whole_with_their_names(session, out):
    recording = session(plan=ARM_PLAN)
    moved(recording)
    report, rows = export(recording, out)
    for tick, row in enumerate(rows):
        assert np.float32(row["observation.joints.pan"]) == joints_of(tick)[0]
        assert [float(row["action.pan"]), float(row["action.lift"])] == action_of(tick).tolist()
        assert row["captured_ns.wrist"] == str(captured_of(tick)["wrist"])
        assert float(row["observation.load"]) == tick / 9
        assert row["sent.pan"] == (str(sent_of(tick)[0]) if tick > 3 else "")
    assert [left.what for left in report.left_out] == ["observation.wrist"]


def test_an_only_vector_and_what_is_missing(session, out):
    recording = session()
    for tick in range(3):
        observed = Observation(tick=tick, episode=0, value=np.arange(2.0) + tick, captured_ns={"": 7})
        if tick != 1:
            recording.put("observation", observed, tick)
        if tick != 2:
            recording.put("applied", applied(tick, 0, "policy", 0.25), tick)
    _, rows = export(recording, out)
    assert [row["observation.1"] for row in rows] == ["1.0", "", "3.0"]
    assert [row["captured_ns"] for row in rows] == ["7", "", "7"]
    assert [row["action"] for row in rows] == ["0", "1", ""]
    assert [row["reward"] for row in rows] == ["0.0", "0.25", "0.0"]


@pytest.mark.parametrize("target", ["csv", "lerobot"])
def test_one_of_several_plants_is_chosen(session, out, target):
    recording = session()
    for tick in range(3):
        for side in ("left", "right"):
            observed = Observation(tick=tick, episode=0, value=np.zeros(2) + (side == "right"))
            recording.put(f"{side}/observation", observed, tick, publisher=f"{side}/plant")
            recording.put(f"{side}/applied", applied(tick, 0, "policy", 0), tick, publisher=f"{side}/plant")
    bag = recording.open()
    with pytest.raises(
        BagError, match=r"several plants were recorded: left/observation of left/plant, right"
    ):
        exporter(target)(bag, out / "run")
    with pytest.raises(BagError, match="no chosen topic holds a plant's observations"):
        exporter(target)(bag, out / "run", Selection(topics=("*/applied",)))
    assert exporter(target)(bag, out / "run", Selection(topics=("right/*",))).messages in (2, 3)


@pytest.mark.parametrize(
    ("value", "names", "columns"),
    [
        ({"a": [1.0], "a.": [2.0]}, {}, {"observation.a.0": "1.0", "observation.a..0": "2.0"}),
        ({".": 1.0, "..": 2.0}, {}, {"observation..": "1.0", "observation...": "2.0"}),
        ({"a.b": 1.0, "a": [2.0]}, {"a": ["b"]}, {"observation.a.b": "1.0", "observation.a.b_2": "2.0"}),
        (
            {"a.b": 1.0, "a": [2.0], "a.b_2": 3.0},
            {"a": ["b"]},
            {"observation.a.b": "1.0", "observation.a.b_2": "2.0", "observation.a.b_2_2": "3.0"},
        ),
    ],
)
def test_parts_with_similar_names_have_columns_apart(session, out, value, names, columns):
    parts = {part: {"names": elements} for part, elements in names.items()}
    spec = {"rate_hz": 50.0, "observation": {"parts": parts}, "action": {"kind": "discrete"}}
    recording = session(plan=json.dumps({"nodes": [{"spec": spec}]}))
    observed = {part: np.array(given) for part, given in value.items()}
    recording.put("observation", Observation(tick=0, episode=0, value=observed), 0)
    report, (row,) = export(recording, out)
    found = {name: cell for name, cell in row.items() if name.startswith("observation.")}
    assert found == columns
    renamed = [name for name in columns if name.endswith("_2")]
    assert len(report.remarks) == len(renamed)
    for remark, name in zip(report.remarks, renamed, strict=True):
        assert remark.endswith(f": the later becomes {name}")

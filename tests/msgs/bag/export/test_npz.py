import itertools
import json
import tracemalloc

import numpy as np
import pytest
from support.recorded import EPOCH_NS, PERIOD_NS, played, value_of

from rtgraph.msgs import Ending, Message, array
from rtgraph.msgs.bag.export import Selection, exporter


class SensorReading(Message):
    """A message with every kind of field."""

    count: int = 0
    small: float | None = None
    maybe: int | None = None
    flag: bool = False
    note: str = ""
    values: array() = np.zeros(0)
    names: tuple[str, ...] = ()
    either: int | array() = 0


class Question(Message):
    number: int


def export(bag, out, *selection):
    report = exporter("npz")(bag, out / "run.npz", *selection)
    with np.load(out / "run.npz") as data:
        return report, {name: data[name] for name in data.files}


def test_endings_and_measurements_are_exported_by_name(session, out):
    recording = session()
    for number, reason in enumerate(("lost", "won")):
        ending = Ending(
            tick=number,
            episode=number,
            reason=reason,
            encounter="battle7",
            ticks=9,
            actions=number,
            measurements={"score": number / 2, "lines": 3.0},
        )
        recording.put("ending", ending, number)
    _, data = export(recording.open(), out)
    assert data["ending/reason"].tolist() == ["lost", "won"]
    assert data["ending/encounter"].tolist() == ["battle7"] * 2
    assert data["ending/actions"].tolist() == [0, 1]
    assert data["ending/measurements.score"].tolist() == [0, 0.5]
    assert data["ending/measurements.lines"].tolist() == [3, 3]


def test_columns_and_stacked_arrays_are_what_was_recorded(session, out):
    recording = session()
    played(recording, 30)
    report, data = export(recording.open(), out)
    assert data["observation/value"].dtype == np.uint8
    np.testing.assert_array_equal(data["observation/value"], np.stack([value_of(tick) for tick in range(30)]))
    np.testing.assert_array_equal(data["observation/tick"], np.arange(30))
    np.testing.assert_array_equal(data["observation/header.stamp_ns"], np.arange(30) * PERIOD_NS)
    np.testing.assert_array_equal(data["observation/header.log_ns"], np.arange(30) * PERIOD_NS + 100_000)
    np.testing.assert_array_equal(data["decision/header.lineage.tick"], np.arange(1, 30, 2))
    assert data["screen/image"].shape == (30, 40, 60, 3)
    assert data["observation/first"].dtype == np.bool_
    assert data["observation/reward"].dtype == np.float64
    assert set(data["applied/by"]) == {"reset", "default", "policy"}
    assert json.loads(str(data["info"]))["epoch_unix_ns"] == str(EPOCH_NS)
    assert report.messages == sum(len(data[f"{topic}/header.sequence"]) for topic in TOPICS)
    assert not report.left_out
    assert all(values.dtype != object for values in data.values())


TOPICS = ("observation", "screen", "applied", "decision", "episode")


def test_what_is_missing_is_marked(session, out):
    recording = session()
    played(recording, 10)
    _, data = export(recording.open(), out)
    acted = np.array([tick % 5 != 0 for tick in range(10)])
    np.testing.assert_array_equal(data["applied/age_ticks.valid"], acted)
    np.testing.assert_array_equal(data["applied/age_ticks"], np.where(acted, 3, 0))
    assert data["applied/age_ticks"].dtype == np.int64
    np.testing.assert_array_equal(np.isnan(data["observation/measurements.speed"]), np.arange(10) == 0)
    assert "observation/tick.valid" not in data


def test_arrays_of_changing_shape_come_back_one_by_one(session, out):
    shapes = [(3,), (2, 2), (), (0, 4), (5,)]
    given = [np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for shape in shapes]
    recording = session()
    for number, values in enumerate(given):
        recording.put("reading", SensorReading(values=values), number)
    _, data = export(recording.open(), out)
    flat, offsets, found = (data[f"reading/values.{part}"] for part in ("flat", "offsets", "shapes"))
    assert flat.dtype == np.float32
    assert "reading/values" not in data
    for number, values in enumerate(given):
        shape = tuple(length for length in found[number] if length >= 0)
        np.testing.assert_array_equal(flat[offsets[number] : offsets[number + 1]].reshape(shape), values)
        assert shape == values.shape


def test_long_texts_are_bytes_and_lists_are_json(session, out):
    texts = ["short", "ä" * 1000, ""]
    recording = session()
    for number, text in enumerate(texts):
        recording.put("reading", SensorReading(note=text, names=(text[:5],) * number), number)
    _, data = export(recording.open(), out)
    flat, offsets = data["reading/note.flat"], data["reading/note.offsets"]
    pieces = [flat[start:end].tobytes().decode() for start, end in itertools.pairwise(offsets)]
    assert pieces == texts
    assert [json.loads(str(names)) for names in data["reading/names"]] == [[], ["äääää"], ["", ""]]


def test_whole_numbers_keep_every_digit(session, out):
    recording = session()
    for number, count in enumerate((2**64 - 1, 0)):
        recording.put("reading", SensorReading(count=count, maybe=-(2**62) - 1 if number else None), number)
    _, data = export(recording.open(), out)
    assert data["reading/count"].tolist() == [2**64 - 1, 0]
    assert data["reading/maybe"].tolist() == [0, -(2**62) - 1]


def test_a_column_of_two_kinds_is_left_out_and_named(session, out):
    recording = session()
    recording.put("reading", SensorReading(either=3), 0)
    recording.put("reading", SensorReading(either=np.zeros(2)), 1)
    report, data = export(recording.open(), out)
    assert "reading/either" not in data
    assert [(left.what, left.why) for left in report.left_out] == [
        ("reading: either", "holds both int and array")
    ]
    assert any("small is always null" in remark for remark in report.remarks)


def test_keys_of_one_output_are_one_table(session, out):
    recording = session()
    for number, key in enumerate(("worker/0", "worker/1", "worker/0")):
        recording.put(f"claim/{key}", Question(number=number), number, key=key, publisher="coordinator")
    _, data = export(recording.open(), out)
    assert data["claim/header.key"].tolist() == ["worker/0", "worker/1", "worker/0"]
    assert data["claim/number"].tolist() == [0, 1, 2]


def test_the_same_recording_gives_the_same_bytes(session, out):
    recording = session()
    played(recording, 5)
    bag = recording.open()
    for name in ("one.npz", "two.npz"):
        exporter("npz")(bag, out / name)
    assert (out / "one.npz").read_bytes() == (out / "two.npz").read_bytes()


def test_topics_and_range_choose(session, out):
    recording = session()
    played(recording, 20)
    report, data = export(recording.open(), out, Selection(("obs*",), 5 * PERIOD_NS, 9 * PERIOD_NS + 200_000))
    assert data["observation/tick"].tolist() == [5, 6, 7, 8, 9]
    assert report.messages == 5
    assert {name.partition("/")[0] for name in data} == {"info", "observation"}


@pytest.mark.parametrize("count", [100, 400])
def test_memory_does_not_grow_with_the_recording(session, out, count):
    recording = session()
    for number in range(count):
        recording.put("reading", SensorReading(values=np.full((210, 160, 3), number % 256, np.uint8)), number)
    bag = recording.open()
    tracemalloc.start()
    exporter("npz")(bag, out / "run.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6, f"{peak / 1e6:.1f} MB held for {count * 0.1:.0f} MB of arrays"

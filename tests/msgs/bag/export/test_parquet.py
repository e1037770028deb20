import json

import numpy as np
import pytest
from support.recorded import PERIOD_NS, played, value_of

from rtgraph.msgs import Message, Record, array
from rtgraph.msgs.bag.export import exporter
from rtgraph.msgs.bag.export.parquet import GROUP_BYTES, file_name

pq = pytest.importorskip("pyarrow.parquet", reason="pip install 'rtgraph[export]'")


class Inner(Record):
    x: float


class Outer(Message):
    maybe: Inner | None = None
    never: Inner | None = None


class Sample(Message):
    values: array() = np.zeros(0)
    maybe: array() | None = None
    note: str | None = None


def export(bag, out, **more):
    report = exporter("parquet")(bag, out / "run", **more)
    return report, lambda name: pq.read_table(out / "run" / f"{name}.parquet")


def tensors(table, name):
    return table[name].combine_chunks().to_numpy_ndarray()


def test_tables_are_what_was_recorded(session, out):
    recording = session()
    played(recording, 30)
    report, read = export(recording.open(), out)
    table = read("observation")
    np.testing.assert_array_equal(tensors(table, "value"), np.stack([value_of(tick) for tick in range(30)]))
    assert table["tick"].to_pylist() == list(range(30))
    assert table["header.stamp_ns"].to_pylist() == [tick * PERIOD_NS for tick in range(30)]
    assert table["measurements.speed"].null_count == 2
    applied = read("applied")
    assert applied["age_ticks"].to_pylist() == [None if tick % 5 == 0 else 3 for tick in range(30)]
    assert json.loads(applied.schema.metadata[b"rtgraph"])["name"] == "boxing"
    assert read("decision")["header.lineage.episode"].to_pylist() == [0] * 10 + [1] * 5
    assert sorted(path.stem for path in report.files) == [
        "applied",
        "decision",
        "episode",
        "observation",
        "screen",
    ]
    assert all(path.is_file() for path in report.files)
    assert not report.left_out


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int64", "uint64", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 2)])
def test_every_array_type_comes_back(session, out, dtype, shape):
    given = [
        (np.arange(4)[: np.prod(shape, dtype=int)] + number).astype(dtype).reshape(shape)
        for number in range(3)
    ]
    recording = session()
    for number, values in enumerate(given):
        recording.put("sample", Sample(values=values, maybe=values if number else None), number)
    report, read = export(recording.open(), out)
    table = read("sample")
    as_bytes = dtype == "bool" and shape in {(3,), (2, 2)}
    assert sum("here as uint8" in remark for remark in report.remarks) == 2 * as_bytes
    if shape in {(3,), (2, 2)}:
        np.testing.assert_array_equal(tensors(table, "values"), np.stack(given))
        assert tensors(table, "values").dtype == ("uint8" if as_bytes else dtype)
    for name in ("values", "maybe"):
        found = [None if value is None else np.asarray(value, dtype) for value in table[name].to_pylist()]
        wanted = [None if name == "maybe" and not number else given[number] for number in range(3)]
        for one, other in zip(found, wanted, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_array_equal(one.reshape(shape), other)


def test_arrays_of_changing_shape_are_lists_with_shapes(session, out):
    given = [np.arange(6, dtype=np.int32).reshape(shape) for shape in ((6,), (2, 3), (3, 2))]
    recording = session()
    for number, values in enumerate(given):
        recording.put("sample", Sample(values=values, maybe=None if number == 1 else values), number)
    table = export(recording.open(), out)[1]("sample")
    for name, missing in (("values", None), ("maybe", 1)):
        rows = zip(table[name].to_pylist(), table[f"{name}.shape"].to_pylist(), given, strict=True)
        for number, (elements, shape, values) in enumerate(rows):
            if number == missing:
                assert elements is None
                assert shape is None
            else:
                np.testing.assert_array_equal(np.asarray(elements, np.int32).reshape(shape), values)


def test_large_tables_are_written_in_groups(session, out):
    recording = session()
    picture = np.zeros((1 << 20,), np.uint8)
    for number in range(20):
        recording.put("sample", Sample(values=picture), number)
    export(recording.open(), out)
    file = pq.ParquetFile(out / "run" / "sample.parquet")
    assert file.num_row_groups == -(-20 // (GROUP_BYTES >> 20))
    assert file.metadata.num_rows == 20


@pytest.mark.parametrize("topic", ["left/observation", "../../outside", "/abs", "a//b", "..", "dotted.name"])
def test_no_topic_leaves_the_folder(out, topic):
    path = (out / file_name(topic)).resolve()
    assert path.is_relative_to(out.resolve())
    assert path != out.resolve()


def test_namespaced_topics_are_files_in_folders(session, out):
    recording = session()
    recording.put("left/sample", Sample(), 0)
    assert exporter("parquet")(recording.open(), out / "run").files == (
        out / "run" / "left" / "sample.parquet",
    )


def test_a_topic_with_a_long_name_is_a_file_all_the_same(session, out):
    recording = session()
    names = [f"{'ü' * 150}/{'x' * 300}{number}" for number in range(2)]
    for name in names:
        recording.put(name, Outer(), 0)
    report = exporter("parquet")(recording.open(), out / "run")
    assert len(set(report.files)) == 2
    assert all(pq.read_table(file).num_rows == 1 for file in report.files)


def test_a_record_that_is_there_at_times_is_not_called_always_null(session, out):
    recording = session()
    for number, inner in enumerate((None, Inner(x=2.0), None)):
        recording.put("reading", Outer(maybe=inner), number)
    report = exporter("parquet")(recording.open(), out / "run")
    assert [remark for remark in report.remarks if "header" not in remark] == [
        "reading: never is always null, so it has no column"
    ]
    assert pq.read_table(report.files[0])["maybe.x"].to_pylist() == [None, 2.0, None]

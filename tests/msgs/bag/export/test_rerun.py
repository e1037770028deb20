import numpy as np
import pytest
from support.recorded import EPOCH_NS, PERIOD_NS, image_of, played

from rtgraph.msgs import Message, array
from rtgraph.msgs.bag.export import exporter

pytest.importorskip("rerun", reason="rerun-sdk is large: pip install 'rtgraph[rerun]'")

import pyarrow as pa
from rerun.chunk import RrdReader


class Vector(Message):
    values: array() = np.zeros(0)


def columns(path, entity):
    """Return the columns of an entity as lists, ordered by time in ns."""
    found: dict[str, list] = {}
    for chunk in RrdReader(path).stream().to_chunks():
        if chunk.entity_path == entity:
            batch = chunk.to_record_batch()
            for name, values in zip(batch.schema.names, batch.columns, strict=True):
                plain = values.cast(pa.int64()) if pa.types.is_temporal(values.type) else values
                found.setdefault(name, []).extend(plain.to_pylist())
    return found


@pytest.fixture
def exported(session, out):
    def export(recording):
        report = exporter("rerun")(recording.open(), out / "run.rrd")
        return report, lambda entity: columns(out / "run.rrd", entity)

    return export


def test_pictures_curves_and_texts_come_back(session, exported):
    recording = session()
    played(recording, 40)
    report, read = exported(recording)
    screens = read("/screen/plant/image")
    assert screens["tick"] == list(range(40))
    for tick, (buffer,) in enumerate(screens["Image:buffer"]):
        np.testing.assert_array_equal(np.array(buffer, np.uint8).reshape(40, 60, 3), image_of(tick))
    assert {(form["width"], form["height"]) for (form,) in screens["Image:format"]} == {(60, 40)}
    rewards = read("/applied/plant/reward")
    assert rewards["Scalars:scalars"] == [[0.0 if tick % 20 == 0 else 0.5] for tick in range(40)]
    by = read("/applied/plant/by")
    assert by["TextLog:text"][:2] == [["reset"], ["policy"]]
    ages = read("/applied/plant/age_ticks")
    assert ages["tick"] == [tick for tick in range(40) if tick % 5]
    stamps = [EPOCH_NS + tick * PERIOD_NS for tick in range(40)]
    assert rewards["stamp"] == stamps
    assert rewards["log"] == [stamp + 100_000 for stamp in stamps]
    assert read("/plan")["TextDocument:text"][0][0].startswith("nodes:")
    assert not report.left_out


def test_vectors_are_curves_and_larger_arrays_tensors(session, exported):
    recording = session(epoch=False)
    given = [np.arange(3) + 0.5, np.ones((2, 2), np.bool_), np.zeros(0)]
    for number, values in enumerate(given):
        recording.put("vector", Vector(values=values), number)
    report, read = exported(recording)
    found = read("/vector/plant/values")
    assert [value for value in found["Scalars:scalars"] if value] == [[0.5, 1.5, 2.5]]
    assert found["log"] == [100_000, 100_001]
    (tensor,) = [value[0] for value in found["Tensor:data"] if value]
    assert list(tensor["shape"]) == [2, 2]
    assert [(left.what, left.count) for left in report.left_out] == [("vector/plant/values", 1)]

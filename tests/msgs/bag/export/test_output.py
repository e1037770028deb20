"""Exports into folders that are full or not writable: one error line, and nothing is left."""

import pytest
from support.recorded import played

from rtgraph.msgs.bag.export import TARGETS, exporter
from rtgraph.msgs.errors import BagError

WRITERS = sorted(TARGETS.keys() - {"rerun"})


@pytest.mark.parametrize("target", WRITERS)
@pytest.mark.parametrize("size", [0, 3000])
def test_a_full_disk_is_one_line_that_names_the_file(session, out, full_disk, target, size):
    recording = session()
    played(recording, 30)
    bag = recording.open()
    full_disk(size)
    with pytest.raises(BagError, match=r"out/run cannot be written: File too large\. hint: raise the limit"):
        exporter(target)(bag, out / "run")
    assert not list(out.iterdir())


@pytest.mark.parametrize("target", WRITERS)
def test_a_folder_that_cannot_be_written_to_is_one_line(session, out, monkeypatch, target):
    recording = session()
    played(recording, 3)

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rtgraph.msgs.bag.export.output.tempfile.mkdtemp", refuse)
    with pytest.raises(
        BagError, match=r"out/run cannot be written: Permission denied\. hint: choose a folder that can be"
    ):
        exporter(target)(recording.open(), out / "run")

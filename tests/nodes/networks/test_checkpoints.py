import pytest

from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.networks.checkpoints import checkpoint_in, numbers_in


@pytest.fixture
def session(tmp_path):
    for name in ("000009", "000010", ".unfinished", "note", "10", "11", "٠٠٠٠١٢"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / "facts.json").write_text("{}")
    return tmp_path


def test_the_newest_is_found_from_wherever_one_starts(session):
    folder = session / "checkpoints"
    assert numbers_in(folder) == [9, 10]
    assert checkpoint_in(session) == checkpoint_in(folder) == folder / "000010"
    assert checkpoint_in(folder / "000009") == folder / "000009"


def test_what_cannot_even_be_looked_for_is_told(session):
    with pytest.raises(CheckpointError, match="cannot be read: File name too long"):
        checkpoint_in(session / ("x" * 300))


def test_what_is_none_is_told(session):
    for path, lacks in (
        (session / "gone", "there is no such folder"),
        (session / "checkpoints" / "x", "no such"),
    ):
        assert numbers_in(path) == []
        with pytest.raises(
            CheckpointError, match=rf"is not a checkpoint: .*{lacks}.*hint: give the folder of a checkpoint"
        ):
            checkpoint_in(path)
    (session / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"it has no facts\.json"):
        checkpoint_in(session / "empty")


def test_a_launch_without_a_checkpoint_is_named(tmp_path):
    (tmp_path / "plan.yaml").write_text("name: boxing")
    for path in (tmp_path, tmp_path / "checkpoints"):
        with pytest.raises(CheckpointError, match=f"^{tmp_path} has no checkpoint: this launch saved none"):
            checkpoint_in(path)

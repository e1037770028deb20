import importlib.util
import subprocess
import sys

import pytest
from support.recorded import played

from rtgraph.msgs import Observation
from rtgraph.msgs.bag.export import TARGETS, LeftOut, Selection, exporter
from rtgraph.msgs.errors import BagError, MissingPackage
from rtgraph.msgs.typed.extras import EXTRAS

HERE = [name for name in TARGETS if name != "rerun" or importlib.util.find_spec("rerun")]


@pytest.fixture
def bag(session):
    recording = session()
    played(recording, 6)
    return recording.open()


@pytest.fixture(params=HERE)
def target(request):
    return TARGETS[request.param]


def test_every_target_writes_what_it_reports(bag, out, target):
    told = []
    report = target.load()(bag, out / f"run{target.suffix}", Selection(progress=told.append))
    assert report.target == target.name
    assert report.messages > 0
    assert all(path.exists() and path.is_relative_to(out) for path in report.files)
    assert [path.name for path in out.iterdir()] == [f"run{target.suffix}"]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert all(0 < done <= 1 for done in told)


def test_nothing_is_written_over(bag, out, target):
    path = out / f"run{target.suffix}"
    path.write_text("precious")
    with pytest.raises(BagError, match="already exists"):
        target.load()(bag, path)
    assert path.read_text() == "precious"


def test_an_export_that_is_broken_off_leaves_nothing(bag, out, target):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target.load()(bag, out / f"run{target.suffix}", Selection(progress=stop))
    assert list(out.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(bag, out, target):
    with pytest.raises(BagError, match=r"^the folder .*/nowhere does not exist\. hint: make it first"):
        target.load()(bag, out / "nowhere" / f"run{target.suffix}")


def test_a_file_in_place_of_the_folder_is_an_error(bag, tmp_path, target):
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match=r"/file is not a folder\. hint: choose another folder"):
        target.load()(bag, tmp_path / "file" / f"run{target.suffix}")


def test_a_topic_that_is_not_there_is_an_error_that_names_those_that_are(bag, out, target):
    with pytest.raises(BagError, match=r"no topic matches 'screem'.*screen"):
        target.load()(bag, out / f"run{target.suffix}", Selection(topics=("screem",)))
    assert list(out.iterdir()) == []


def test_a_range_with_nothing_in_it_is_an_error(bag, out, target):
    with pytest.raises(BagError, match="in this range"):
        target.load()(bag, out / f"run{target.suffix}", Selection(start_ns=10**12))
    assert list(out.iterdir()) == []


def test_an_empty_recording_is_an_error(session, out, target):
    with pytest.raises(BagError, match="nothing to export"):
        target.load()(session().open(), out / f"run{target.suffix}")


def test_what_does_not_decode_is_left_out_once(session, out, target):
    recording = session()
    recording.garbage("observation", Observation, 0)
    played(recording, 6, screen=False)
    report = target.load()(recording.open(), out / f"run{target.suffix}")
    found = [left for left in report.left_out if "decode" in left.why]
    assert [(left.what, left.count) for left in found] == [("observation", 1)]
    assert isinstance(found[0], LeftOut)


def test_an_unknown_target_is_an_error_with_the_nearest_name():
    with pytest.raises(BagError, match=r"'parket'.*did you mean parquet\?"):
        exporter("parket")


@pytest.mark.parametrize(
    ("target", "option", "hint"),
    [
        ("lerobot", "qualty", r"did you mean quality\?"),
        ("lerobot", "x", "its options are quality, task"),
        ("npz", "quality", "it has none"),
    ],
)
def test_an_unknown_option_is_an_error_with_those_there_are(target, option, hint):
    with pytest.raises(BagError, match=rf"{target} has no option '{option}'.*{hint}"):
        exporter(target, **{option: "1"})


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("foxglove", "mcap_protobuf", "export"),
        ("lerobot", "pyarrow", "export"),
        ("mp4", "av", "export"),
        ("parquet", "pyarrow", "export"),
        ("rerun", "rerun", "rerun"),
        ("rosbag2", "rosbags", "rosbag2"),
    ],
)
def test_what_is_not_installed_is_named_with_the_command_that_installs_it(
    bag, out, monkeypatch, name, module, extra
):
    own = f"rtgraph.msgs.bag.export.{name}"
    for loaded in [
        one for one in sys.modules if one.partition(".")[0] == module or f"{one}.".startswith(f"{own}.")
    ]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingPackage, match=rf"needs {EXTRAS[module][0]}, .*pip install 'rtgraph\[{extra}\]'"
    ):
        exporter(name)(bag, out / "run")


def test_the_table_imports_none_of_them():
    heavy = (
        "av",
        "foxglove_schemas_protobuf",
        "matplotlib",
        "mcap_protobuf",
        "PIL",
        "pyarrow",
        "rerun",
        "rosbags",
    )
    program = f"import sys, rtgraph.msgs.bag.export; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

"""The recorder in the virtual world: all messages are in the file as they were sent, and accounted for."""

from __future__ import annotations

import pytest
import yaml
from support.sessions import RECORDING, recorded

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.session import KeepRecording
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld


def streams(bag):
    return {(channel.publisher, channel.topic): count for channel, count in bag.counts.items()}


def test_everything_is_in_the_recording_and_accounted_for(tmp_path):
    result = recorded("endless", tmp_path / "session")
    bag = Bag.open(tmp_path / "session" / RECORDING)
    assert bag.complete
    counts = streams(bag)
    assert counts["plant", "observation"] == counts["plant", "applied"] == 240
    made = sum(count for (_, topic), count in counts.items() if topic == "decision")
    assert made == result.summary["decisions"]["made"]
    assert bag.losses is not None
    assert bag.losses.lost == 0
    assert result.code == 0
    assert result.summary["nodes"]["session/recorder"] == {
        "files": [RECORDING],
        "messages": sum(bag.counts.values()),
        "bytes": sum(len(message.data) for message in bag.messages()),
        "lost": 0,
    }


def test_the_plan_and_the_facts_come_first(tmp_path):
    recorded("endless", tmp_path / "session")
    bag = Bag.open(tmp_path / "session" / RECORDING)
    text = (tmp_path / "session" / "plan.yaml").read_text()
    assert bag.plan_yaml == text
    assert Plan.from_yaml(text).nodes[-1].name == "session/recorder"
    assert bag.info["world"] == "virtual"
    assert "epoch_unix_ns" not in bag.info
    # A crash loses the end of the file; these are readable from its head alone.
    head = tmp_path / "head.mcap"
    head.write_bytes((tmp_path / "session" / RECORDING).read_bytes()[: len(text) + 2000])
    cut = Bag.open(head)
    assert cut.plan_yaml == text
    assert cut.info == bag.info


def test_the_same_seed_gives_the_same_bytes_in_another_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for folder in ("one", "elsewhere/two"):
        recorded("endless", tmp_path / folder)
    recorded("endless", tmp_path / "other", seed=4)
    one, two, other = (
        (tmp_path / folder / RECORDING).read_bytes() for folder in ("one", "elsewhere/two", "other")
    )
    assert one == two
    assert one != other


def test_globs_choose_the_topics(tmp_path):
    record = {"topics": ["obs*", "decision"], "exclude": ["decision"], "journal": False}
    recorded("endless", tmp_path / "session", record=record)
    bag = Bag.open(tmp_path / "session" / RECORDING)
    assert {channel.topic for channel in bag.channels} == {"observation"}


@pytest.mark.parametrize("split", [{"split_s": 1.0}, {"split_mib": 0.02}], ids=["time", "size"])
def test_a_split_recording_is_one_recording(tmp_path, split):
    recorded("endless", tmp_path / "whole", record={"flush_s": 0.1})
    recorded("endless", tmp_path / "split", record={"flush_s": 0.1, **split})
    files = sorted((tmp_path / "split").glob("session_*.mcap"))
    assert len(files) > 2
    whole, parts = Bag.open(tmp_path / "whole" / RECORDING), Bag.open(tmp_path / "split")
    # Nothing differs except the journal in their plan.
    assert streams(parts) == streams(whole)
    assert [m.data for m in parts.messages(topics=["decision"])] == [
        m.data for m in whole.messages(topics=["decision"])
    ]
    assert all(Bag.open(file).plan_yaml is not None for file in files)


def test_a_ring_buffer_writes_the_last_seconds_when_it_is_told_to(tmp_path):
    plan = load_launch(
        "endless", world="virtual", ticks=600, record={"keep_s": 2.0, "journal": False}, folders=FOLDERS
    )
    (tmp_path / "plan.yaml").write_text(plan.to_yaml())
    world = VirtualWorld(
        plan.nodes,
        launch_context=LaunchContext(limits=RunLimits(ticks=600), directory=tmp_path),
    )
    recorder = world.executors["session/recorder"]

    def told() -> None:
        port = recorder.node.inputs["keep_recording"]
        recorder.node.on_keep_recording(KeepRecording(reason="the arm jerked"))
        assert not port.inbox

    world.event_queue.push(5_000_000_000, 2, 99, told, ())
    world.run()
    (file,) = tmp_path.glob("*.mcap")
    bag = Bag.open(file)
    assert bag.info["ring.reason"] == "the arm jerked"
    assert 1.9e9 <= bag.end_ns - bag.start_ns <= 2.0e9
    assert abs(bag.end_ns - 5.0e9) < 0.1e9
    assert streams(bag)["plant", "observation"] in (119, 120, 121)


def test_nothing_is_recorded_where_nobody_asks(tmp_path):
    recorded("endless", tmp_path / "session", record=False)
    assert not list((tmp_path / "session").glob("*.mcap"))


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"topcis": ["a"]}, "did you mean 'topics'"),
        ({"flush_s": 0}, "flush_s"),
        ({"file": "../up.mcap"}, "file"),
    ],
)
def test_a_wrong_way_to_record_is_told_before_anything_starts(record, says):
    with pytest.raises(GraphError, match=says):
        load_launch("endless", world="virtual", record=record, folders=FOLDERS)


def test_two_ways_to_record_at_once_are_refused(tmp_path):
    with pytest.raises(GraphError, match="choose one way to record"):
        recorded("endless", tmp_path / "session", record={"keep_s": 1.0, "split_s": 1.0})


def test_a_launch_file_says_how_it_is_recorded(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"graphs": [{"graph": "endless"}], "record": {"topics": ["applied"]}}))
    plan = load_launch(file)
    recorder = plan.nodes[-1]
    assert recorder.params["topics"] == ["applied"]
    assert {tapped.topic for tapped in recorder.taps["everything"]} == {"applied", "_journal"}
    assert all(node.journal for node in plan.nodes[:-1])


def test_the_newest_of_each_channel_is_what_reading_everything_finds(tmp_path):
    recorded("endless", tmp_path / "session", record={"flush_s": 0.1, "split_s": 1.0})
    bag = Bag.open(tmp_path / "session")
    slow = {message.channel: message for message in bag.messages()}
    assert bag.newest() == slow

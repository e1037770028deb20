"""`rtgraph bag verify`: an unchanged recording passes; every change is found and named."""

from __future__ import annotations

import pytest
from support.sessions import RECORDING, flipped, recorded, rewritten

from rtgraph.graphs.resolving.recording import stand_ins
from rtgraph.launch.bags.verification import verify
from rtgraph.msgs.bag import Bag, BagWriter
from rtgraph.msgs.bag.format.channel import Attachment
from rtgraph.msgs.errors import BagError, GraphError


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    out = tmp_path_factory.mktemp("verified") / "session"
    assert recorded("boxing", out, {"k": "0.0625", "workers": "3", "latency_frames": "2.3"}).code == 0
    return out


def verified(file, *nodes):
    return verify(Bag.open(file), nodes or ("*",))


def with_info(bag, file, info):
    """Write a copy of a recording with other facts about it."""
    attachments = [Attachment(n, a.media_type, a.data) for n, a in bag.attached().items()]
    writer = BagWriter(file, info=info, attachments=attachments)
    for message in bag.messages():
        writer.write(message.channel, message.sequence, message.log_ns, message.publish_ns, message.data)
    writer.close()
    return file


def changed(session, tmp_path, change):
    (tmp_path / "weights").symlink_to(session / "weights")
    return rewritten(session / RECORDING, tmp_path / "changed.mcap", change)


def test_a_recording_of_the_virtual_world_is_verified_to_the_last_byte(session):
    found = verified(session / RECORDING)
    assert found.passed
    assert not found.differences
    assert {verdict.outcome for verdict in found.nodes} == {"same"}
    assert {verdict.node for verdict in found.nodes} == {
        "plant",
        "coordinator",
        "monitor",
        "worker/0",
        "worker/1",
        "worker/2",
    }
    bag = Bag.open(session / RECORDING)
    messages = sum(count for channel, count in bag.counts.items() if channel.port != "_journal")
    assert found.messages == messages
    assert sum(verdict.published for verdict in found.nodes) == messages
    assert all(verdict.until_s >= 3.9 for verdict in found.nodes if verdict.node != "monitor")


def test_chosen_nodes_alone_are_run_again(session):
    found = verified(session / RECORDING, "worker/*")
    assert [verdict.node for verdict in found.nodes] == ["worker/0", "worker/1", "worker/2"]
    assert found.passed


def test_nodes_are_chosen_by_the_package_of_their_class_too(session):
    assert {verdict.node for verdict in verified(session / RECORDING, "inference").nodes} == {
        "coordinator",
        "worker/0",
        "worker/1",
        "worker/2",
    }


@pytest.mark.parametrize("topic", ["observation", "decision", "applied", "state"])
def test_one_bit_of_one_message_is_found_and_named(session, tmp_path, topic):
    def change(message):
        hit = message.channel.topic == topic and message.sequence == 20
        return flipped(message.data, -3) if hit else message.data

    found = verified(changed(session, tmp_path, change))
    assert not found.passed
    assert any(difference.startswith(f"{topic} 20 of ") for difference in found.differences)


def test_one_bit_of_a_journal_is_found_and_named(session, tmp_path):
    def change(message):
        hit = message.channel.port == "_journal" and message.channel.publisher == "worker/1"
        return (
            flipped(message.data, -len(message.data) // 2) if hit and message.sequence == 3 else message.data
        )

    found = verified(changed(session, tmp_path, change))
    assert not found.passed
    assert any("journal part 3 of worker/1" in difference for difference in found.differences)


def test_a_message_left_out_is_found_and_named(session, tmp_path):
    def change(message):
        return None if message.channel.topic == "decision" and message.sequence == 7 else message.data

    found = verified(changed(session, tmp_path, change))
    assert not found.passed
    assert any("decision 7 of worker/0" in difference for difference in found.differences)


def test_weights_that_are_not_kept_are_drawn_anew(session, tmp_path):
    lone = tmp_path / RECORDING
    lone.write_bytes((session / RECORDING).read_bytes())
    assert verified(lone, "worker/*").passed


def test_other_weights_than_those_recorded_are_not_called_a_pass(session, tmp_path):
    bag = Bag.open(session / RECORDING)
    with_info(bag, tmp_path / "other.mcap", bag.info | {"weights.policy": "0" * 32})
    found = verified(tmp_path / "other.mcap")
    outcomes = {verdict.node: verdict.outcome for verdict in found.nodes}
    assert outcomes == {
        "plant": "same",
        "coordinator": "same",
        "monitor": "same",
        "worker/0": "unverifiable",
        "worker/1": "unverifiable",
        "worker/2": "unverifiable",
    }
    assert not found.passed
    assert "weights policy" in next(v.note for v in found.nodes if v.node == "worker/0")


@pytest.mark.parametrize("fact", ["torch", "cpu_capability"])
def test_another_arithmetic_is_not_comparable_and_no_pass(session, tmp_path, fact):
    bag = Bag.open(session / RECORDING)
    assert fact in bag.info
    file = with_info(bag, tmp_path / "other.mcap", bag.info | {fact: "another"})
    (tmp_path / "weights").symlink_to(session / "weights")
    found = verified(file)
    assert not found.passed
    assert not found.differences
    verdicts = {verdict.node: verdict for verdict in found.nodes}
    assert verdicts["plant"].outcome == "same"
    assert verdicts["worker/0"].outcome == "unverifiable"
    assert f"not comparable: it was recorded with {fact} another" in verdicts["worker/0"].note


def test_a_topic_that_was_not_recorded_leaves_its_consumers_unverifiable(tmp_path):
    recorded("endless", tmp_path / "session", record={"exclude": ["observation"]})
    found = verified(tmp_path / "session" / RECORDING)
    outcomes = {verdict.node: verdict for verdict in found.nodes}
    assert outcomes["plant"].outcome == outcomes["monitor"].outcome == "same"
    assert outcomes["coordinator"].outcome == "unverifiable"
    assert "observation" in outcomes["coordinator"].note
    assert not found.passed


def cut(session, file, chunks):
    """Write the first chunks of a recording to a file."""
    last = Bag.open(session / RECORDING)._parts[0].contents.chunks[chunks - 1]
    file.write_bytes((session / RECORDING).read_bytes()[: last.offset + last.length])
    return file


def test_a_recording_that_was_cut_off_is_compared_up_to_the_end_of_each_journal(session, tmp_path):
    def change(message):
        known = message.channel.topic == "state" and message.sequence == 3
        return flipped(message.data, -3) if known else message.data

    file = cut(session, tmp_path / "cut.mcap", 3)
    found = verified(file, "coordinator")
    assert found.passed
    assert not found.differences
    assert found.unchecked
    assert found.messages + found.unchecked == sum(
        count for channel, count in Bag.open(file).counts.items() if channel.port != "_journal"
    )
    changed = rewritten(session / RECORDING, tmp_path / "changed.mcap", change).read_bytes()
    file.write_bytes(changed[: len(changed) // 2])
    assert any(
        difference.startswith("state 3 of") for difference in verified(file, "coordinator").differences
    )


def test_what_the_damaged_part_holds_makes_a_node_unverifiable_and_no_difference(session, tmp_path):
    def verdicts(file):
        found = verified(file)
        assert not found.differences
        assert not found.passed
        return {verdict.node: verdict for verdict in found.nodes}

    first = verdicts(cut(session, tmp_path / "cut.mcap", 1))
    assert "the recording ends before its journal" in {verdict.note for verdict in first.values()}
    data = bytearray((session / RECORDING).read_bytes())
    chunk = Bag.open(session / RECORDING)._parts[0].contents.chunks[2]
    data[chunk.offset + chunk.length // 2] ^= 1
    (tmp_path / "hole.mcap").write_bytes(data)
    hole = verdicts(tmp_path / "hole.mcap")
    assert {verdict.outcome for verdict in hole.values()} == {"unverifiable"}
    assert all("in the damaged part" in verdict.note for verdict in hole.values())


def test_a_plan_in_the_damaged_part_is_not_called_absent(session, tmp_path):
    file = tmp_path / "cut.mcap"
    chunk = Bag.open(session / RECORDING)._parts[0].contents.chunks[0]
    place = Bag.open(session / RECORDING)._parts[0].contents.attachments[0][0]
    file.write_bytes((session / RECORDING).read_bytes()[: min(chunk.offset, place + 20)])
    with pytest.raises(
        BagError,
        match=r"is unfinished or damaged, and has no readable plan\. hint: .* cannot restore a damaged plan",
    ):
        verified(file)
    with pytest.raises(GraphError, match="has no readable plan"):
        stand_ins(str(file), ["plant"])
    BagWriter(tmp_path / "planless.mcap", info={}, attachments=[]).close()
    with pytest.raises(BagError, match="holds no plan"):
        verified(tmp_path / "planless.mcap")


def test_what_keeps_no_journal_cannot_be_verified(tmp_path):
    recorded("endless", tmp_path / "session", record={"journal": False})
    with pytest.raises(BagError, match="holds no journal"):
        verified(tmp_path / "session" / RECORDING)


def test_a_node_that_is_not_there_is_told(session):
    with pytest.raises(BagError, match="nodes with a journal: coordinator, monitor"):
        verified(session / RECORDING, "wroker/*")

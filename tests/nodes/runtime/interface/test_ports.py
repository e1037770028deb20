import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chatter import Ping

from rtgraph.msgs import Header, InferenceTime, Lineage, Observation
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Output, latest, lossless, queue
from rtgraph.nodes.runtime.interface.edges import EdgeCount
from rtgraph.nodes.runtime.interface.policy import InputPolicy
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput


def ping(sequence, source="a", incarnation=0):
    return Ping(number=sequence).stamped(
        Header(source=source, incarnation=incarnation, sequence=sequence, stamp_ns=0)
    )


def bound(policy=latest):
    return BoundInput(Input(Ping, policy))


def counts(port, source="a"):
    edge = port.edges[source]
    return edge.received, edge.lost, edge.overwritten


@given(st.sampled_from([1, 2, 3, 7]), st.integers(0, 20))
def test_a_queue_keeps_the_newest_and_counts_the_rest(depth, sent):
    port = bound(queue(depth))
    for number in range(sent):
        port.put(ping(number))
    assert [each.number for each in port.take_all()] == list(range(sent))[-depth:]
    assert not sent or counts(port) == (sent, 0, max(0, sent - depth))
    assert port.take() is None


def test_latest_keeps_one():
    port = bound(latest)
    for number in range(3):
        port.put(ping(number))
    assert port.take().number == 2
    assert port.take() is None
    assert counts(port) == (3, 0, 2)


def test_lossless_keeps_all():
    port = bound(lossless)
    for number in range(5_000):
        port.put(ping(number))
    assert len(port.take_all()) == 5_000
    assert counts(port) == (5_000, 0, 0)


def test_overwriting_is_counted_at_the_edge_of_what_was_overwritten():
    port = bound(queue(2))
    for message in (ping(0, "a"), ping(0, "b"), ping(1, "b"), ping(2, "b")):
        port.put(message)
    assert counts(port, "a") == (1, 0, 1)
    assert counts(port, "b") == (3, 0, 1)


def test_reading_the_newest_counts_the_older_unread_and_may_be_repeated():
    port = bound(queue(8))
    assert port.read_newest() is None
    for number in range(3):
        port.put(ping(number))
    assert port.read_newest().number == 2
    assert counts(port) == (3, 0, 2)
    assert port.read_newest().number == 2
    assert counts(port) == (3, 0, 2), "an old message was counted again"
    assert port.take() is None, "the newest was read: it is not unread"


@given(st.lists(st.integers(0, 30), unique=True).map(sorted))
def test_what_is_missing_between_arrivals_is_lost(arriving):
    edge = EdgeCount()
    for sequence in arriving:
        edge.add(0, sequence)
    assert edge.received == len(arriving)
    assert edge.lost == (arriving[-1] - arriving[0] + 1 - len(arriving) if arriving else 0)


def test_who_joins_late_has_lost_nothing():
    edge = EdgeCount()
    edge.add(0, 1_000)
    assert edge.lost == 0


def test_a_restarted_publisher_counts_anew():
    edge = EdgeCount()
    for incarnation, sequence in ((0, 0), (0, 1), (1, 0), (1, 1)):
        edge.add(incarnation, sequence)
    assert (edge.received, edge.lost) == (4, 0)
    edge.add(2, 3)
    assert edge.lost == 3, "the first three of the new life never came"


def test_stragglers_and_doubles_lose_nothing_and_do_not_turn_the_count_back():
    edge = EdgeCount()
    for incarnation, sequence in ((1, 0), (1, 1), (1, 1), (0, 9), (1, 0), (1, 2)):
        edge.add(incarnation, sequence)
    assert (edge.received, edge.lost, edge.next_sequence) == (6, 0, 3)


def test_a_pause_is_no_loss_and_makes_old_what_came_before():
    port, told = bound(queue(8)), []
    port.on_pause = told.append
    port.put(ping(0))
    port.put(ping(1))
    port.pause()
    port.pause()
    assert told == [True]
    assert port.paused
    assert port.newest is port.take() is port.read_newest() is None
    assert counts(port) == (2, 0, 2), "unread messages were dropped without being counted"
    port.resume()
    assert told == [True, False]
    port.put(ping(900))
    port.put(ping(902))
    assert counts(port) == (4, 1, 2), "a gap after the pause is a loss, the pause itself is none"


def test_a_muted_port_receives_without_calls_of_its_handler_and_stays_so_in_a_checkpoint():
    def handler(message):
        raise AssertionError("a muted port called its handler")

    port, restored = bound(), bound()
    port.handler = restored.handler = handler
    port.mute()
    port.mute()
    assert port.handler is None
    port.put(ping(0))
    restored.load_world_state(port.world_state())
    assert restored.handler is None
    assert restored.take().number == 0
    for each in (port, restored):
        each.unmute()
        each.unmute()
        assert each.handler is handler
    restored.load_world_state(port.world_state())
    assert restored.handler is handler


def test_a_port_without_a_handler_stays_without_one():
    port = bound()
    port.mute()
    port.unmute()
    assert port.handler is None


def test_a_queue_holds_at_least_one():
    with pytest.raises(NodeError, match="at least one message, not 0"):
        queue(0)


def test_policies_say_what_they_are():
    assert [str(policy) for policy in (latest, lossless, queue(7))] == ["latest", "lossless", "queue(7)"]


def output(keyed=False):
    sent = []
    port = Output(Ping, keyed=keyed)
    port.__set_name__(None, "ping")
    return BoundOutput(port, lambda *args: sent.append(args[1:])), sent


def test_publishing_hands_on_what_the_message_derives_from():
    port, sent = output()
    lineage = Lineage(source="plant", incarnation=0, sequence=3, stamp_ns=5, tick=3, episode=0)
    derived = Ping(number=0).stamped(
        Header(source="b", incarnation=0, sequence=0, stamp_ns=9, lineage=lineage)
    )
    for of, expected in ((None, None), (lineage, lineage), (derived, lineage), (ping(0), None)):
        port.publish(Ping(number=1), of=of)
        assert sent.pop()[1:] == (expected, None)


def test_only_messages_of_the_declared_class_are_published():
    port, _ = output()
    with pytest.raises(NodeError, match="output 'ping' publishes Ping, not InferenceTime"):
        port.publish(InferenceTime(worker="w", incarnation=0, inference_ns=0))


def test_a_key_goes_with_a_keyed_output_and_with_no_other():
    with pytest.raises(NodeError, match="output 'ping' is not keyed"):
        output()[0].publish(Ping(number=0), key="box/0")
    with pytest.raises(NodeError, match="output 'ping' is keyed: give key="):
        output(keyed=True)[0].publish(Ping(number=0))


def test_a_lossless_inbox_is_bounded_in_bytes_and_counts_what_is_beyond() -> None:
    frame = np.zeros(1000, np.uint8)
    port = BoundInput(Input(Observation, InputPolicy("lossless", None, budget_bytes=5_000)))

    def put(sequence: int) -> None:
        header = Header(source="plant", incarnation=0, sequence=sequence, stamp_ns=0)
        port.put(Observation(tick=sequence, episode=0, value=frame).stamped(header))

    for sequence in range(10):
        put(sequence)
    kept = len(port.inbox)
    assert 3 <= kept <= 4, "each is a little more than 1,000 bytes"
    assert (port.edges["plant"].received, port.edges["plant"].lost) == (10, 10 - kept)
    assert [message.tick for message in port.take_all()] == list(range(kept))
    put(10)
    assert len(port.inbox) == 1, "there is room again once it was emptied"
    port.take()
    for sequence in range(11, 1000):
        put(sequence)
        port.take()
    assert port.edges["plant"].lost == 10 - kept, "a queue that is kept short never overflows"

"""The time of a recording and the time of the graph that plays it."""

from __future__ import annotations

import pytest
from support.bags import rows, write

from rtgraph.msgs.bag import Bag
from rtgraph.msgs.bag.format.channel import Channel, Recorded
from rtgraph.msgs.bag.playback import Playback, messages_of

MS = 1_000_000


def channel(topic, schema):
    return Channel(topic, "plant", topic, "", schema, b"{}", "0" * 16)


SEEN, DONE = channel("observation", "Observation"), channel("applied", "Applied")
MESSAGES = [
    Recorded(kind, tick, time_ns, time_ns, b"")
    for tick in range(10)
    for kind, time_ns in ((SEEN, tick * 10 * MS), (DONE, tick * 10 * MS + MS))
]


def messages(start_ns):
    return iter([message for message in MESSAGES if message.log_ns >= start_ns])


def playback(start_ms=0, end_ms=91, **options):
    return Playback(messages, start_ms * MS, end_ms * MS, **options)


def played(made, until_ms, step_ms=1):
    """Advance in steps until a time of the graph; return (when, sequence, topic) of the played messages."""
    found = []
    for now_ms in range(0, until_ms + 1, step_ms):
        found += [(now_ms, message.sequence, message.channel.topic) for message in made.take_due(now_ms * MS)]
    return found


def test_at_rate_one_every_message_is_due_at_its_own_time():
    made = playback()
    assert [made.due_ns()] + [made.take().publish_ns for _ in range(2)] == [0, 0, MS]
    assert made.due_ns() == 10 * MS
    whole = played(playback(), 100)
    assert whole == [
        (10 * tick + late, tick, topic)
        for tick in range(10)
        for late, topic in ((0, "observation"), (1, "applied"))
    ]


def test_at_twice_the_rate_it_takes_half_the_time():
    assert [when for when, _, topic in played(playback(rate=2.0), 100) if topic == "observation"] == [
        5 * tick for tick in range(10)
    ]


def test_the_start_and_the_end_cut_it():
    made = playback(start_ms=35, end_ms=60)
    made.begin(0)
    assert played(made, 100)[0] == (5, 4, "observation")
    assert made.played == 5
    assert made.over


def test_after_the_end_late_messages_are_played_and_the_rest_is_not_read():
    late = [
        Recorded(SEEN, tick, (tick * 10 + 500 * (tick % 2)) * MS, tick * 10 * MS, b"") for tick in range(1000)
    ]
    read = []

    def messages(start_ns):
        for message in sorted(late, key=lambda one: one.log_ns):
            read.append(message.sequence)
            yield message

    made = Playback(messages, 0, 60 * MS)
    assert sorted(sequence for _, sequence, _ in played(made, 70)) == list(range(7))
    assert made.over
    assert len(read) < 200


def test_a_loop_begins_anew_without_drifting():
    made = playback(end_ms=100, loop=True)
    found = played(made, 320, step_ms=1)
    firsts = [when for when, sequence, topic in found if (sequence, topic) == (0, "observation")]
    assert firsts == [0, 100, 200, 300]
    assert made.rounds == 3


def test_a_pause_stops_it_and_it_goes_on_from_there():
    made = playback()
    played(made, 25)
    made.pause(25 * MS)
    assert made.due_ns() is None
    assert made.position_ns(60 * MS) == 25 * MS
    made.resume(60 * MS)
    assert made.due_ns() == 65 * MS
    assert made.position_ns(62 * MS) == 27 * MS


def test_a_step_by_ticks_ends_with_what_belongs_to_the_tick():
    made = playback()
    made.pause(0)
    assert [m.sequence for m in made.take_ticks(2)] == [0, 0, 1]
    assert [(m.channel.topic, m.sequence) for m in made.take_ticks(1)] == [("applied", 1), ("observation", 2)]


def test_seeking_goes_both_ways():
    made = playback()
    played(made, 50)
    made.seek(20 * MS, 50 * MS)
    assert made.due_ns() == 50 * MS
    assert made.take().sequence == 2
    made.seek(1000 * MS, 60 * MS)
    assert made.take().publish_ns == 91 * MS
    assert made.over


def test_a_position_counts_by_the_times_of_publication(tmp_path):
    write(tmp_path / "bag.mcap", rows(4))
    bag = Bag.open(tmp_path / "bag.mcap")
    messages_from = messages_of(bag)
    assert [next(messages_from(ns)).publish_ns for ns in (2300, 2301, 2510)] == [2300, 3000, 3000]
    assert len(list(messages_from(bag.start_ns))) == 8, "the first was published before it was received"


def test_what_is_over_may_begin_again():
    made = playback()
    made.seek(1000 * MS, 60 * MS)
    made.take()
    made.begin_again(70 * MS)
    assert made.take().sequence == 0
    assert made.rounds == 1


def test_another_rate_goes_on_from_where_it_is():
    made = playback()
    played(made, 45)
    made.set_rate(0.5, 45 * MS)
    assert made.due_ns() == 45 * MS + 2 * 5 * MS


def dues(made, until_ns, *, loop):
    """Play until a time of the graph; return (due time, sequence, topic) of the played messages."""
    found = []
    while (due_ns := made.due_ns()) is not None and due_ns <= until_ns:
        message = made.take()
        found.append((due_ns, message.sequence, message.channel.topic))
        if made.over and loop:
            made.begin_again(due_ns)
    return found


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(("start_ms", "end_ms"), [(0, 91), (0, 100), (25, 91), (40, 40)])
@pytest.mark.parametrize("rate", [1.0, 2.0, 0.3])
@pytest.mark.parametrize("now_ms", [0, 7, 20, 45, 91, 92, 123, 200, 300, 304, 517])
def test_after_catching_up_it_plays_what_it_would_have_played(loop, start_ms, end_ms, rate, now_ms):
    loop = loop and start_ms < end_ms  # rounds without a duration never end
    whole, late = (playback(start_ms, end_ms, loop=loop, rate=rate) for _ in range(2))
    for made in (whole, late):
        made.begin(0)
    late.catch_up(now_ms * MS)
    expected = dues(whole, 1200 * MS, loop=loop)
    found = dues(late, 1200 * MS, loop=loop)
    if rate == 0.3:  # times are rounded to ns
        expected, found = (
            [(round(due_ns, -1), *rest) for due_ns, *rest in each] for each in (expected, found)
        )
        assert found[1:] == expected[len(expected) - len(found) + 1 :]
    else:
        assert found == [each for each in expected if each[0] >= now_ms * MS]
    assert late.rounds == whole.rounds

"""The writer thread: in order, within its memory limit, and every error is reported."""

from __future__ import annotations

import threading

import pytest

from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.writing.storage import Storage, StoredMessage
from rtgraph.msgs.errors import BagError
from rtgraph.nodes.recorder.background import Background

CHANNEL = Channel("frame", "plant", "frame", "", "Frame", b"{}", "0" * 16)


def entries(first, count, size=10):
    return [
        StoredMessage(CHANNEL, 0, number, number, number, bytes(size))
        for number in range(first, first + count)
    ]


class Sink:
    """A disk that blocks until it is released, or fails."""

    def __init__(self, *, fails=None, stands=False):
        self.seen, self.flushes, self.closed = [], 0, None
        self.fails, self.go = fails, threading.Event()
        self.paths = []
        if not stands:
            self.go.set()

    def write(self, channel, sequence, log_ns, publish_ns, data):
        self.go.wait()
        if self.fails is not None:
            raise self.fails
        self.seen.append(sequence)

    def flush(self):
        self.flushes += 1

    def keep(self, reason, losses):
        self.seen.append(reason)

    def close(self, losses=None):
        self.closed = losses


def test_everything_is_written_in_order():
    sink = Sink()
    background = Background(Storage(sink))
    background.write(entries(0, 5))
    background.flush()
    background.keep("now")
    background.write(entries(5, 2))
    background.close({"plant": {"frame": 7}})
    assert sink.seen == [0, 1, 2, 3, 4, "now", 5, 6]
    assert sink.flushes == 1
    assert sink.closed["lost"] == 0
    assert background.result()["messages"] == 7


def test_a_disk_that_stands_still_holds_nobody_up_and_what_has_no_room_is_lost_and_counted():
    sink = Sink(stands=True)
    background = Background(Storage(sink), most_bytes=100)
    assert not background.write(entries(0, 6))
    lost = background.write(entries(6, 6))
    assert [entry.sequence for entry in lost] == [10, 11]
    assert background.write(entries(12, 1))
    sink.go.set()
    background.close({"plant": {"frame": 13}})
    assert sink.seen == list(range(10))
    assert sink.closed["lost"] == 3
    assert background.result()["waiting_most_bytes"] == 100


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BagError("the disk is full"), "^the disk is full$"),
        (
            OSError(5, "Input/output error"),
            r"^the recording cannot be written: OSError: .* Input/output error\.",
        ),
        (MemoryError(), r"^the recording cannot be written: MemoryError\."),
    ],
    ids=["disk", "system", "memory"],
)
def test_a_write_that_fails_is_told_at_the_next_call(error, says):
    sink = Sink(fails=error)
    background = Background(Storage(sink))
    background.write(entries(0, 1))
    background._thread.join()
    with pytest.raises(BagError, match=says):
        background.write(entries(1, 1))
    with pytest.raises(BagError, match=says):
        background.close({})
    assert sink.closed is None

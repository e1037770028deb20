"""The position of a player in a recording: the next message, the time at which it is due, the rate, and looping."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rtgraph.msgs.bag.bag import Bag, Recorded

TICK_SCHEMA = "Observation"
"""The name of the message class that a plant (emulator or robot) publishes once per tick. Such a message ends a tick."""
LATE_NS = 1_000_000_000
"""Time after its end for which a playback looks for messages that were published before the end and received after it."""
Messages = Callable[[int], Iterator[Recorded]]


class Playback:
    """Converts the graph's time to a time of the recording, and plays the messages that are due.

    The recording's times are the times at which its messages were published. At rate 1, from the start and
    without a pause, these times equal the graph's times. So in virtual time, every message is played at exactly
    the time of its publication in the recording.

    Args:
        messages: a function that takes a time of the recording in ns, and returns the messages from this time on, in order.
        start_ns: the start position, in ns of the recording's time.
        end_ns: the end position; later messages are not played.
        rate: seconds of the recording per second of the graph.
        loop: whether to restart at the end.
    """

    def __init__(
        self, messages: Messages, start_ns: int, end_ns: int, *, rate: float = 1.0, loop: bool = False
    ) -> None:
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.paused = False
        self.rounds = 0
        self.played = 0
        self._messages = messages
        self._rate = rate
        self._loop = loop
        self._iterator: Iterator[Recorded] = iter(())
        self._next: Recorded | None = None
        self._anchor_graph_ns = self._anchor_ns = start_ns
        self._go_to(start_ns)

    @property
    def rate(self) -> float:
        """Seconds of the recording per second of the graph."""
        return self._rate

    def begin(self, now_ns: int) -> None:
        """Start playing at this time of the graph, in ns. Without this call, the recording's time equals the graph's time."""
        self._anchor_graph_ns, self._anchor_ns = now_ns, self.start_ns

    def catch_up(self, now_ns: int) -> None:
        """Go to the position that the playback would have by now if it had run since ``begin``. Messages before it are not played."""
        length_ns = round((self.end_ns - self.start_ns) / self._rate)
        if self._loop and length_ns > 0:
            # The messages at the end of a round are played before those at the start of the next round.
            self.rounds = max(0, now_ns - self._anchor_graph_ns - 1) // length_ns
            self._anchor_graph_ns += self.rounds * length_ns
        ahead_ns = now_ns - self._anchor_graph_ns
        if ahead_ns > length_ns:
            self._iterator, self._next = iter(()), None
            return
        self._go_to(self._anchor_ns + round(ahead_ns * self._rate))
        if self._next is None and self._loop:
            self.begin_again(now_ns)

    def graph_ns(self, publish_ns: int) -> int:
        """Return the graph's time at which a message with this time of publication is due, in ns. In a loop: in the present round."""
        ahead_ns = publish_ns - self._anchor_ns
        return self._anchor_graph_ns + (ahead_ns if self._rate == 1.0 else round(ahead_ns / self._rate))

    def due_ns(self) -> int | None:
        """Return the graph's time, in ns, at which the next message is due; None if paused, or at the end."""
        if self.paused or self._next is None:
            return None
        return self.graph_ns(self._next.publish_ns)

    def position_ns(self, now_ns: int) -> int:
        """Return the position in the recording, in ns of the recording's time."""
        if self.paused or self.over:
            return self._anchor_ns if self.paused else self.end_ns
        ahead_ns = round((now_ns - self._anchor_graph_ns) * self._rate)
        return min(self.end_ns, max(self.start_ns, self._anchor_ns + ahead_ns))

    @property
    def over(self) -> bool:
        """Whether all messages have been played."""
        return self._next is None

    def take(self) -> Recorded | None:
        """Return the next message, and advance to the message after it; None at the end."""
        taken = self._next
        if taken is not None:
            self.played += 1
            self._forward()
        return taken

    def take_due(self, now_ns: int) -> Iterator[Recorded]:
        """Yield all messages that are due. At the end of the recording, restart if ``loop`` is set."""
        while (due_ns := self.due_ns()) is not None and due_ns <= now_ns:
            taken = self.take()
            if taken is not None:
                yield taken
            if self._next is None and self._loop:
                self.begin_again(now_ns)

    def take_ticks(self, ticks: int) -> Iterator[Recorded]:
        """Yield all messages of the plant's next ``ticks`` ticks."""
        until_ns: int | None = None
        while self._next is not None and (until_ns is None or self._next.publish_ns <= until_ns):
            taken = self.take()
            if taken is None:
                return
            yield taken
            if taken.channel.schema_name == TICK_SCHEMA and until_ns is None:
                ticks -= 1
                if ticks == 0:
                    until_ns = taken.publish_ns

    def pause(self, now_ns: int) -> None:
        """Pause at the current position."""
        if not self.paused:
            self._anchor_ns = self.position_ns(now_ns)
            self.paused = True

    def resume(self, now_ns: int) -> None:
        """Resume from the current position."""
        if self.paused:
            self.paused = False
            self._anchor_graph_ns = now_ns

    def stand_at(self, position_ns: int) -> None:
        """Set the position, in ns of the recording's time. Used after messages were played during a pause."""
        self._anchor_ns = position_ns

    def set_rate(self, rate: float, now_ns: int) -> None:
        """Change the rate, in seconds of the recording per second of the graph. The position stays the same."""
        if not self.paused:
            self._anchor_ns, self._anchor_graph_ns = self.position_ns(now_ns), now_ns
        self._rate = rate

    def seek(self, position_ns: int, now_ns: int) -> None:
        """Go to a time of the recording, in ns."""
        self._anchor_ns = min(self.end_ns, max(self.start_ns, position_ns))
        self._anchor_graph_ns = now_ns
        self._go_to(self._anchor_ns)

    def begin_again(self, now_ns: int) -> None:
        """Play again from the start position."""
        self.rounds += 1
        # Start at the due time of the end, so that rounds do not drift, and keep the time before the first message.
        length_ns = self.end_ns - self._anchor_ns
        self._anchor_graph_ns = max(now_ns, self._anchor_graph_ns + round(length_ns / self._rate))
        self._anchor_ns = self.start_ns
        self._go_to(self.start_ns)

    def _go_to(self, position_ns: int) -> None:
        self._iterator = self._messages(position_ns)
        self._forward()

    def _forward(self) -> None:
        for recorded in self._iterator:
            if recorded.publish_ns <= self.end_ns:
                self._next = recorded
                return
            # Reading on to the end of a large recording would take seconds.
            if recorded.log_ns > self.end_ns + LATE_NS:
                break
        self._next = None


def messages_of(
    bag: Bag, *, topics: tuple[str, ...] = (), exclude: tuple[str, ...] = (), publishers: tuple[str, ...] = ()
) -> Messages:
    """Return a function that takes a time of the recording, and yields the messages that were published from this time on.

    If the time is the start of the recording or earlier, the function yields all messages. The order is that of
    ``Bag.messages``.
    """

    def messages(start_ns: int) -> Iterator[Recorded]:
        found = bag.messages(topics=topics, exclude=exclude, publishers=publishers, start_ns=start_ns)
        # The start is when the first message was received, so this message was published earlier.
        if start_ns <= bag.start_ns:
            return found
        return (recorded for recorded in found if recorded.publish_ns >= start_ns)

    return messages

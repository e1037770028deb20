"""Where a player is in a recording: what comes next, and when, at what rate, from where, round and round."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rtgraph.msgs.bag.bag import Bag, Recorded

TICK_SCHEMA = "Observation"
"""A plant publishes one at every tick: where there is one, a tick is over."""
Messages = Callable[[int], Iterator[Recorded]]


class Playback:
    """The course of time in a recording, against that of the graph.

    Times of the recording are when messages were published. At rate 1, from the start and without a pause, they are
    the graph's own times: in the virtual world everything happens at the very instants it did.

    Args:
        messages: gives the messages from a time of the recording on, in order.
        start_ns: where to begin, in the recording's time.
        end_ns: where to end; what is later is not played.
        rate: how many seconds of the recording go by in one of the graph.
        loop: whether to begin again at the end.
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
        """How many seconds of the recording go by in one of the graph."""
        return self._rate

    def begin(self, now_ns: int) -> None:
        """Begin: the start is now. Not called, the recording's time is the graph's."""
        self._anchor_graph_ns, self._anchor_ns = now_ns, self.start_ns

    def due_ns(self) -> int | None:
        """Return when the next message is due, in the graph's time; None when paused, or at the end."""
        if self.paused or self._next is None:
            return None
        ahead_ns = self._next.publish_ns - self._anchor_ns
        return self._anchor_graph_ns + (ahead_ns if self._rate == 1.0 else round(ahead_ns / self._rate))

    def position_ns(self, now_ns: int) -> int:
        """Return where the recording is, in its own time."""
        if self.paused or self.over:
            return self._anchor_ns if self.paused else self.end_ns
        ahead_ns = round((now_ns - self._anchor_graph_ns) * self._rate)
        return min(self.end_ns, max(self.start_ns, self._anchor_ns + ahead_ns))

    @property
    def over(self) -> bool:
        """Whether nothing is left to play."""
        return self._next is None

    def take(self) -> Recorded | None:
        """Return the next message, and go on to the one after it."""
        taken = self._next
        if taken is not None:
            self.played += 1
            self._forward()
        return taken

    def take_due(self, now_ns: int) -> Iterator[Recorded]:
        """Yield what is due, and begin anew where that is asked for."""
        while (due_ns := self.due_ns()) is not None and due_ns <= now_ns:
            taken = self.take()
            if taken is not None:
                yield taken
            if self._next is None and self._loop:
                self.begin_again(now_ns)

    def take_ticks(self, ticks: int) -> Iterator[Recorded]:
        """Yield everything up to the end of so many ticks of the plant."""
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
        """Stand still."""
        if not self.paused:
            self._anchor_ns = self.position_ns(now_ns)
            self.paused = True

    def resume(self, now_ns: int) -> None:
        """Go on from where it stands."""
        if self.paused:
            self.paused = False
            self._anchor_graph_ns = now_ns

    def stand_at(self, position_ns: int) -> None:
        """Say where it stands, after a step."""
        self._anchor_ns = position_ns

    def set_rate(self, rate: float, now_ns: int) -> None:
        """Go on at another rate."""
        if not self.paused:
            self._anchor_ns, self._anchor_graph_ns = self.position_ns(now_ns), now_ns
        self._rate = rate

    def seek(self, position_ns: int, now_ns: int) -> None:
        """Go to a time of the recording."""
        self._anchor_ns = min(self.end_ns, max(self.start_ns, position_ns))
        self._anchor_graph_ns = now_ns
        self._go_to(self._anchor_ns)

    def begin_again(self, now_ns: int) -> None:
        """Begin the next round."""
        self.rounds += 1
        # Where the end was due, so that rounds do not drift; the silence before the first message is kept.
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
        self._next = None


def messages_of(
    bag: Bag, *, topics: tuple[str, ...] = (), exclude: tuple[str, ...] = (), publishers: tuple[str, ...] = ()
) -> Messages:
    """Return what gives the messages of a recording from a time on."""
    return lambda start_ns: bag.messages(
        topics=topics, exclude=exclude, publishers=publishers, start_ns=start_ns
    )

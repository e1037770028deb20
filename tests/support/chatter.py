"""Small nodes that send messages to each other, for tests of worlds."""

from __future__ import annotations

from rtgraph.msgs import Message
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless, queue


class Ping(Message):
    number: int
    said: str = ""


class SourceParams(Params):
    times_ns: tuple[int, ...] = ()
    burst: int = 1
    last_words: str = ""
    draw: bool = False


class Source(Node[SourceParams]):
    """Publishes ``burst`` pings at each of the times, and a last message when stopped."""

    stop_rank = 0
    ping = Output(Ping)

    def on_start(self) -> None:
        self._number = 0
        for due_ns in self.params.times_ns:
            self.at(max(due_ns, self.now_ns), self._send)

    def on_stop(self) -> None:
        if self.params.last_words:
            self.ping.publish(Ping(number=-1, said=self.params.last_words))

    def _send(self) -> None:
        for _ in range(self.params.burst):
            number = int(self.rng.integers(1_000_000)) if self.params.draw else self._number
            self.ping.publish(Ping(number=number))
            self._number += 1


class SinkParams(Params):
    spend_ns: int = 0
    finish_at: int | None = None
    raise_at: int | None = None


class Sink(Node[SinkParams]):
    """Records the time and sender of each ping, and is busy for a while after each."""

    stop_rank = 2
    ping = Input(Ping, lossless, many=True, optional=True)

    def on_start(self) -> None:
        self.seen: list[tuple[int, str, int]] = []

    def on_ping(self, ping: Ping) -> None:
        self.seen.append((self.now_ns, ping.header.source, ping.number))
        if ping.number == self.params.raise_at:
            raise ValueError("too much")
        if ping.number == self.params.finish_at:
            self.finish("enough")
        if self.params.spend_ns:
            self.spend(self.params.spend_ns)


class SlowQueue(Sink):
    """As Sink, but keeps only the newest three."""

    ping = Input(Ping, queue(3), many=True)


class SlowLatest(Sink):
    """As Sink, but keeps only the newest."""

    ping = Input(Ping, latest, many=True)


class Pauser(Sink):
    """Receives only from 10 to 20 and from 30 ns on."""

    ping = Input(Ping, queue(64))

    def on_start(self) -> None:
        super().on_start()
        self.ping.pause()
        for due_ns in (10, 20, 30):
            self.at(due_ns, self._turn)

    def _turn(self) -> None:
        (self.ping.resume if self.ping.paused else self.ping.pause)()


class Echo(Node[Params]):
    """Answers every ping at once."""

    ping = Input(Ping, queue(8), many=True)
    pong = Output(Ping)

    def on_ping(self, ping: Ping) -> None:
        self.pong.publish(Ping(number=ping.number + 1))


class Mailer(Node[SourceParams]):
    """Publishes keyed pings, to each addressee in turn."""

    ping = Output(Ping, keyed=True)

    def on_start(self) -> None:
        self._next = 0
        for due_ns in self.params.times_ns:
            self.at(due_ns, self._send)

    def _send(self) -> None:
        for name in ("box/0", "box/1", "nobody"):
            self.ping.publish(Ping(number=self._next), key=name)
            self._next += 1


class Box(Sink):
    """Receives only pings addressed to it."""

    ping = Input(Ping, queue(64), keyed=True)


class Stopping(Node[SinkParams]):
    """Answers pings while it is stopping."""

    stop_rank = 1
    ping = Input(Ping, queue(8))
    pong = Output(Ping)

    def on_ping(self, ping: Ping) -> None:
        self.pong.publish(Ping(number=ping.number, said=f"{self.name} heard {ping.said}"))


class Listener(Node[Params]):
    """Keeps every message that it receives."""

    stop_rank = 2
    ping = Input(Ping, lossless, many=True)

    def on_start(self) -> None:
        self.heard: list[str] = []

    def on_ping(self, ping: Ping) -> None:
        self.heard.append(ping.said)


class Unlucky(Node[Params]):
    """Fails in its second life."""

    def on_start(self) -> None:
        if self.context.identity.incarnation:
            raise RuntimeError("not again")

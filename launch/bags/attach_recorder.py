"""Records a running graph from outside: the recorder subscribes to the topics of its nodes."""

from __future__ import annotations

import datetime
import fnmatch
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.graphs.names import unmatched
from rtgraph.launch.console.exit_codes import LOST
from rtgraph.launch.console.printing import printed
from rtgraph.launch.console.status import ConsoleStatus
from rtgraph.launch.host.signals import Signals
from rtgraph.launch.introspection.messages import message_class
from rtgraph.launch.introspection.observer import Observed, Observer
from rtgraph.launch.introspection.sessions import LiveSession, Stream
from rtgraph.msgs import Message
from rtgraph.msgs.bag.format.channel import Attachment, Channel
from rtgraph.msgs.bag.ledger import Ledger
from rtgraph.msgs.bag.writing.writer import BagWriter
from rtgraph.msgs.errors import LaunchError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.recorder.provenance import PLAN, facts
from rtgraph.nodes.recorder.recorder import schema_text
from rtgraph.nodes.runtime.clock import unix_ns
from rtgraph.nodes.runtime.journal import OUTPUT

WAITING_MOST = 100_000
TURN_NS = 250_000_000
"""Nanoseconds between two flushes of the recording, and between two updates of the progress line."""


def record(
    session: LiveSession,
    file: Path | None,
    *,
    topics: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    duration_s: float | None = None,
    as_json: bool = False,
) -> int:
    """Record the topics of a running graph until the duration is over, the graph ends, or Ctrl-C; return the exit code.

    Raises:
        LaunchError: a pattern matches no topic of the graph, or the patterns choose no topic.
        BagError: the file cannot be written.
    """
    streams = _chosen(session, topics, exclude)
    description = session.description
    if file is None:
        file = Path(f"{description.name}-{datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}.mcap")
    names = sorted({stream.topic for stream in streams})
    ledger = Ledger(from_start=False)
    with (
        Signals() as signals,
        ConsoleStatus() as status,
        Observer(session, *names, waiting_most=WAITING_MOST) as observer,
    ):
        status.phase(f"recording {description.name}", duration_s)
        began_ns = observer.now_ns()
        end_ns = began_ns + round((duration_s or float(2**31)) * 1e9)
        info = {**facts("realtime"), "epoch_unix_ns": str(unix_ns() - began_ns), "name": description.name}
        writer = BagWriter(
            file, info=info, attachments=[Attachment(PLAN, "application/yaml", description.plan.encode())]
        )
        try:
            channels = _Channels(description.modules, streams)
            while (now_ns := observer.now_ns()) < end_ns and signals.first is None and not observer.ended:
                for observed in observer.until(min(end_ns, now_ns + TURN_NS)):
                    channel, head = channels.of(observed), observed.envelope
                    writer.write(
                        channel, head.sequence, observed.arrived_ns, head.stamp_ns, observed.document()
                    )
                    ledger.see(head.source, head.incarnation, channel.topic, head.sequence)
                writer.flush()
                status.progress(
                    (now_ns - began_ns) / 1e9, f"{writer.messages:,} messages, {writer.size_bytes:,} B"
                )
        finally:
            losses = ledger.losses()
            writer.close(losses.as_json())
    found = {"file": str(file), "messages": writer.messages, "lost": losses.lost}
    line = f"{file}: {writer.messages:,} messages, {losses.lost:,} lost"
    unprinted = printed(lambda: print(json.dumps(found) if as_json else line))
    return LOST if losses.lost else unprinted


def _chosen(session: LiveSession, topics: Sequence[str], exclude: Sequence[str]) -> list[Stream]:
    description = session.description
    known = sorted({stream.topic for stream in description.streams})
    # `--exclude` of journals is no error in a graph without journals.
    pattern = unmatched(topics, known) or unmatched(exclude, [*known, OUTPUT])
    if pattern is not None:
        raise LaunchError(f"{pattern!r} matches no topic of {description.name}", hint=nearest(pattern, known))
    found = [
        stream
        for stream in description.streams
        if any(fnmatch.fnmatchcase(stream.topic, glob) for glob in topics)
        and not any(fnmatch.fnmatchcase(stream.topic, glob) for glob in exclude)
    ]
    if not found:
        raise LaunchError(
            f"no topic of {description.name} is left to record: --exclude leaves out every chosen topic"
            if known
            else f"{description.name} has no topics to record",
            hint=f"its topics are {', '.join(known)}" if known else "",
        )
    return found


class _Channels:
    """The channels of a recording (MCAP): one for each node, topic and key.

    A channel stores the schema of its messages, so their classes are imported.
    """

    def __init__(self, modules: Mapping[str, str], streams: Sequence[Stream]) -> None:
        self._streams: Mapping[tuple[str, str], Stream] = {(s.node, s.topic): s for s in streams}
        self._of_topic = {stream.topic: stream for stream in streams}
        self._types: dict[str, type[Message]] = {
            s.message: message_class(s.message, modules) for s in streams
        }
        self._found: dict[tuple[str, str, str], Channel] = {}

    def of(self, observed: Observed) -> Channel:
        """Return the channel of the recording to which a received message is written."""
        source = observed.envelope.source
        who = source, observed.topic, observed.key
        if who not in self._found:
            stream = self._streams.get((source, observed.topic), self._of_topic[observed.topic])
            message_type = self._types[stream.message]
            self._found[who] = Channel(
                topic=f"{observed.topic}/{observed.key}" if observed.key else observed.topic,
                publisher=source,
                port=stream.port,
                key=observed.key,
                schema_name=message_type.schema_name,
                schema=schema_text(message_type),
                schema_hash=stream.schema_hash,
            )
        return self._found[who]

"""The recorder node: it records the messages of the chosen topics, and counts the messages that are missing from the recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from rtgraph.msgs import Message, schema, schema_hash
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.writing.storage import Storage, StoredMessage
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.session import Journal, KeepRecording
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.nodes.recorder.background import Background
from rtgraph.nodes.recorder.params import RecorderParams
from rtgraph.nodes.recorder.provenance import RESUMED_AT, info, keep_weights, plan_attachment
from rtgraph.nodes.recorder.sinks import make_sink
from rtgraph.nodes.runtime import Input, Node, load_class, queue
from rtgraph.nodes.runtime.classes.loading import load_message
from rtgraph.nodes.runtime.interface.edges import EdgeCount, Tapped
from rtgraph.nodes.runtime.interface.node import port_message
from rtgraph.nodes.runtime.interface.taps import RawMessage, Tap, edge_name
from rtgraph.nodes.runtime.journal import OUTPUT

TAKE_PERIOD_NS = 20_000_000


_OF_A_FILE = ("_storage", "_channels", "_ports", "_types")
"""Attributes of a recorder that belong to the open file. A checkpoint of the virtual world does not save these attributes."""


class Recorder(Node[RecorderParams]):
    """Records every message of the chosen topics of a graph (``topics``, ``exclude``), in its encoded form.

    In real time a thread writes the messages, so a slow disk delays no node. At most 1 GiB of messages may wait to be written.
    Further messages are lost and counted; the recording, the summary and the exit code report the loss.
    """

    stop_rank: ClassVar[int] = 3

    everything = Tap()
    keep_recording = Input(KeepRecording, queue(8), optional=True)

    def on_start(self) -> None:
        """Open the file. The plan and the data about the launch are written first, because a crash loses the end of the file."""
        directory = self.context.launch_context.directory
        self._begin()
        self._storage = None if directory is None else self._open(directory)
        self.every(TAKE_PERIOD_NS, self._take_in)
        self.every(round(self.params.flush_s * 1e9), self._flush)

    def on_keep_recording(self, message: KeepRecording) -> None:
        """Write the messages that are kept in memory (``keep_s``) to a file."""
        self._take_in()
        if self._storage is not None:
            self._storage.keep(message.reason)

    def on_stop(self) -> None:
        """Write the remaining messages and the counts of lost messages, and close the file."""
        self._take_in()
        if self._storage is not None:
            declared: dict[str, dict[str, int]] = {}
            for edge, sent in self.everything.declared.items():
                publisher, _, channel = edge.partition(":")
                declared.setdefault(publisher, {})[channel] = sent
            self._storage.close(declared)

    def world_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint of the virtual world saves.

        About the open file, the state holds only the number of the last recorded message of each stream. A stream is a channel (output
        of a node) in one incarnation (one start of the node).
        """
        state = super().world_state()
        reached = self._storage.reached() if isinstance(self._storage, Storage) else None
        return {name: state[name] for name in state if name not in _OF_A_FILE} | {"_storage": reached}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the state saved in a checkpoint of the virtual world, and begin a new recording.

        The new recording begins after the last message of the earlier recording, so earlier messages do not count as lost.
        """
        reached = state.pop("_storage")
        super().load_world_state(state)
        directory = self.context.launch_context.directory
        self._begin()
        self._storage = None if directory is None else self._open(directory, resumed=True)
        if isinstance(self._storage, Storage):
            for stream in reached or ():
                self._storage.go_on_after(*stream)

    def result(self) -> dict[str, Any]:
        """Return the counts of recorded and lost messages; empty if the launch has no session folder."""
        return {} if self._storage is None else self._storage.result()

    def _begin(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._ports = {(tapped.publisher, tapped.topic): tapped.port for tapped in self.everything.tapped}
        self._types = {tapped.topic: message_type_of(tapped) for tapped in self.everything.tapped}

    def _open(self, directory: Path, *, resumed: bool = False) -> Storage | Background:
        launch_context, params = self.context.launch_context, self.params
        path = directory / params.file
        incarnation = self.context.identity.incarnation
        restarted = incarnation and not resumed
        if restarted:  # an earlier incarnation has already written
            path = path.with_stem(f"{path.stem}-{incarnation}")
        facts = info(launch_context, self.now_ns)
        facts |= keep_weights(launch_context.weights, directory, params.weights_mib * 2**20)
        if resumed:
            facts[RESUMED_AT] = str(self.now_ns)
        storage = Storage(make_sink(path, params, facts, plan_attachment(directory)))
        if restarted:
            self._go_on(storage, directory)
        return Background(storage) if launch_context.realtime else storage

    def _go_on(self, storage: Storage, directory: Path) -> None:
        """After a restart of the recorder, continue the message counts.

        Messages recorded before the restart must not count as lost.
        """
        last: dict[tuple[str, str], tuple[int, int]] = {}
        for file in sorted(directory.glob(f"{Path(self.params.file).stem}*.mcap")):
            try:
                newest = Bag.open(file).newest()
            except BagError as error:  # an incarnation that ended before its file began
                self.log.warning("%s", error)
                continue
            for channel, message in newest.items():
                head = envelope(message.data)
                stream = head.source, channel.topic
                last[stream] = max(last.get(stream, (0, -1)), (head.incarnation, head.sequence))
        for (publisher, topic), (incarnation, sequence) in last.items():
            storage.go_on_after(publisher, incarnation, topic, sequence)
            self.everything.edges[edge_name(publisher, topic)] = EdgeCount(
                incarnation=incarnation, next_sequence=sequence + 1
            )

    def _take_in(self) -> None:
        everything, storage = self.everything.take_all(), self._storage
        if storage is None or not everything:
            return
        for lost in storage.write([self._entry(taken) for taken in everything]):
            self.everything.edges[edge_name(lost.channel.publisher, lost.channel.topic)].lost += 1

    def _entry(self, taken: RawMessage) -> StoredMessage:
        head = taken.header
        channel = self._channel(taken)
        return StoredMessage(
            channel, head.incarnation, head.sequence, taken.taken_ns, head.stamp_ns, taken.data
        )

    def _flush(self) -> None:
        self._take_in()
        if self._storage is not None:
            self._storage.flush()

    def _channel(self, taken: RawMessage) -> Channel:
        found = self._channels.get(taken.header.source)
        if found is None:
            message_type = self._types[taken.topic]
            publisher = taken.header.publisher
            found = self._channels[taken.header.source] = Channel(
                topic=taken.channel,
                publisher=publisher,
                port=self._ports.get((publisher, taken.topic), taken.topic),
                key=taken.key,
                schema_name=message_type.schema_name,
                schema=schema_text(message_type),
                schema_hash=schema_hash(message_type).hex(),
            )
        return found


def schema_text(message_type: type[Message]) -> bytes:
    """Return the JSON Schema of a message class, for a recording: UTF-8 text with sorted keys."""
    return json.dumps(schema(message_type), sort_keys=True).encode()


def message_type_of(tapped: Tapped) -> type[Message]:
    """Return the message class of an output that the recorder subscribes to."""
    if tapped.port == OUTPUT:
        return Journal
    if tapped.message:
        return load_message(tapped.message)
    return port_message(load_class(tapped.node).output_ports[tapped.port])

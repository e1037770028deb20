"""The player of a whole recording. It publishes the recorded messages of all nodes on their original topics.

Journals, and topics that the parameters leave out, are not published.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtgraph.msgs.bag.bag import Bag, Channel, Recorded
from rtgraph.msgs.bag.playback import Playback, messages_of
from rtgraph.nodes.recorder.playing import PlaybackParams, Playing
from rtgraph.nodes.recorder.recorded import recorded_types
from rtgraph.nodes.runtime import Output, Params
from rtgraph.nodes.runtime.interface.context import Context
from rtgraph.nodes.runtime.interface.ports import BoundOutput
from rtgraph.nodes.runtime.journal import OUTPUT


class BagPlayerParams(PlaybackParams):
    """The parameters of the player of a whole recording."""

    topics: tuple[str, ...] = ("*",)
    """Glob patterns of the topics to play."""
    exclude: tuple[str, ...] = ()
    """Glob patterns of topics to leave out."""


class BagPlayer(Playing[BagPlayerParams]):
    """Publishes the messages of a whole recording on their original topics, under the names of their publishers."""

    def __init__(self, context: Context, params: BagPlayerParams) -> None:
        super().__init__(context, params)
        self._outputs: dict[tuple[str, str], BoundOutput[Any]] = {}
        ports = self.outputs_of(params)
        for name, channel in played_channels(
            Bag.open(Path(params.file)), params.topics, params.exclude
        ).items():
            output = self.outputs[name] = BoundOutput(ports[name], context.send, source=channel.publisher)
            self._outputs[channel.publisher, channel.port] = output

    @classmethod
    def outputs_of(cls, params: Params) -> dict[str, Output[Any]]:
        """Return the outputs of a player with these parameters, by name: those of every player, and one for each played output."""
        if not isinstance(params, BagPlayerParams):
            return {}
        bag = Bag.open(Path(params.file))
        types = recorded_types(bag)
        found = dict(cls.output_ports)
        for name, channel in played_channels(bag, params.topics, params.exclude).items():
            found[name] = Output(types[channel.schema_name], keyed=bool(channel.key))
            found[name].name = name
        return found

    def playback(self, bag: Bag) -> Playback:
        """Return the playback of the recording, i.e. the times at which the messages are due. It starts now."""
        params = self.params
        start_ns = bag.start_ns + round(params.start_s * 1e9)
        end_ns = bag.end_ns if params.duration_s is None else start_ns + round(params.duration_s * 1e9)
        messages = messages_of(bag, topics=params.topics, exclude=(OUTPUT, *params.exclude))
        playback = Playback(messages, start_ns, end_ns, rate=params.rate, loop=params.loop)
        playback.begin(self.now_ns)
        return playback

    def publish(self, recorded: Recorded) -> None:
        """Publish a recorded message on its topic, unless the parameters leave out this topic."""
        channel = recorded.channel
        output = self._outputs.get((channel.publisher, channel.port))
        if output is not None:
            message = recorded.message()
            output.publish(message, of=message.header.lineage, key=channel.key or None)


def played_channels(bag: Bag, topics: Sequence[str], exclude: Sequence[str]) -> dict[str, Channel]:
    """Return the channels (recorded outputs of nodes) to play. The keys are the names of the player's outputs.

    An output with keys has several channels, one per key. Only one of these channels is returned.

    Args:
        bag: the recording.
        topics: glob patterns of the topics to play.
        exclude: glob patterns of topics to leave out.
    """
    return {
        f"{channel.publisher}.{channel.port}": channel
        for channel in bag.channels
        if channel.port != OUTPUT
        and any(fnmatch.fnmatchcase(channel.topic, glob) for glob in topics)
        and not any(fnmatch.fnmatchcase(channel.topic, glob) for glob in exclude)
    }

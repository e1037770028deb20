"""Players: nodes that publish again what was recorded."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import yaml
from pydantic import Field

from rtgraph.msgs import Message, PlantSpec, message_types, schema_hash
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.session import PlayControl, PlayProgress
from rtgraph.nodes.recorder.bag import Bag, Channel, Recorded
from rtgraph.nodes.recorder.playback import TICK_SCHEMA, Playback, messages_of
from rtgraph.nodes.runtime import (
    Input,
    Node,
    Output,
    Params,
    Timer,
    Urgency,
    load_class,
    queue,
    validated_params,
)
from rtgraph.nodes.runtime.context import Context
from rtgraph.nodes.runtime.journal import OUTPUT
from rtgraph.nodes.runtime.ports import BoundOutput

PROGRESS_PERIOD_NS = 200_000_000
P = TypeVar("P", bound="PlaybackParams")


class PlaybackParams(Params):
    """What is played, and how."""

    file: str
    """The recording: an MCAP file, or a folder of those it was split into."""
    rate: float = Field(default=1.0, gt=0)
    """How fast, in times the speed at which it was recorded."""
    start_s: float = Field(default=0.0, ge=0)
    """Where to begin, in seconds from the recording's start."""
    duration_s: float | None = Field(default=None, gt=0)
    """How much of it, in seconds; null for all that follows."""
    loop: bool = False
    """Begin anew at the end."""
    paused: bool = False
    """Wait to be told to go on."""


class _Playing(Node[P]):
    """What players share: the time of the recording, and being steered."""

    urgency: ClassVar[Urgency] = Urgency.TICK
    """When it publishes among all that happens at an instant: a plant at its tick, others before it."""
    ends: ClassVar[bool] = True
    """Whether the launch is over when the recording is."""

    play_control = Input(PlayControl, queue(64), many=True, optional=True)
    play_progress = Output(PlayProgress)

    def on_prepare(self) -> None:
        """Open the recording."""
        self._bag = Bag.open(Path(self.params.file))
        self._told: set[str] = set()
        self._tell_problems()

    def on_start(self) -> None:
        """Begin."""
        self._playback = self.playback(self._bag)
        if self.params.paused:
            self._playback.pause(self.now_ns)
            self._playback.stand_at(self._playback.start_ns)
        self._due: Timer | None = None
        self.every(PROGRESS_PERIOD_NS, self._say_progress)
        self._schedule()

    def playback(self, bag: Bag) -> Playback:
        """Return the course of the recording's time."""
        raise NotImplementedError

    def publish(self, recorded: Recorded) -> None:
        """Publish a message again."""
        raise NotImplementedError

    def on_play_control(self, message: PlayControl) -> None:
        """Do what is asked: seek, change the rate, step, pause or go on."""
        playback, now_ns = self._playback, self.now_ns
        if message.seek_s is not None:
            playback.seek(self._bag.start_ns + round(message.seek_s * 1e9), now_ns)
        if message.rate is not None:
            playback.set_rate(message.rate, now_ns)
        if message.step or message.ticks:
            playback.pause(now_ns)
            self._step(message)
        if message.pause:
            playback.pause(now_ns)
        elif message.pause is False:
            playback.resume(now_ns)
        self._schedule()
        self._say_progress()

    def on_stop(self) -> None:
        """Say where it ended."""
        self._say_progress()
        self._tell_problems()

    def result(self) -> dict[str, Any]:
        """Return how much was played."""
        told = {"problems": sorted(self._told)} if self._told else {}
        return {"played": self._playback.played, "rounds": self._playback.rounds, **told}

    def _tell_problems(self) -> None:
        """Say what is wrong with the recording: of chunks that is known only when they are read."""
        for problem in self._bag.problems:
            if problem not in self._told:
                self._told.add(problem)
                self.log.warning("%s: %s", self._bag.path, problem)

    def _step(self, message: PlayControl) -> None:
        taken = (found for _ in range(message.step) if (found := self._playback.take()) is not None)
        position_ns = None
        for recorded in (*taken, *(self._playback.take_ticks(message.ticks) if message.ticks else ())):
            self.publish(recorded)
            position_ns = recorded.publish_ns
        if position_ns is not None:
            self._playback.stand_at(position_ns)

    def _schedule(self) -> None:
        """Wake up when the next message is due; ask for the end when none is left."""
        if self._due is not None:
            self._due.cancel()
        playback = self._playback
        if self.params.loop and playback.over and playback.played and not playback.paused:
            playback.begin_again(self.now_ns)
        due_ns = playback.due_ns()
        if due_ns is not None:
            self._due = self.at(due_ns, self._play_due, self.urgency)
        elif self.ends and self._playback.over and not self._playback.paused:
            self.finish("the recording is over")

    def _play_due(self) -> None:
        self._due = None
        for recorded in self._playback.take_due(self.now_ns):
            self.publish(recorded)
        self._schedule()

    def _say_progress(self) -> None:
        playback, start_ns = self._playback, self._bag.start_ns
        self.play_progress.publish(
            PlayProgress(
                position_s=max(0, playback.position_ns(self.now_ns) - start_ns) / 1e9,
                duration_s=max(0, self._bag.end_ns - start_ns) / 1e9,
                rate=playback.rate,
                paused=playback.paused,
                played=playback.played,
                round=playback.rounds,
            )
        )


class StandInParams(PlaybackParams):
    """What a player that stands in for a node plays."""

    node: str | None = None
    """Whose messages, by the node's name in the recording; left out: the one it stands in for."""


class Player(_Playing[StandInParams]):
    """Stands in for a node: publishes what it published.

    In a graph its class is written ``rtgraph.nodes.recorder:Player[package.module:Class]``; it has the outputs of
    that class, and of a plant also what it says of itself, as it was in the recording.
    """

    stands_in_for: ClassVar[type[Node[Any]]]

    def on_prepare(self) -> None:
        """Open the recording, and see that it is not damaged: what everything else does depends on it.

        Raises:
            BagError: a part of it cannot be read.
        """
        super().on_prepare()
        damage = [problem for problem in self._bag.verify() if problem not in self._told]
        if damage:
            raise BagError(
                f"{self._bag.path} is damaged: {damage[0]}",
                hint="`rtgraph bag recover` makes a whole recording of what can be read",
            )
        self._ticks = 0

    @classmethod
    @functools.cache
    def standing_in_for(cls, node_type: type[Node[Any]]) -> type[Player]:
        """Return the class of players that stand in for nodes of a class."""
        outputs = {
            name: Output(port.message_type, keyed=port.keyed) for name, port in node_type.output_ports.items()
        }
        is_plant = hasattr(node_type, "spec")
        members = {
            "__module__": __name__,
            "__doc__": f"Publishes what a {node_type.__name__} published.",
            "stands_in_for": node_type,
            # A plant stops first, as it would if it were there.
            "stop_rank": node_type.stop_rank,
            "urgency": Urgency.TICK if is_plant else Urgency.DELIVERY,
            "ends": is_plant,
            **outputs,
            **({"spec": classmethod(_recorded_spec)} if is_plant else {}),
        }
        for name, output in outputs.items():
            output.__set_name__(cls, name)
        made: type[Player] = type(f"{cls.__name__}[{node_type.__name__}]", (cls,), members)
        return made

    def playback(self, bag: Bag) -> Playback:
        """Return the time of the recording: the graph's own, where it is played from the start at rate 1."""
        params = self.params
        node = params.node or self.name
        publishers = {channel.publisher for channel in bag.channels}
        if node not in publishers:
            raise BagError(
                f"{bag.path} holds nothing that {node!r} published",
                hint=f"it has {', '.join(sorted(publishers)) or 'no messages'}",
            )
        start_ns = round(params.start_s * 1e9)
        end_ns = bag.end_ns if params.duration_s is None else start_ns + round(params.duration_s * 1e9)
        messages = messages_of(bag, exclude=(OUTPUT,), publishers=(node,))
        playback = Playback(messages, start_ns, end_ns, rate=params.rate, loop=params.loop)
        playback.begin(0)
        return playback

    def publish(self, recorded: Recorded) -> None:
        """Publish a message on the port that it was published on. A plant ends with its last tick, if it has one."""
        output = self.outputs.get(recorded.channel.port)
        if output is None or output is self.play_progress:
            return
        if self.ends and recorded.channel.schema_name == TICK_SCHEMA:
            limit = self.context.surroundings.limits.ticks
            self._ticks += 1
            if limit is not None and self._ticks > limit:
                return
            if self._ticks == limit:
                self.finish(f"{limit} ticks")
        message = recorded.message()
        output.publish(message, of=message.header.lineage, key=recorded.channel.key or None)


class BagPlayerParams(PlaybackParams):
    """What of a recording is played."""

    topics: tuple[str, ...] = ("*",)
    """Globs of the topics to play."""
    exclude: tuple[str, ...] = ()
    """Globs of topics to leave out."""


class BagPlayer(_Playing[BagPlayerParams]):
    """Plays a whole recording: each channel on its own topic, told as from the node that published it."""

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
        """Return the outputs that a player of these parameters has: one of each publisher's ports."""
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
        """Return the time of the recording, its start being now."""
        params = self.params
        start_ns = bag.start_ns + round(params.start_s * 1e9)
        end_ns = bag.end_ns if params.duration_s is None else start_ns + round(params.duration_s * 1e9)
        messages = messages_of(bag, topics=params.topics, exclude=(OUTPUT, *params.exclude))
        playback = Playback(messages, start_ns, end_ns, rate=params.rate, loop=params.loop)
        playback.begin(self.now_ns)
        return playback

    def publish(self, recorded: Recorded) -> None:
        """Publish a message on its topic."""
        channel = recorded.channel
        output = self._outputs.get((channel.publisher, channel.port))
        if output is not None:
            message = recorded.message()
            output.publish(message, of=message.header.lineage, key=channel.key or None)


def played_channels(bag: Bag, topics: Sequence[str], exclude: Sequence[str]) -> dict[str, Channel]:
    """Return what a player of a whole recording has outputs for, one of each publisher's ports, by their names."""
    return {
        f"{channel.publisher}.{channel.port}": channel
        for channel in bag.channels
        if channel.port != OUTPUT
        and any(fnmatch.fnmatchcase(channel.topic, glob) for glob in topics)
        and not any(fnmatch.fnmatchcase(channel.topic, glob) for glob in exclude)
    }


def recorded_types(bag: Bag) -> dict[str, type[Message]]:
    """Return the message classes of a recording by name, importing the nodes that published them.

    Raises:
        BagError: a class is not there, or has another schema.
    """
    for node in _recorded_nodes(bag).values():
        load_class(node["node"])
    known = message_types()
    for channel in bag.channels:
        message_type = known.get(channel.schema_name)
        if message_type is None or schema_hash(message_type).hex() != channel.schema_hash:
            problem = "is not known here" if message_type is None else "has another schema here"
            raise BagError(
                f"{channel.schema_name}, on {channel.topic}, {problem}",
                hint="leave it out with --exclude, or use the version of the code that recorded it",
            )
    return known


def _recorded_nodes(bag: Bag) -> dict[str, dict[str, Any]]:
    """Return the nodes of the plan in a recording, by name."""
    plan = yaml.safe_load(bag.plan_yaml or "{}")
    return {node["name"]: node for node in plan.get("nodes", ())}


def _recorded_spec(cls: type[Player], params: StandInParams) -> PlantSpec:
    """Say what the plant said of itself when it was recorded."""
    bag = Bag.open(Path(params.file))
    path = f"{cls.stands_in_for.__module__}:{cls.stands_in_for.__qualname__}"
    for name, node in _recorded_nodes(bag).items():
        node_type = load_class(node["node"])
        if name == params.node or (params.node is None and node_type is cls.stands_in_for):
            spec: PlantSpec = cast("Any", node_type).spec(validated_params(node_type, node["params"]))
            return spec
    raise BagError(f"{params.file} holds no recording of a {path}", hint="give `node`, the name it had")

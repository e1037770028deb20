"""Players that replace a node and publish its recorded messages."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar

from rtgraph.msgs import Header, Lineage, PlantSpec
from rtgraph.msgs.bag.bag import Bag, Recorded
from rtgraph.msgs.bag.playback import TICK_SCHEMA, Playback, messages_of
from rtgraph.msgs.base import UNSENT
from rtgraph.msgs.errors import BagError
from rtgraph.nodes.recorder.playing import PlaybackParams, Playing
from rtgraph.nodes.recorder.recorded import recorded_nodes, use_recorded_modules
from rtgraph.nodes.runtime import Node, Output, Params, Placement, Urgency, load_class, validated_params
from rtgraph.nodes.runtime.identity import Identity, identity_of, spec_of
from rtgraph.nodes.runtime.journal import OUTPUT

OBSERVATIONS_MOST = 4096
"""Number of published observations that a player remembers. A recorded action is based on an observation that is not older."""


class StandInParams(PlaybackParams):
    """The parameters of a player that replaces a node."""

    node: str | None = None
    """Name of the recorded node that is played. None if the recorded node has the same name as the replaced node."""


class Player(Playing[StandInParams]):
    """Replaces a node in a graph, and publishes the messages that the node published in a recording.

    A graph names this class as ``rtgraph.nodes.recorder:Player[package.module:Class]``, where ``package.module:Class`` is the
    replaced node's class. The player has the outputs of the replaced class. In place of a plant (emulator or robot), the player
    also has the recorded spec of the plant.
    """

    stands_in_for: ClassVar[type[Node[Any]]]

    @classmethod
    def check_placement(cls, params: StandInParams, placement: Placement) -> None:
        """Check that the recording exists, and holds messages of the replaced node."""
        _must_have_published(Bag.open(Path(params.file)), params.node or placement.name)

    def on_prepare(self) -> None:
        """Open the recording, and log the problems found so far. Then read the whole recording, and raise an error on further damage.

        Further damage is an error because other nodes need all the messages.

        Raises:
            BagError: the recording cannot be opened, or a part of it cannot be read.
        """
        super().on_prepare()
        damage = [problem for problem in self._bag.verify() if problem not in self._reported]
        if damage:
            raise BagError(
                f"the recording {self._bag.path} is damaged: {damage[0]}",
                hint="`rtgraph bag recover` writes a new recording of everything that can be read",
            )
        self._ticks = 0
        self._tick_ns = self._tick_period_ns = 0
        self._observations: dict[tuple[int, int], Lineage | None] = {}
        """The lineages of the published observations, by incarnation and sequence number in the recording."""
        self._recorded_ns: list[int] = []
        """After a restart: the times of all recorded observations, in ns of the recording's time."""
        if self.ends and self.context.identity.incarnation:
            messages = messages_of(self._bag, exclude=(OUTPUT,), publishers=(self.params.node or self.name,))
            self._recorded_ns = [
                found.publish_ns
                for found in messages(self._bag.start_ns)
                if found.channel.schema_name == TICK_SCHEMA
            ]

    @classmethod
    @functools.cache
    def standing_in_for(cls, node_type: type[Node[Any]]) -> type[Player]:
        """Return the class of the players that replace nodes of the class ``node_type``."""
        outputs = {
            name: Output(port.message_type, keyed=port.keyed) for name, port in node_type.output_ports.items()
        }
        is_plant = hasattr(node_type, "spec")
        members = {
            "__module__": __name__,
            "__doc__": f"Publishes what a {node_type.__name__} published.",
            "stands_in_for": node_type,
            # A plant stops first, and so does its replacement.
            "stop_rank": node_type.stop_rank,
            "urgency": Urgency.TICK if is_plant else Urgency.DELIVERY,
            "ends": is_plant,
            **outputs,
            **(
                {"spec": classmethod(_recorded_spec), "identity": classmethod(_recorded_world)}
                if is_plant
                else {}
            ),
        }
        for name, output in outputs.items():
            output.__set_name__(cls, name)
        made: type[Player] = type(f"{cls.__name__}[{node_type.__name__}]", (cls,), members)
        return made

    def playback(self, bag: Bag) -> Playback:
        """Return the playback, i.e. the times at which messages are due.

        If ``start_s`` is 0 and the recording begins with its launch, messages are due at their recorded times. Otherwise the played
        part of the recording begins at time 0 of the graph. In both cases, the times are divided by ``rate``.
        """
        params = self.params
        node = params.node or self.name
        _must_have_published(bag, node)
        start_ns = bag.start_ns + round(params.start_s * 1e9)
        if not params.start_s and _begins_with_launch(bag):
            start_ns = 0
        end_ns = bag.end_ns if params.duration_s is None else start_ns + round(params.duration_s * 1e9)
        messages = messages_of(bag, exclude=(OUTPUT,), publishers=(node,))
        playback = Playback(messages, start_ns, end_ns, rate=params.rate, loop=params.loop)
        playback.begin(0)
        if self.context.identity.incarnation:
            self._catch_up(playback)
        return playback

    def _catch_up(self, playback: Playback) -> None:
        """After a crash, continue at the position that the recording has by now, as if it had been played since the start."""
        start_s, now_ns = self._bag.start_ns / 1e9, self.now_ns
        if self.params.paused:
            self.log.warning("restarted: paused again at %.3f s", playback.start_ns / 1e9 - start_s)
            return
        playback.catch_up(now_ns)
        position_ns = playback.position_ns(now_ns)
        self.log.warning(
            "restarted: continuing at %.3f s of the recording; what was due before is not published, and pauses, seeks and rates "
            "of `rtgraph bag ctl` are forgotten",
            position_ns / 1e9 - start_s,
        )
        if self.ends:
            self._count_ticks(playback, position_ns)

    def _count_ticks(self, playback: Playback, position_ns: int) -> None:
        """Count the ticks that were due before a restart. End the launch if they reach its limit of ticks."""
        ticks_ns = [
            tick_ns for tick_ns in self._recorded_ns if playback.start_ns <= tick_ns <= playback.end_ns
        ]
        passed = len(ticks_ns) if playback.over else sum(tick_ns < position_ns for tick_ns in ticks_ns)
        self._ticks = playback.rounds * len(ticks_ns) + passed
        if passed > 1:
            before_ns, self._tick_ns = map(playback.graph_ns, ticks_ns[passed - 2 : passed])
            self._tick_period_ns = self._tick_ns - before_ns
        limit = self.context.launch_context.limits.ticks
        if limit is not None and self._ticks >= limit:
            self.finish(f"{limit} ticks")

    def publish(self, recorded: Recorded) -> None:
        """Publish a recorded message on its original output.

        If the player replaces a plant, and the launch has a limit of ticks, end the launch after this number of ticks.
        """
        output = self.outputs.get(recorded.channel.port)
        if output is None or output is self.play_progress:
            return
        if self.ends and recorded.channel.schema_name == TICK_SCHEMA:
            limit = self.context.launch_context.limits.ticks
            self._ticks += 1
            if limit is not None and self._ticks > limit:
                return
            self._tick_ns, self._tick_period_ns = self.now_ns, self.now_ns - self._tick_ns
            if self._ticks == limit:
                self.finish(f"{limit} ticks")
        message = recorded.message()
        header, key = message.header, recorded.channel.key or None
        if recorded.channel.schema_name != TICK_SCHEMA:
            output.publish(message, of=self._lineage_of(header), key=key)
            return
        # The runtime writes the header of a message that has never been published into the message itself.
        observation = message.model_copy(update={"header": UNSENT})
        output.publish(observation, of=header.lineage, key=key)
        self._observations[header.incarnation, header.sequence] = observation.origin()
        if len(self._observations) > OBSERVATIONS_MOST:
            del self._observations[next(iter(self._observations))]

    def _lineage_of(self, header: Header) -> Lineage | None:
        """Return the lineage with which a recorded message is published.

        If the message derives from an observation that this player has published, the lineage names the published observation.
        This observation has another sequence number than in the recording if the playback does not begin at the start of the
        recording, and another incarnation after a crash of the player.
        """
        lineage = header.lineage
        if lineage is None or lineage.source != header.source:
            return lineage
        return self._observations.get((lineage.incarnation, lineage.sequence), lineage)

    def result(self) -> dict[str, Any]:
        """Return the counts of played messages, and a warning if the recording is too short for the launch."""
        found = super().result()
        if early := self._ended_early():
            found["warnings"] = [*found.get("warnings", ()), early]
        return found

    def _ended_early(self) -> str:
        limits = self.context.launch_context.limits
        if not self.ends or not self._playback.over:
            return ""
        if limits.ticks is not None and self._ticks < limits.ticks:
            return f"the recording was over after {self._ticks:,} of {limits.ticks:,} ticks"
        # The last tick of a whole recording is up to one period before its end; a recorded tick may be late.
        if (
            limits.duration_ns is not None
            and self._tick_ns + 1.25 * self._tick_period_ns < limits.duration_ns
        ):
            return (
                f"the recording was over after {self._tick_ns / 1e9:.3f} of {limits.duration_ns / 1e9:.3f} s"
            )
        return ""


def _must_have_published(bag: Bag, node: str) -> None:
    publishers = {channel.publisher for channel in bag.channels}
    if node not in publishers:
        raise BagError(
            f"the recording {bag.path} holds no messages of the node {node!r}",
            hint=f"give one of its nodes, `node: NAME`: {', '.join(sorted(publishers))}"
            if publishers
            else "it holds no messages at all: take another recording",
        )


def _begins_with_launch(bag: Bag) -> bool:
    """Return whether a recording begins with its launch, and not later, like one of ``rtgraph bag record``."""
    first = next(bag.messages(), None)
    return first is None or first.sequence == 0


def _recorded_spec(cls: type[Player], params: StandInParams) -> PlantSpec:
    """Return the spec of the replaced plant (its actions, observations and rate), as recorded."""
    node_type, _, plant = _recorded_plant(cls, params)
    return spec_of(node_type, plant)


def _recorded_world(cls: type[Player], params: StandInParams) -> Identity:
    """Return the identity of the replaced plant (name and settings of its environment), as recorded."""
    node_type, node_class, plant = _recorded_plant(cls, params)
    return identity_of(node_class, node_type, plant)


def _recorded_plant(cls: type[Player], params: StandInParams) -> tuple[type[Node[Any]], str, Params]:
    bag = Bag.open(Path(params.file))
    use_recorded_modules(bag)
    path = f"{cls.stands_in_for.__module__}:{cls.stands_in_for.__qualname__}"
    bag.plan("only recordings of `rtgraph launch` can replace nodes")
    nodes = recorded_nodes(bag)
    for name, node in nodes.items():
        node_type = load_class(node["node"])
        if name == params.node or (params.node is None and node_type is cls.stands_in_for):
            return node_type, node["node"], validated_params(node_type, node["params"])
    if params.node is not None:
        raise BagError(
            f"the plan in the recording {params.file} has no node {params.node!r}",
            hint=f"the nodes of the plan are {', '.join(nodes)}",
        )
    raise BagError(
        f"the plan in the recording {params.file} has no node of class {path}",
        hint="name the node of the recording to replay: `node: NAME`",
    )

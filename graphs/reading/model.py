"""Pydantic models of graph and launch files.

References such as ``${name}`` are replaced before validation. Exceptions are the keys ``params``, ``network``, ``if`` and the
``arguments`` of an include: there, references are replaced later.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rtgraph.graphs.names import ClassPath, InstanceName, Name, PathName, Topic
from rtgraph.graphs.reading.arguments import ArgumentEntry
from rtgraph.msgs.pending import DelayAware, Pipeline
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay
from rtgraph.nodes.runtime.virtual.faults import Fault
from rtgraph.nodes.runtime.wiring import RestartPolicy
from rtgraph.nodes.weights.versions import Sharing

MOST_REPLICAS = 10_000
MOST_SEED = 2**63 - 1
MOST_TICKS = 10**12
MOST_SECONDS = 10**9
"""Maximum of a time in seconds, about thirty years. A longer time is surely a typing error, and could overflow in ns."""

World = Literal["realtime", "virtual"]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Ticks = Annotated[int, Field(ge=1, le=MOST_TICKS)]
Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=MOST_REPLICAS)]
Threads = Annotated[int, Field(ge=1)]
Condition = bool | str


class Entry(BaseModel):
    """Base class for the parts of a file. Instances are immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class IncludeEntry(Entry):
    """A graph that another file includes, with its arguments, namespace and remaps."""

    graph: str = Field(description="a file relative to this one, or the name of a shipped graph")
    arguments: dict[str, Any] = {}
    expose: bool = Field(
        default=False,
        description="all arguments not given here become arguments of this file and are passed on",
    )
    namespace: PathName | None = None
    remap: dict[PathName, Topic] = Field(
        default={}, description="topics of the included graph, with their names in this file"
    )
    condition: Condition = Field(
        default=True, alias="if", description='true, false, "A == B" or "A != B"; several with "and" between'
    )


class WeightsEntry(Entry):
    """A network with weights that nodes share."""

    network: dict[str, Any]
    algorithm: str | None = Field(
        default=None,
        description="the algorithm that they belong to; default: the one used for this network and the plant's actions",
    )
    plant: Topic = Field(description="the plant that the network is built for")
    delay_aware: DelayAware = Field(
        default=DelayAware(),
        description="which pending actions the network reads beside the plant's observations",
    )
    pipeline: Pipeline = Field(
        default=Pipeline(), description="the stages of the network, and which observations they read"
    )
    seed: Seed | None = Field(
        default=None, description="seed of the initial parameters; default: the seed of the launch"
    )
    sharing: Sharing = Field(
        default="fixed",
        description="fixed: never changed; snapshot: complete versions; shared: changed in place while they are read",
    )
    resume: str | None = Field(
        default=None, description="a checkpoint to resume a run from; used if `checkpoint` is not given"
    )
    transfer: bool = Field(default=False, description="accept a checkpoint from another environment")
    checkpoint: str | None = Field(
        default=None,
        description="a learner's checkpoint with the initial weights, or a folder of checkpoints; relative to the current folder",
    )


class NodeEntry(Entry):
    """A node, or several replicas of it."""

    node_class: ClassPath = Field(alias="class", description="package.module:Class")
    params: dict[str, Any] = {}
    replicas: Count | None = Field(
        default=None, description="number of copies: nodes name/0 ... name/N-1, even for 1"
    )
    condition: Condition = Field(
        default=True, alias="if", description='true, false, "A == B" or "A != B"; several with "and" between'
    )
    remap: dict[str, Topic] = Field(
        default={}, description="the topic of a port; default: the name of the port"
    )
    restart: RestartPolicy = RestartPolicy()
    priority: Literal["low", "normal", "nice", "fifo", "auto"] = "normal"
    python: str | None = Field(default=None, description="the interpreter of the node's process")
    threads: Threads = 1
    stop_s: Seconds | None = Field(
        default=None,
        description="how long the node may take to stop, such as a robot that goes to its park pose",
    )


class GraphFile(Entry):
    """A graph file: nodes, included graphs, and shared weights."""

    description: str = ""
    arguments: dict[Name, ArgumentEntry] = {}
    includes: tuple[IncludeEntry, ...] = ()
    weights: dict[Name, WeightsEntry] = {}
    nodes: dict[Name, NodeEntry] = {}


class ReplacementEntry(Entry):
    """A node that replaces a node of the graph. It takes over the name and the topics of the replaced node."""

    node_class: ClassPath = Field(alias="class", description="package.module:Class")
    params: dict[str, Any] = {}
    python: str | None = None


class Settings(Entry):
    """How to run a graph: settings such as the seed, the duration, and replacements of nodes."""

    world: World = "realtime"
    seed: Seed = 0
    duration_s: Seconds | None = None
    ticks: Ticks | None = None
    replace: dict[InstanceName, ReplacementEntry] = {}
    record: bool | dict[str, Any] | None = Field(
        default=None,
        description="true, false, or the recorder's parameters and `journal`; default: record in the virtual world only",
    )


class Scenario(Settings):
    """How to run a graph; for virtual time also the injected faults and the transport times of messages."""

    faults: tuple[Fault, ...] = ()
    delays: tuple[EdgeDelay, ...] = ()


class LaunchFile(Scenario):
    """A launch file: graphs, their arguments, and whether they run in real or virtual time (``world``).

    In virtual time, a launch file may also inject faults, and set the transport times of messages.
    """

    description: str = ""
    arguments: dict[Name, ArgumentEntry] = {}
    graphs: tuple[IncludeEntry, ...] = Field(min_length=1)

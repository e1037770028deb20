"""The plan of each node in a resolved launch file: plain, frozen data from which a node can be started."""

from __future__ import annotations

import operator
from typing import Any, Literal

from pydantic import Field

from rtgraph.msgs import Record
from rtgraph.nodes.runtime.interface.edges import Tapped


class InputPlan(Record):
    """The topic of an input, and the nodes that publish on it."""

    topic: str
    publishers: tuple[str, ...] = ()


class RestartPolicy(Record):
    """When a node is restarted after its process dies: up to ``most`` times in ``window_s`` seconds, with growing delays."""

    when: Literal["never", "on_failure"] = "on_failure"
    most: int = Field(default=5, ge=0)
    window_s: float = Field(default=60.0, gt=0)
    backoff_s: float = Field(default=0.05, gt=0)
    backoff_most_s: float = Field(default=5.0, gt=0)


class NodePlan(Record):
    """The plan of one node: its class, parameters, topics, shared weights and process settings."""

    name: str
    index: int
    node: str
    """The class of the node, ``package.module:Class``."""
    replica: int = 0
    replicas: int = 1
    params: dict[str, Any] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(default_factory=dict)
    """The topic of each output, by the output's name."""
    inputs: dict[str, InputPlan] = Field(default_factory=dict)
    taps: dict[str, tuple[Tapped, ...]] = Field(default_factory=dict)
    """The outputs that each tap receives, by the tap's name. A tap is an input for messages of any class."""
    journal: bool = False
    """Whether the node writes a journal (what it consumed and published). With a journal it can be re-executed from a recording."""
    python: str | None = None
    """The interpreter of the node's process; None for the launcher's interpreter."""
    priority: Literal["low", "normal", "nice", "fifo", "auto"] = "normal"
    threads: int = Field(default=1, ge=1)
    restart: RestartPolicy = RestartPolicy()
    # Plans from before the field lack it.
    stop_s: float | None = Field(default=None, gt=0, exclude_if=operator.not_)
    """Maximum time that the node may take to stop, in seconds; None for the default of its class."""

    def publishers(self) -> dict[str, tuple[str, ...]]:
        """Return a dict with the names of the nodes that publish to each input or tap."""
        fed = {name: source.publishers for name, source in self.inputs.items()}
        tapped = self.taps.items()
        return fed | {name: tuple(dict.fromkeys(t.publisher for t in taps)) for name, taps in tapped}

"""A node that keeps every message of the graph."""

from __future__ import annotations

from typing import ClassVar

from rtgraph.nodes.runtime import Node, NodePlan, Params
from rtgraph.nodes.runtime.interface.edges import Tapped
from rtgraph.nodes.runtime.interface.taps import RawMessage, Tap


class Collector(Node[Params]):
    """Keeps every message of the graph as it was sent."""

    stop_rank: ClassVar[int] = 3

    everything = Tap()

    def on_start(self) -> None:
        self.taken: list[RawMessage] = []
        self.every(1_000_000, self._take_in)

    def on_stop(self) -> None:
        self._take_in()

    def _take_in(self) -> None:
        self.taken += self.everything.take_all()


def listening(plans, *, journal=True):
    """Return the plans with journals switched on, and a collector that receives every message."""
    if journal:
        plans = [
            plan.model_copy(update={"journal": True, "outputs": {**plan.outputs, "_journal": "_journal"}})
            for plan in plans
        ]
    tapped = tuple(
        Tapped(publisher=plan.name, node=plan.node, port=port, topic=topic)
        for plan in plans
        for port, topic in plan.outputs.items()
    )
    collector = NodePlan(
        name="collector",
        index=len(plans),
        node="support.collecting:Collector",
        taps={"everything": tapped},
    )
    return [*plans, collector]

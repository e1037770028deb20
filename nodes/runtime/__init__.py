"""The base of node classes, and the two worlds (realtime and virtual) that run nodes."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.nodes.runtime.classes.loading import load_class, validated_params
    from rtgraph.nodes.runtime.interface.changeable import Changeable
    from rtgraph.nodes.runtime.interface.context import (
        Identity,
        LaunchContext,
        Placement,
        RunLimits,
        Timer,
        Urgency,
    )
    from rtgraph.nodes.runtime.interface.node import Node, Params
    from rtgraph.nodes.runtime.interface.policy import InputPolicy, latest, lossless, queue
    from rtgraph.nodes.runtime.interface.ports import Input, Output
    from rtgraph.nodes.runtime.virtual.world import VirtualWorld
    from rtgraph.nodes.runtime.wiring import InputPlan, NodePlan, RestartPolicy

__all__ = [
    "Changeable",
    "Identity",
    "Input",
    "InputPlan",
    "InputPolicy",
    "LaunchContext",
    "Node",
    "NodePlan",
    "Output",
    "Params",
    "Placement",
    "RestartPolicy",
    "RunLimits",
    "Timer",
    "Urgency",
    "VirtualWorld",
    "latest",
    "load_class",
    "lossless",
    "queue",
    "validated_params",
]

__getattr__ = on_use(
    __name__,
    {
        "classes.loading": "load_class validated_params",
        "interface.changeable": "Changeable",
        "interface.context": "Identity LaunchContext RunLimits Placement Timer Urgency",
        "interface.node": "Node Params",
        "interface.policy": "InputPolicy latest lossless queue",
        "interface.ports": "Input Output",
        "virtual.world": "VirtualWorld",
        "wiring": "InputPlan NodePlan RestartPolicy",
    },
)

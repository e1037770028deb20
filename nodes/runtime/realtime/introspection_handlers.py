"""How a node's process answers commands that inspect a running graph: it reports counters, takes messages, changes parameters."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from typing import Any

from rtgraph.msgs import Decoder, Header, Message
from rtgraph.msgs.errors import DecodeError, NodeError
from rtgraph.msgs.system import Beat, ChangeParams, Inject, ParamsChanged
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.changeable import changeable_values
from rtgraph.nodes.runtime.interface.edges import EdgeCount
from rtgraph.nodes.runtime.interface.ports import BoundInput
from rtgraph.nodes.runtime.realtime.host import resident_bytes


def beat(executor: Executor, at_ns: int, now_ns: int) -> Beat:
    """Return a node's counters for its heartbeat message.

    Called twice a second. In the process of a plant (environment or robot) this happens between two ticks, so it must be fast.

    Args:
        executor: the executor of the node.
        at_ns: the present time of the host's monotonic clock.
        now_ns: the graph's time.
    """
    inputs, outputs = executor.node.inputs, executor.node.outputs
    used = resource.getrusage(resource.RUSAGE_SELF)
    newest = [port.newest.header.stamp_ns for port in inputs.values() if port.newest is not None]
    return Beat.unchecked(
        {
            "at_ns": at_ns,
            "busy": executor.busy,
            "cpu_s": used.ru_utime + used.ru_stime,
            "resident_bytes": resident_bytes(),
            "sent": {name: sum(output.sent.values()) for name, output in outputs.items()},
            "edges": [
                (name, publisher, edge.received, edge.lost, edge.overwritten, edge.refused)
                for name, port in inputs.items()
                for publisher, edge in port.edges.items()
            ],
            "unread": {name: len(port.inbox) for name, port in inputs.items() if port.inbox},
            "age_ns": now_ns - max(newest) if newest else None,
        }
    )


def take_injected(
    executor: Executor, inject: Inject, deliver: Callable[[BoundInput[Any], Message], None]
) -> None:
    """Deliver a message to an input of the node. A person sent this message from outside the graph.

    If the message is invalid, count it as refused. If the node has no such input, do nothing.
    """
    port = executor.node.inputs.get(inject.port)
    if port is None:
        return
    try:
        message: Message = Decoder(port.port.message_type).decode([inject.document])
    except DecodeError as error:
        logging.getLogger("rtgraph.remote").warning(
            "input %s: an invalid message is dropped: %s", inject.port, error
        )
        port.edges.setdefault(inject.source, EdgeCount()).refused += 1
        return
    header = Header(source=inject.source, incarnation=0, sequence=inject.sequence, stamp_ns=inject.stamp_ns)
    deliver(port, message.model_copy(update={"header": header}))


def change_params(executor: Executor, wanted: ChangeParams) -> ParamsChanged:
    """Change a node's parameters. Return their new values, or the problem if a parameter cannot be changed."""
    try:
        executor.change(wanted.values)
    except NodeError as error:
        return ParamsChanged(number=wanted.number, problem=str(error))
    in_force = changeable_values(executor.node.params)
    return ParamsChanged(number=wanted.number, values={path: in_force[path] for path in wanted.values})

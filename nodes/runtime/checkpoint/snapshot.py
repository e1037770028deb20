"""Checkpoints of a virtual world: its full state between two events, from which a run continues bit for bit.

The run continues with the same plan (the resolved launch file). First its nodes are created again, each with the number of
restarts (*incarnation*) that it had. Then they are restored from the checkpoint, without calls of ``on_prepare`` and
``on_start``.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rtgraph.msgs.base import UNSENT
from rtgraph.msgs.errors import CheckpointError, RtgraphError
from rtgraph.nodes.extensions import targets_in
from rtgraph.nodes.runtime.checkpoint.arrays import Array
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile, SnapshotFolder
from rtgraph.nodes.runtime.checkpoint.reader import Reader
from rtgraph.nodes.runtime.checkpoint.saveable import Names, WorldState
from rtgraph.nodes.runtime.checkpoint.writer import Writer
from rtgraph.nodes.runtime.classes.class_paths import class_paths
from rtgraph.nodes.runtime.classes.imports import module_of
from rtgraph.nodes.runtime.classes.loading import load_class
from rtgraph.nodes.runtime.interface.node import port_message
from rtgraph.nodes.runtime.interface.ports import Input, Output
from rtgraph.nodes.runtime.virtual.world import VirtualWorld
from rtgraph.nodes.runtime.wiring import NodePlan

_FIRST = ("versions:",)
"""Prefixes of the names of objects that are restored first, because other objects depend on them."""
_SAME_CODE = "use the code that wrote the checkpoint"


class WorldSaver:
    """Writes checkpoints of a virtual world periodically.

    Args:
        folder: the folder of the checkpoints.
        every_ns: the virtual time between two checkpoints, in ns.
        about: plain values that describe the run. Each file begins with them.
    """

    def __init__(self, folder: Path, every_ns: int, about: Mapping[str, Any]) -> None:
        self._folder = SnapshotFolder(folder)
        self._every_ns = every_ns
        self._about = dict(about)

    def due_after(self, time_ns: int) -> int:
        """Return the virtual time at which the first checkpoint after ``time_ns`` is due, in ns."""
        return (time_ns // self._every_ns + 1) * self._every_ns

    def write(self, world: VirtualWorld) -> Path:
        """Write a checkpoint of the world and return its path. Called between two events.

        Raises:
            CheckpointError: an object in the world cannot be saved, or the file cannot be written.
        """
        writer = Writer(names_of(world.plans), anchors_of(world), world.launch_context.directory)
        try:
            states = writer.states(anchors_of(world))
        except CheckpointError as error:
            raise CheckpointError(f"the world cannot be saved: {error.problem}", hint=error.hint) from error
        head = {**self._about, "time_ns": world.clock.time_ns, "incarnations": world.incarnations()}
        return self._folder.write(head, [states, writer.records], writer.buffers)


def load(world: VirtualWorld, file: SnapshotFile) -> None:
    """Restore a checkpoint into a world in which no node has started.

    Raises:
        CheckpointError: the checkpoint is of another plan (resolved launch file), does not fit the code, or is damaged. The
            world is then unusable.
    """
    try:
        world.recreate_nodes(file.head["incarnations"])
        states, records = file.document()
        _restore(world, states, records, file.buffer)
    except CheckpointError as error:
        raise CheckpointError(error.problem, hint=error.hint or _SAME_CODE) from error
    except Exception as error:  # whatever a class's code raises for an invalid state
        raise CheckpointError(
            f"the checkpoint does not fit the code of this launch, or is damaged: restoring it raised "
            f"{type(error).__name__}: {error}",
            hint=_SAME_CODE,
        ) from error


def anchors_of(world: VirtualWorld) -> dict[str, object]:
    """Return the objects of a world that exist before a checkpoint is restored, by name.

    These objects are the world, its clock, its nodes with their ports, and other fixed objects. They are called *anchors*. A
    restore only sets their state.
    """
    found: dict[str, object] = {
        "world": world,
        "event_queue": world.event_queue,
        "clock": world.clock,
        "launch_context": world.launch_context,
        "unsent": UNSENT,
    }
    if world.fault_injector is not None:
        found["faults"] = world.fault_injector
    if world.edge_delays is not None:
        found["delays"] = world.edge_delays
    for name, weights in world.launch_context.weights.items():
        found |= {f"weights:{name}": weights, f"versions:{name}": weights.versions}
    for name, executor in world.executors.items():
        node = executor.node
        found[f"executor:{name}"] = executor
        found |= {f"input:{name}:{port}": bound for port, bound in node.inputs.items()}
        found |= {f"output:{name}:{port}": bound for port, bound in node.outputs.items()}
    return found | {f"node:{name}": executor.node for name, executor in world.executors.items()}


def names_of(plans: Iterable[NodePlan]) -> Names:
    """Return which classes and functions a checkpoint of these nodes may refer to, besides rtgraph's.

    Allowed are the packages of the nodes, of their messages, and of each class or extension that a node's parameters name.
    """
    packages: set[str] = set()
    for plan in plans:
        paths = [*class_paths(plan.params), *targets_in(plan.params)]
        for path in paths:
            with contextlib.suppress(RtgraphError):  # not a class path
                module_of(path.partition(":")[0])
        node_type = load_class(plan.node)
        ports: list[Input[Any] | Output[Any]] = [
            *node_type.input_ports.values(),
            *node_type.output_ports.values(),
        ]
        modules = [node_type.__module__, *(port_message(port).__module__ for port in ports)]
        modules += [part for path in (plan.node, *paths) for part in path.split("[")]
        packages.update(re.split("[.:]", module, maxsplit=1)[0] for module in modules)
    return Names(packages)


def _restore(world: VirtualWorld, states: Any, records: Any, buffer: Callable[[int, int], Array]) -> None:
    """Make the objects of a checkpoint, and set the state of the objects that exist already.

    Args:
        world: the world, in which no node has started.
        states: the state of each object that exists already, such as a node, by the object's name.
        records: the descriptions of all other objects.
        buffer: returns the bytes of a large array, as a 1-D uint8 array, from their offset and size in bytes.
    """
    anchors = anchors_of(world)
    stateful = {name: anchor for name, anchor in anchors.items() if isinstance(anchor, WorldState)}
    unknown = [name for name in states if name not in stateful]
    unknown += [record[1] for record in records if record[0] == "anchor" and record[1] not in anchors]
    missing = [name for name in stateful if name not in states]
    if unknown or missing:
        raise CheckpointError(
            f"the checkpoint belongs to a launch with other nodes, ports or settings: {(unknown or missing)[0]!r} is "
            + (
                "in the checkpoint, but not in this launch"
                if unknown
                else "in this launch, but not in the checkpoint"
            ),
            hint="resume with the launch, and the code, that wrote the checkpoint",
        )
    reader = Reader(names_of(world.plans), anchors, records, buffer, world.launch_context.directory)
    reader.make()
    early = [name for name in states if name.startswith(_FIRST)]
    late = [name for name in states if name not in early]
    for names in (*([name] for name in early), late):
        for name in names:
            reader.load(states[name])
        for name in names:
            stateful[name].load_world_state(reader.value(states[name]))

"""The network weights that recorded nodes used, with which these nodes can run again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from rtgraph.graphs import Plan
from rtgraph.msgs import WeightsVersion
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.recorder.journals import NodeJournal
from rtgraph.nodes.recorder.provenance import WEIGHTS_FOLDER, facts, weights_digest
from rtgraph.nodes.runtime import NodePlan, load_class
from rtgraph.nodes.weights.memory_file import map_file
from rtgraph.nodes.weights.versions import LocalVersions, new_memory
from rtgraph.nodes.weights.weights import Weights


class RecordedWeights:
    """The weights of each network at the start of a recorded run. Later versions are not kept.

    The weights are read from the folder beside the recording. If they are missing there, they are created again from the seed or
    the checkpoint. In both cases their digest must equal the recorded digest.
    """

    def __init__(self, bag: Bag, plan: Plan) -> None:
        self._plan = plan
        self._found: dict[str, Weights] = {}
        self._missing: set[str] = set()
        self._other_arithmetic = _other_arithmetic(bag) if plan.weights else ""
        folder = (bag.path if bag.path.is_dir() else bag.path.parent) / WEIGHTS_FOLDER
        for name, entry in plan.weights.items():
            digest = bag.info.get(f"weights.{name}", "")
            file = folder / f"{digest}.bin"
            weights = Weights(name, entry)
            if digest and file.exists():
                weights.where = LocalVersions(entry.sharing, map_file(file), entry.version)
            try:
                known = bool(digest) and weights_digest(weights) == digest
            except CheckpointError:  # the original checkpoint is gone
                known = False
            if known:
                self._found[name] = weights
            else:
                self._missing.add(name)

    def of(self, node: NodePlan) -> dict[str, Weights]:
        """Return the recorded weights for running a node again, a dict by the name of the weights."""
        if not _weights_ports(node)[1]:
            return self._found
        # The node publishes new versions, which other nodes run again must not see.
        return {name: _copied(weights) for name, weights in self._found.items()}

    def problem(self, journal: NodeJournal, node: NodePlan) -> str:
        """Return why a node cannot run again with its recorded weights; an empty text if it can, or if it used no weights."""
        used = self._plan.weights.keys() & set(_strings(node.params))
        if not used:
            return ""
        if missing := sorted(self._missing & used):
            return f"the weights {', '.join(missing)} that it used were not kept"
        return self._not_the_first(journal, node, used) or (
            f"not comparable: {self._other_arithmetic}" if self._other_arithmetic else ""
        )

    def _not_the_first(self, journal: NodeJournal, node: NodePlan, used: Collection[str]) -> str:
        """Return why the first version of the weights is not enough to run a node again; an empty text if it is enough."""
        if journal.incarnation and any(self._plan.weights[name].sharing != "fixed" for name in used):
            return "it began with a version of its weights that was not kept"
        weights_inputs, weights_outputs = _weights_ports(node)
        if weights_inputs and any(delivery[0] in weights_inputs for delivery in journal.deliveries()):
            return "it switched to versions of its weights that were not kept"
        if weights_outputs and self._plan.world == "realtime":
            return "what it did depended on which nodes were reading its weights at each moment, which is not recorded"
        return ""


def _weights_ports(node: NodePlan) -> tuple[set[str], set[str]]:
    """Return the names of a node's inputs and of its outputs that carry announcements of new versions of weights, as two sets."""
    node_type = load_class(node.node)
    weights_inputs = {
        name for name, port in node_type.input_ports.items() if port.message_type is WeightsVersion
    }
    weights_outputs = {
        name for name, port in node_type.output_ports.items() if port.message_type is WeightsVersion
    }
    return weights_inputs, weights_outputs


def _copied(weights: Weights) -> Weights:
    version, slot = weights.versions.newest()
    first = weights.versions.memory(slot)
    memory = new_memory(first.nbytes)
    memory[:] = first
    return replace(weights, where=LocalVersions(weights.plan.sharing, memory, version), cache={})


def _other_arithmetic(bag: Bag) -> str:
    """Return how torch or the CPU differs from that of the recording machine; an empty text if both are the same.

    A difference changes the last bits of the outputs of a network.
    """
    # Imported late: a graph without networks needs no torch. `facts` describes torch once it is imported.
    import torch  # noqa: F401, PLC0415

    here = facts(bag.info.get("world", ""))
    differing = [name for name in ("torch", "cpu_capability") if bag.info.get(name) != here.get(name)]
    return ", ".join(
        f"it was recorded with {name} {bag.info.get(name)}, and here it is {here.get(name)}"
        for name in differing
    )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)

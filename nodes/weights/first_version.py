"""The first version of weights: a checkpoint's parameters, or drawn from the seed."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.algorithms.acting import Acting
from rtgraph.nodes.algorithms.acting_by_name import acting_of
from rtgraph.nodes.networks.build import initialise
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.weights.checkpoint_reader import checkpoint_parameters
from rtgraph.nodes.weights.memory_file import mapped, reserve
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.shared_versions import first_version, memory_bytes
from rtgraph.nodes.weights.versions import LocalVersions, new_memory

_SPEC: TypeAdapter[NetworkSpec] = TypeAdapter(NetworkSpec)


def acting_for(plan: WeightsPlan) -> Acting:
    """Return the ``Acting`` of the algorithm of these weights: how a policy acts with them."""
    return acting_of(plan.algorithm, _SPEC.validate_python(plan.network), plan.spec)


def blank(plan: WeightsPlan) -> Network:
    """Return the network on torch's meta device: its parameters have shapes, but no memory."""
    return acting_for(plan).assemble()


def fill(name: str, plan: WeightsPlan, descriptor: int) -> None:
    """Lay out an empty memory file and write the first version into it.

    Raises:
        CheckpointError: the checkpoint of the first version is missing or of another network.
        LaunchError: there is not enough memory.
    """
    size = size_bytes(layout(blank(plan)))
    reserve(descriptor, name, memory_bytes(plan.sharing, size))
    first_version(
        mapped(descriptor, writable=True),
        plan.sharing,
        size,
        plan.version,
        lambda memory: write_first(plan, memory),
    )


def local_versions(plan: WeightsPlan) -> LocalVersions:
    """Return the versions for the nodes of one process, starting with the first one.

    Raises:
        CheckpointError: see `fill`.
    """
    memory = new_memory(size_bytes(layout(blank(plan))))
    write_first(plan, memory)
    return LocalVersions(plan.sharing, memory, plan.version)


def write_first(plan: WeightsPlan, memory: memoryview) -> None:
    """Write the first version's parameters: read from the checkpoint, or drawn from the seed.

    Raises:
        CheckpointError: see `fill`.
    """
    module = blank(plan)
    # Written in place, so that no more memory is needed than is shared.
    bind(module, memory)
    if plan.checkpoint is None:
        initialise(module, plan.seed)
        return
    kept = checkpoint_parameters(Path(plan.checkpoint))
    kept.must_be_of(plan.network, plan.spec)
    if kept.version != plan.version:
        raise CheckpointError(
            f"the checkpoint {kept.folder} holds version {kept.version} of the weights, and the plan needs version {plan.version}",
            hint="launch again",
        )
    tensors = kept.tensors()
    for name, tensor in module.state_dict().items():
        found = tensors.get(name)
        if found is None or found.shape != tensor.shape:
            raise CheckpointError(
                f"the checkpoint {kept.folder} has no tensor weights.{name} of shape {tuple(tensor.shape)}"
            )
        tensor.copy_(found)

"""The first version of a network's weights: read from a checkpoint, or drawn at random from the seed."""

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
    """Return the ``Acting`` object of the learning algorithm: it builds the network and chooses actions from its outputs."""
    return acting_of(plan.algorithm, _SPEC.validate_python(plan.network), plan.spec)


def blank(plan: WeightsPlan) -> Network:
    """Return the network on torch's meta device: its parameters have shapes, but no memory."""
    return acting_for(plan).assemble()


def fill(name: str, plan: WeightsPlan, descriptor: int) -> None:
    """Give an empty memory file its size, and write the first version of weights into the file.

    Args:
        name: name of the weights, for errors.
        plan: the network, and where the first version comes from.
        descriptor: file descriptor of the memory file.

    Raises:
        CheckpointError: the checkpoint of the first version cannot be read, or holds another network.
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
    """Create the first version of weights in this process's memory. The nodes of the process share the returned object.

    Raises:
        CheckpointError: the checkpoint of the first version cannot be read, or holds another network.
    """
    memory = new_memory(size_bytes(layout(blank(plan))))
    write_first(plan, memory)
    return LocalVersions(plan.sharing, memory, plan.version)


def write_first(plan: WeightsPlan, memory: memoryview) -> None:
    """Write the first version of the parameters into memory.

    The parameters are read from the plan's checkpoint; without a checkpoint they are drawn at random from the plan's seed.

    Raises:
        CheckpointError: the checkpoint cannot be read, or holds another network or version.
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
            f"the checkpoint {kept.folder} has changed since the launch was planned: it holds version {kept.version} of the "
            f"weights, and the plan needs version {plan.version}",
            hint="launch again",
        )
    tensors = kept.tensors()
    for name, tensor in module.state_dict().items():
        found = tensors.get(name)
        if found is None or found.shape != tensor.shape:
            raise CheckpointError(
                f"the checkpoint {kept.folder} has no tensor weights.{name} of shape {tuple(tensor.shape)}: "
                + ("it is missing" if found is None else f"its shape is {tuple(found.shape)}"),
                hint="use another checkpoint",
            )
        tensor.copy_(found)

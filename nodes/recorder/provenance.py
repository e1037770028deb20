"""Collects the data about a run for its recording: the plan, versions of libraries, settings, and network weights."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rtgraph.msgs.atomic import write_atomically, writing
from rtgraph.msgs.bag.bag import Attachment
from rtgraph.msgs.errors import BagError
from rtgraph.nodes.runtime import LaunchContext
from rtgraph.nodes.runtime.clock import TIME_BASE, unix_ns
from rtgraph.nodes.runtime.interface.context import SharedWeights
from rtgraph.nodes.weights.versions import hold_newest
from rtgraph.nodes.weights.weights import Weights, weights_named

PLAN = "plan.yaml"
WEIGHTS_FOLDER = "weights"
RESUMED_AT = "goes_on_ns"
"""Key in a recording's info: virtual time, in ns, at which the recorded run was resumed from a checkpoint of the virtual world."""
TIME_BASE_FACT = "time_base"
"""Key in a recording's info: the rule for rounding tick times and durations to ns. Older recordings lack this key."""
_LIBRARIES = ("numpy", "torch", "ale-py", "gymnasium")


def info(launch_context: LaunchContext, now_ns: int) -> dict[str, str]:
    """Return the data about a launch that its recording stores: versions and settings, by key.

    In real time, ``epoch_unix_ns`` is added: the Unix time in ns at time 0 of the launch. In virtual time, all runs of a plan on one
    machine give the same values.

    Args:
        launch_context: the launch.
        now_ns: the present time in ns since time 0 of the launch.
    """
    found = facts("realtime" if launch_context.realtime else "virtual")
    if launch_context.realtime:
        found["epoch_unix_ns"] = str(unix_ns() - now_ns)
    return found


def facts(world: str) -> dict[str, str]:
    """Return versions of imported libraries and other properties that can change computed numbers in the last bits, by name.

    Args:
        world: ``realtime`` or ``virtual``.
    """
    found = {
        "format": "1",
        "world": world,
        "rtgraph": importlib.metadata.version("rtgraph"),
        "python": platform.python_version(),
        "byte_order": sys.byteorder,
        TIME_BASE_FACT: TIME_BASE,
    }
    for name in _LIBRARIES:
        if name.replace("-", "_") in sys.modules:
            found[name] = importlib.metadata.version(name)
    if "torch" in sys.modules:
        found["cpu_capability"] = sys.modules["torch"].backends.cpu.get_cpu_capability()
    return found


def plan_attachment(directory: Path) -> list[Attachment]:
    """Return the session's ``plan.yaml`` as an attachment for the recording; an empty list if the folder has no such file."""
    file = directory / PLAN
    return [Attachment(PLAN, "application/yaml", file.read_bytes())] if file.exists() else []


def keep_weights(weights: Mapping[str, SharedWeights], directory: Path, most_bytes: float) -> dict[str, str]:
    """Write the newest versions of all network weights to files beside the recording.

    The name of a file is the digest of its contents. Weights that would exceed ``most_bytes`` in total are not written.

    Returns:
        The digests of all weights, also of weights that are not written. The keys are ``weights.NAME``.

    Raises:
        BagError: a file cannot be written.
        CheckpointError: some weights start from a checkpoint, and this checkpoint cannot be read, or holds another network.
    """
    found: dict[str, str] = {}
    left = most_bytes
    for name in weights:
        with _newest(weights_named(weights, name)) as contents:
            digest = _digest(contents)
            found[f"weights.{name}"] = digest
            if len(contents) > left:
                continue
            left -= len(contents)
            folder = directory / WEIGHTS_FOLDER
            with writing(folder, BagError):
                folder.mkdir(exist_ok=True)
            write_atomically(folder / f"{digest}.bin", contents, BagError)
    return found


def weights_digest(weights: Weights) -> str:
    """Return the digest of the newest version of weights, in the form that recordings store.

    Raises:
        CheckpointError: no version is in memory yet, and the checkpoint from which the first version is made cannot be read,
            or holds another network.
    """
    with _newest(weights) as contents:
        return _digest(contents)


def _digest(contents: memoryview) -> str:
    return hashlib.blake2b(contents, digest_size=16).hexdigest()


@contextlib.contextmanager
def _newest(weights: Weights) -> Iterator[memoryview]:
    _, slot, contents = hold_newest(weights.versions)
    try:
        yield contents
    finally:
        weights.versions.release(slot)

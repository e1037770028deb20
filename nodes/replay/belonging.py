"""Check that a folder or a recording belongs to the world of a replay memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rtgraph.msgs import Observation
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.recorder.recorded import recorded_nodes
from rtgraph.nodes.runtime.identity import Identity, differences, recorded_identity

FILE = "world.json"
"""The file in a memory's folder with the identity of its world."""
_HINT = "transfer=true takes it all the same"


def check_folder(folder: Path, here: Identity) -> bool:
    """Check that a memory on disk belongs to this world; return whether its world is known.

    Raises:
        ReplayError: it belongs to another world.
    """
    try:
        there: Identity = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return not (folder / "frames").exists()
    if found := differences(there, here):
        raise ReplayError(f"the replay memory in {folder} is of another world: {found}", hint=_HINT)
    return True


def mark_folder(folder: Path, here: Identity) -> None:
    """Write the identity of the memory's world to a new folder.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{FILE}.part"
    part.write_text(json.dumps(here, sort_keys=True), encoding="utf-8")
    part.replace(folder / FILE)


def check_recording(bag: Bag, here: Identity) -> bool:
    """Check that the plants of a recording belong to this world; return whether their world is known.

    Raises:
        ReplayError: a plant belongs to another world.
    """
    known = False
    for there in _worlds(bag, here):
        known = True
        if found := differences(there, here):
            raise ReplayError(f"the recording {bag.path} is of another world: {found}", hint=_HINT)
    return known


def _worlds(bag: Bag, here: Identity) -> Iterator[Identity]:
    plants = {channel.publisher for channel in bag.channels if channel.schema_name == Observation.schema_name}
    for name, node in recorded_nodes(bag).items():
        if name in plants:
            yield recorded_identity(node, here)

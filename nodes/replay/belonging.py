"""Whether a folder, or a recording, is of the world that a replay memory is for."""

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
"""In the folder of a memory: the world that its transitions are of."""
_HINT = "transfer=true takes it all the same"


def check_folder(folder: Path, here: Identity) -> bool:
    """Check that a memory on disk is of this world; return whether that is known.

    Raises:
        ReplayError: it is of another one.
    """
    try:
        there: Identity = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return not (folder / "frames").exists()
    if found := differences(there, here):
        raise ReplayError(f"the replay memory in {folder} is of another world: {found}", hint=_HINT)
    return True


def mark_folder(folder: Path, here: Identity) -> None:
    """Note in a new folder which world its memory is of.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{FILE}.part"
    part.write_text(json.dumps(here, sort_keys=True), encoding="utf-8")
    part.replace(folder / FILE)


def check_recording(bag: Bag, here: Identity) -> bool:
    """Check that the plants of a recording are of this world; return whether that is known.

    Raises:
        ReplayError: one is of another.
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

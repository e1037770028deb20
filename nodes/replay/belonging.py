"""Checks that a replay memory's folder, or a recording, comes from the environment that the replay node serves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from rtgraph.msgs import Observation
from rtgraph.msgs.atomic import write_atomically, writing
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.recorder.recorded import recorded_nodes
from rtgraph.nodes.runtime.identity import Identity, differences, is_identity, recorded_identity

FILE = "world.json"
"""The file, in the folder of a replay memory, with the identity (class and parameters) of the environment."""
_MIXED = "several worlds"
"""A key in the identity file. It marks a memory with transitions of several environments. No parameter has this name."""
_HINT = "to use it nevertheless: transfer=true"


def check_folder(folder: Path, here: Identity) -> bool:
    """Check that the replay memory in a folder comes from the environment ``here``.

    Return False if the folder holds a memory without the name of its environment; True for a new folder, too.

    Raises:
        ReplayError: the memory comes from another environment, or holds transitions of several environments, or the identity file
            cannot be read.
    """
    there = _identity_in(folder)
    if there is None:
        return not (folder / "frames").exists()
    if there.get(_MIXED):
        raise ReplayError(
            f"the replay memory in {folder} holds transitions of several environments, not only of this one",
            hint=_HINT,
        )
    if found := differences(there, here):
        raise ReplayError(f"the replay memory in {folder} is of another environment: {found}", hint=_HINT)
    return True


def mark_folder(folder: Path, here: Identity) -> None:
    """Write an environment's identity to a new folder of a replay memory.

    Raises:
        ReplayError: the identity file cannot be written.
    """
    with writing(folder, ReplayError):
        folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FILE, json.dumps(here, sort_keys=True), ReplayError)


def mark_mixed(folder: Path, here: Identity, recordings: Iterable[Bag]) -> None:
    """Mark a folder as mixed if ``here``, or the environment of a recording, differs from the folder's environment.

    A mixed folder holds transitions of several environments.

    Raises:
        ReplayError: the identity file is invalid, or cannot be written.
    """
    there = _identity_in(folder)
    if there is None or there.get(_MIXED):
        return
    worlds = [here, *(world for bag in recordings for world in _worlds(bag, here))]
    if any(differences(there, world) for world in worlds):
        mark_folder(folder, there | {_MIXED: True})


def _identity_in(folder: Path) -> Identity | None:
    path = folder / FILE
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        found = None
    if not is_identity(found):
        raise ReplayError(
            f"{path} does not contain the identity of an environment",
            hint="remove this file if the folder belongs to this plant",
        )
    return found


def check_recording(bag: Bag, here: Identity) -> bool:
    """Check that a recording comes from the environment ``here``. Return whether the recording names its environment.

    Raises:
        ReplayError: the recording comes from another environment.
    """
    known = False
    for there in _worlds(bag, here):
        known = True
        if found := differences(there, here):
            raise ReplayError(f"the recording {bag.path} is of another environment: {found}", hint=_HINT)
    return known


def _worlds(bag: Bag, here: Identity) -> Iterator[Identity]:
    plants = {channel.publisher for channel in bag.channels if channel.schema_name == Observation.schema_name}
    for name, node in recorded_nodes(bag).items():
        if name in plants:
            yield recorded_identity(node, here)

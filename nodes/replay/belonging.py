"""Checks that a replay memory's folder, or a recording, comes from the environment that the replay node serves."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from rtgraph.msgs import Applied, Observation, PlantSpec
from rtgraph.msgs.atomic import write_atomically, writing
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import DecodeError, RegionError, ReplayError
from rtgraph.nodes.recorder.recorded import recorded_nodes
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.storage.frames import Frames
from rtgraph.nodes.replay.storage.table import TransitionTable, holds
from rtgraph.nodes.runtime.identity import Identity, differences, is_identity, recorded_identity

FILE = "world.json"
"""The file, in the folder of a replay memory, with the identity (class and parameters) of the environment."""
_MIXED = "several worlds"
"""A key in the identity file. It marks a memory with transitions of several environments. No parameter has this name."""
_TRANSFER = "to use it nevertheless: transfer=true"
_ANOTHER = (
    "give another one: its observations or actions do not fit this plant, so transfer=true cannot use it"
)


def check_belonging(params: ReplayParams) -> list[str]:
    """Check that the folder and the recordings of a replay node come from its environment.

    Return a list of paths: the folder if it does not name its environment, and each recording that does not name its environment.

    With ``transfer``, or if the environment has no identity, nothing is checked, and the list is empty.

    Raises:
        ReplayError: the folder or a recording comes from another environment.
        BagError: a recording cannot be read.
    """
    if not params.identity or params.transfer:
        return []
    folder, here = params.folder, params.identity
    unknown = [folder] if folder and not check_folder(Path(folder), here, params.seen) else []
    return unknown + [
        path for path in params.fill if not check_recording(Bag.open(Path(path)), here, params.plant)
    ]


def check_folder(folder: Path, here: Identity, seen: PlantSpec) -> bool:
    """Check that the replay memory in a folder comes from the environment ``here``.

    ``seen`` is what the agent sees in this environment, as a spec. It is used only for the hint of an error: the hint says whether
    the memory fits ``seen``, so that ``transfer=true`` can use it nevertheless.

    Return False if the folder holds a memory without an identity file; else True, also for a new folder.

    Raises:
        ReplayError: the memory comes from another environment, or holds transitions of several environments, or the identity file
            cannot be read.
    """
    there = _identity_in(folder)
    if there is None:
        return not (folder / "frames").exists()
    if there.get(_MIXED):
        raise ReplayError(
            f"the replay memory in {folder} holds transitions of several environments",
            hint=_hint(_folder_fits(folder, seen)),
        )
    if found := differences(there, here):
        raise ReplayError(
            f"the replay memory in {folder} is of another environment: {found}",
            hint=_hint(_folder_fits(folder, seen)),
        )
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


def check_recording(bag: Bag, here: Identity, plant: PlantSpec) -> bool:
    """Check that a recording comes from the environment ``here``. Return whether the recording names its environment.

    ``plant`` is the spec of this environment: if the recording does not fit it, the error's hint says so.

    Raises:
        ReplayError: the recording comes from another environment.
        BagError: the recording cannot be read.
    """
    known = False
    for there in _worlds(bag, here):
        known = True
        if found := differences(there, here):
            raise ReplayError(
                f"the recording {bag.path} is of another environment: {found}",
                hint=_hint(_recording_fits(bag, plant)),
            )
    return known


def _hint(fits: bool) -> str:
    return _TRANSFER if fits else _ANOTHER


def _folder_fits(folder: Path, seen: PlantSpec) -> bool:
    """Return whether a replay memory can be continued with these observations and actions.

    True also if the files of the replay memory cannot be read.
    """
    try:
        frames = Frames.attach(folder / "frames")
        frames.close()
        return frames.has_frames_of(seen.observation) and TransitionTable.has_actions(
            folder / "transitions", seen.action
        )
    except RegionError:
        return True


def _recording_fits(bag: Bag, plant: PlantSpec) -> bool:
    """Return whether the recorded observations up to the first applied action, and this action, fit a plant's spec.

    False also if the recording has another version of a message class, which cannot be read here.
    """
    wanted = {Observation.schema_name, Applied.schema_name}
    topics = [glob.escape(channel.topic) for channel in bag.channels if channel.schema_name in wanted]
    for recorded in bag.messages(topics=topics):
        try:
            message = recorded.message()
        except DecodeError:
            return False
        if isinstance(message, Observation) and not plant.observation.admits(message.value):
            return False
        if isinstance(message, Applied):
            return holds(plant.action, message.action)
    return True


def _worlds(bag: Bag, here: Identity) -> Iterator[Identity]:
    plants = {channel.publisher for channel in bag.channels if channel.schema_name == Observation.schema_name}
    for name, node in recorded_nodes(bag).items():
        if name in plants:
            yield recorded_identity(node, here)

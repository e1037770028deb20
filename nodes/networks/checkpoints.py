"""Paths of checkpoints. A checkpoint is a folder such as ``000007`` with ``facts.json`` and ``tensors.safetensors``."""

from __future__ import annotations

from pathlib import Path

from rtgraph.msgs.errors import CheckpointError

CHECKPOINTS = "checkpoints"
"""Name of the folder of checkpoints, inside the session folder, by default."""
FACTS, TENSORS = "facts.json", "tensors.safetensors"
PLAN = "plan.yaml"
"""Name of the file in a session folder with the plan, i.e. the launch file with everything resolved."""


def name_of(number: int) -> str:
    """Return the name of the folder of the checkpoint with this number."""
    return f"{number:06d}"


def numbers_in(folder: Path) -> list[int]:
    """Return the numbers of the checkpoints in a folder, oldest first; empty if there is no such folder.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    numbers = {int(path.name) for path in folder.iterdir() if path.name.isdecimal()}
    return sorted(number for number in numbers if (folder / name_of(number)).is_dir())


def checkpoint_in(path: Path) -> Path:
    """Return the folder of a checkpoint.

    If ``path`` is a folder of checkpoints or a session folder, return the newest checkpoint in it.

    Raises:
        CheckpointError: there is no checkpoint, or ``path`` cannot be read.
    """
    try:
        if (path / FACTS).exists():
            return path
        folder = path / CHECKPOINTS if (path / CHECKPOINTS).is_dir() else path
        if numbers := numbers_in(folder):
            return folder / name_of(numbers[-1])
        session = path.parent if path.name == CHECKPOINTS else path
        launched = (session / PLAN).exists()
        lacks = f"it has no {FACTS}" if path.exists() else "there is no such folder"
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if launched and not (path / TENSORS).exists():
        raise CheckpointError(
            f"{session} has no checkpoint: this launch saved none",
            hint="wait if it still runs, otherwise launch it again; checkpoint_every_s sets how often a learner saves",
        )
    raise CheckpointError(
        f"{path} is not a checkpoint: {lacks}",
        hint="give the folder of a checkpoint, or of a session for its newest checkpoint",
    )

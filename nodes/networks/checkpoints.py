"""Paths of checkpoints: folders ``000007`` with ``facts.json`` and ``tensors.safetensors``.

The highest number is the newest. Importing this module does not import torch.
"""

from __future__ import annotations

from pathlib import Path

from rtgraph.msgs.errors import CheckpointError

CHECKPOINTS = "checkpoints"
"""The default folder of checkpoints in a session folder."""
FACTS, TENSORS = "facts.json", "tensors.safetensors"
PLAN = "plan.yaml"
"""File name of the plan in a session folder."""


def name_of(number: int) -> str:
    """Return the name of a checkpoint's folder."""
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
    """Return a checkpoint's folder: ``path`` itself, or the newest one in a folder or a session.

    Raises:
        CheckpointError: there is no checkpoint.
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
            f"{session} has no checkpoint: this launch saved none before it ended",
            hint="launch it again; checkpoint_every_s sets how often a learner saves",
        )
    raise CheckpointError(
        f"{path} is not a checkpoint: {lacks}",
        hint="give the folder of a checkpoint, or of a session for its newest checkpoint",
    )

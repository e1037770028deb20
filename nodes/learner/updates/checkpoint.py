"""Checkpoints: folders ``000007`` with ``tensors.safetensors`` and ``facts.json``. Only the newest ones are kept.

A checkpoint is written to a temporary path, flushed to disk and then renamed. So a numbered checkpoint is always complete, even if
the process is killed during a write. Numbers only increase, even if a run resumes from an older checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError

from rtgraph.msgs.atomic import atomic_path, writing
from rtgraph.msgs.errors import CheckpointError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.learner.updates.state import Facts, TrainingState
from rtgraph.nodes.networks.checkpoints import FACTS, TENSORS, checkpoint_in, name_of, numbers_in

_GONE = ".gone"


class Checkpoints:
    """A folder of checkpoints that one learner writes.

    Args:
        folder: Created if it does not exist.
        keep: Number of newest checkpoints to keep.

    Raises:
        CheckpointError: The folder cannot be created.
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep, the number of checkpoints to keep, must be at least 1, not {keep}")
        self.folder = folder
        self._keep = keep
        with writing(folder, CheckpointError):
            folder.mkdir(parents=True, exist_ok=True)

    def save(self, state: TrainingState) -> Path:
        """Write a checkpoint to disk, and return its path. Then delete old checkpoints, so that the newest ones remain.

        Raises:
            CheckpointError: The checkpoint cannot be written (a full disk, …), or a number in it is not finite. Earlier checkpoints
                are kept.
        """
        if broken := state.not_finite():
            raise CheckpointError(
                f"version {state.facts.version} is not saved to {self.folder}: its tensor {broken} holds NaN or infinity",
                hint="resume from an earlier checkpoint, with a lower learning_rate",
            )
        with writing(self.folder, CheckpointError):
            numbers = numbers_in(self.folder)
            path = self.folder / name_of(numbers[-1] + 1 if numbers else 0)
        with atomic_path(path, CheckpointError, durable=True) as unfinished:
            unfinished.mkdir()
            (unfinished / FACTS).write_text(state.facts.model_dump_json(indent=2), encoding="utf-8")
            try:
                safetensors.torch.save_file(state.tensors, unfinished / TENSORS)
            except SafetensorError as error:  # its text has the reason
                raise CheckpointError(
                    f"{path} cannot be written: {error}", hint="make room on the disk, or write elsewhere"
                ) from error
        with writing(self.folder, CheckpointError):
            self._drop(numbers[: max(0, len(numbers) + 1 - self._keep)])
        return path

    def any(self) -> bool:
        """Return whether the folder has a checkpoint."""
        return bool(numbers_in(self.folder))

    def _drop(self, numbers: Sequence[int]) -> None:
        """Remove the checkpoints with these numbers, and the remains of an interrupted removal."""
        gone = self.folder / _GONE
        if gone.exists():
            shutil.rmtree(gone)
        for number in numbers:
            # Renamed first: a partly removed folder with a number would look like a checkpoint.
            (self.folder / name_of(number)).rename(gone)
            shutil.rmtree(gone)


def load(path: Path) -> TrainingState:
    """Read a checkpoint. ``path`` may also be a folder of checkpoints or a session folder: then read the newest checkpoint in it.

    Raises:
        CheckpointError: There is no checkpoint, it is incomplete, or a number in it is not finite.
    """
    folder = checkpoint_in(path)
    try:
        text = (folder / FACTS).read_text(encoding="utf-8")
        _must_name_algorithm(folder, text)
        facts = Facts.model_validate_json(text)
        tensors = safetensors.torch.load_file(folder / TENSORS)
    except (OSError, ValueError, ValidationError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} cannot be read: {in_one_line(error)}", hint="use an older checkpoint"
        ) from error
    state = TrainingState(facts, tensors)
    if broken := state.not_finite():
        raise CheckpointError(
            f"{folder} cannot be used: its tensor {broken} holds NaN or infinity",
            hint="use an older checkpoint",
        )
    return state


def _must_name_algorithm(folder: Path, facts: str) -> None:
    found = json.loads(facts)
    if isinstance(found, dict) and "version" in found and "algorithm" not in found:
        raise CheckpointError(
            f"{folder} does not name its algorithm: an older version of rtgraph wrote it",
            hint="start from its weights alone: give checkpoint=… instead of resume=…",
        )

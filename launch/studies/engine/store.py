"""The folder of a study. Each cell, i.e. one run of the study, has a subfolder for its results."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.launch.studies.study import Cell, Figures
from rtgraph.msgs.atomic import write_atomically, writing
from rtgraph.msgs.errors import LaunchError

CELLS = "cells"
RESULT = "result.json"
WORK = "work"
_MARK = ".study"
_CPU_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class CellResult:
    """The results of one run of a study, the versions of the packages that computed them, and the processor."""

    figures: Figures
    facts: Mapping[str, str]


class Store:
    """The results of a study in the study's folder. Each cell, i.e. one run of the study, has a subfolder named by its digest.

    Args:
        folder: the study's folder; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with writing(folder, LaunchError):
            (folder / CELLS).mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder during this context, so that no other process runs a study in it.

        Raises:
            LaunchError: another process runs a study in this folder.
        """
        with writing(self.folder, LaunchError):
            lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise LaunchError(
                f"another process runs a study in {self.folder}", hint="wait for it, or choose another --out"
            ) from error
        finally:
            os.close(lock)

    def belong_to(self, study: str) -> None:
        """Write the name of the study into the folder, if the folder has no name yet.

        Raises:
            LaunchError: the folder belongs to another study. Tables of both studies would have the same file names.
        """
        mark = self.folder / _MARK
        if not mark.exists():
            write_atomically(mark, f"{study}\n", LaunchError)
        elif (other := mark.read_text(encoding="utf-8").strip()) != study:
            raise LaunchError(f"{self.folder} holds the study {other}", hint="choose another --out")

    def cell_folder(self, digest: str) -> Path:
        """Return the folder of the run with this digest. The folder may not exist yet."""
        return self.folder / CELLS / digest

    def done(self, digest: str) -> CellResult | None:
        """Return the result of the run with this digest; None if the run is not finished, or the file of its result is damaged."""
        try:
            found = json.loads((self.cell_folder(digest) / RESULT).read_text(encoding="utf-8"))
            return CellResult(found["figures"], found["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, digest: str, cell: Cell, figures: Figures) -> CellResult:
        """Write the result of a finished run, and remove the run's intermediate files.

        Return the result, i.e. ``figures``, the name of the processor and the versions of the packages.

        Raises:
            LaunchError: the result cannot be written.
        """
        done = CellResult(dict(figures), facts())
        value = {"at": dict(cell.at), "figures": done.figures, "facts": done.facts}
        write_atomically(self.cell_folder(digest) / RESULT, json.dumps(value, indent=1) + "\n", LaunchError)
        shutil.rmtree(self.cell_folder(digest) / WORK, ignore_errors=True)
        return done


def digest_of(cell: Cell) -> str:
    """Return a digest of everything that determines the results of a run: its work, and the version of rtgraph.

    If the run measures the speed of the machine, the digest also depends on the machine.

    Raises:
        RtgraphError: the work is invalid, such as an unknown argument of its launch file.
    """
    work: dict[str, Any] = {"work": type(cell.work).__name__, **cell.work.identity()}
    if cell.work.alone:
        work["machine"] = [platform.node(), cpu()]
    text = json.dumps({"rtgraph": importlib.metadata.version("rtgraph"), **work}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def facts() -> dict[str, str]:
    """Return, by name, the versions of packages and Python, and the processor. They can affect the results of a run."""
    versions = {name: _version(name) for name in ("rtgraph", "numpy", "torch")}
    return {**versions, "python": platform.python_version(), "cpu": cpu()}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # rtgraph runs without torch
        return ""


def cpu() -> str:
    """Return the model name of this machine's processor."""
    with contextlib.suppress(OSError):
        for line in _CPU_FILE.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()

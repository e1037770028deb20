"""The folder of a study. It holds a folder for each cell (a single run), with the cell's results once they are computed."""

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
    """The results of a cell, and the versions of packages and the processor with which they were computed."""

    figures: Figures
    facts: Mapping[str, str]


class Store:
    """The results of a study's cells in the study's folder. A cell's folder is named by a digest; see ``digest_of``.

    Args:
        folder: the study's folder; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with writing(folder, LaunchError):
            (folder / CELLS).mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from running a study in this folder.

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
        """Mark the folder with the name of its study.

        Raises:
            LaunchError: the folder belongs to another study, whose tables would have the same file names.
        """
        mark = self.folder / _MARK
        if not mark.exists():
            write_atomically(mark, f"{study}\n", LaunchError)
        elif (other := mark.read_text(encoding="utf-8").strip()) != study:
            raise LaunchError(f"{self.folder} holds the study {other}", hint="choose another --out")

    def cell_folder(self, digest: str) -> Path:
        """Return the folder of the cell with this digest. It may not exist yet."""
        return self.folder / CELLS / digest

    def done(self, digest: str) -> CellResult | None:
        """Return a cell's result; None if the cell is not finished, or its file is damaged."""
        try:
            found = json.loads((self.cell_folder(digest) / RESULT).read_text(encoding="utf-8"))
            return CellResult(found["figures"], found["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, digest: str, cell: Cell, figures: Figures) -> CellResult:
        """Write a cell's result, and remove the files from which an interrupted cell would have continued.

        Raises:
            LaunchError: the result cannot be written.
        """
        done = CellResult(dict(figures), facts())
        value = {"at": dict(cell.at), "figures": done.figures, "facts": done.facts}
        write_atomically(self.cell_folder(digest) / RESULT, json.dumps(value, indent=1) + "\n", LaunchError)
        shutil.rmtree(self.cell_folder(digest) / WORK, ignore_errors=True)
        return done


def digest_of(cell: Cell) -> str:
    """Return the digest of everything that determines a cell's results: its work, and the version of rtgraph.

    If the cell measures the machine's speed, the machine counts too.

    Raises:
        RtgraphError: the work is wrong, such as an unknown argument of its launch file.
    """
    work: dict[str, Any] = {"work": type(cell.work).__name__, **cell.work.identity()}
    if cell.work.alone:
        work["machine"] = [platform.node(), cpu()]
    text = json.dumps({"rtgraph": importlib.metadata.version("rtgraph"), **work}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def facts() -> dict[str, str]:
    """Return what a cell's results depend on besides its work: versions of packages and Python, and the processor, by name."""
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

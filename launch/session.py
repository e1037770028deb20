"""The session folder, which holds the results of a launch."""

from __future__ import annotations

import contextlib
import datetime
import errno
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any, Self

from rtgraph.graphs import Plan
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.classes.local_modules import FILE as MODULES_FILE
from rtgraph.nodes.runtime.classes.local_modules import paths_as_json

LEAST_FREE_BYTES = 32 << 20
_SESSIONS = Path("sessions")


class Session:
    """A folder with the plan, the logs, the trace, the plots and the summary of one launch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.plots = directory / "plots"
        self.summary = directory / "summary.json"

    @classmethod
    def create(cls, plan: Plan, directory: Path | None = None) -> Self:
        """Create the folder (by default ``sessions/NAME-DATE-TIME``) and write the plan into it.

        Raises:
            LaunchError: the folder is not writable or not empty, or its disk has too little space left.
        """
        check_directory(directory)
        try:
            session = cls(_new_directory(plan.name) if directory is None else directory)
            session.directory.mkdir(parents=True, exist_ok=True)
            session._write_plan(plan)
            if plan.modules:
                (session.directory / MODULES_FILE).write_text(paths_as_json(plan.modules), encoding="utf-8")
            session.logs.mkdir(exist_ok=True)
        except FileExistsError as error:  # another launch was faster
            raise LaunchError(f"{directory} holds a session already", hint="choose another --out") from error
        except OSError as error:
            raise LaunchError(
                f"cannot write the session folder {error.filename or directory}: {error.strerror}",
                hint="choose another --out",
            ) from error
        return session

    def _write_plan(self, plan: Plan) -> None:
        """Write the plan (the resolved launch file). The file reserves the folder for this launch.

        Another launch that chose the same folder fails here.
        """
        file = self.directory / "plan.yaml"
        with open(file, "xb") as opened:
            try:
                opened.write(plan.to_yaml().encode())
                opened.flush()
            except OSError:
                file.unlink()
                raise

    def discard(self) -> None:
        """Remove the files and folders that ``create`` made. Folders with any other file stay."""
        with contextlib.suppress(OSError):
            (self.directory / "plan.yaml").unlink()
            (self.directory / MODULES_FILE).unlink(missing_ok=True)
            self.logs.rmdir()
            self.directory.rmdir()

    def log_file(self, node: str) -> Path:
        """Return the path of a node's log."""
        return self.logs / f"{node.replace('/', '.')}.log"

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the summary of the run atomically.

        Raises:
            LaunchError: the summary cannot be written.
        """
        text = json.dumps(summary, indent=2, sort_keys=True, allow_nan=False) + "\n"
        write_atomically(self.summary, text, LaunchError)


def check_directory(directory: Path | None) -> None:
    """Check that a folder (by default a new one in ``sessions``) can become a session folder. Creates nothing.

    Raises:
        LaunchError: the folder is not writable or not empty, or its disk has too little space left.
    """
    wanted, hint = directory or _SESSIONS, "choose another --out"
    try:
        there = next(path for path in (wanted, *wanted.absolute().parents) if os.path.lexists(path))
        if there == wanted and not wanted.is_dir():
            raise LaunchError(f"{wanted} is not a folder", hint=hint)
        if directory is not None and there == wanted:
            _refuse_what_is_not_empty(wanted)
        reason = errno.ENOTDIR if not there.is_dir() else 0 if os.access(there, os.W_OK) else errno.EACCES
        if reason:
            raise LaunchError(f"cannot write the session folder {wanted}: {os.strerror(reason)}", hint=hint)
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise LaunchError(f"cannot write the session folder {wanted}: {error.strerror}", hint=hint) from error
    if free < LEAST_FREE_BYTES:
        raise LaunchError(
            f"the disk of {wanted} has less than {LEAST_FREE_BYTES >> 20} MiB left",
            hint="free space or choose another --out",
        )


def _refuse_what_is_not_empty(directory: Path) -> None:
    if (directory / "plan.yaml").exists():
        raise LaunchError(f"{directory} holds a session already", hint="choose another --out")
    if any(directory.iterdir()):
        raise LaunchError(
            f"{directory} is not empty and is not a session folder", hint="choose another --out"
        )


def _new_directory(name: str) -> Path:
    """Create a new folder for a launch in ``sessions``, and return its path."""
    wanted = _SESSIONS / f"{name}-{datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    wanted.parent.mkdir(exist_ok=True)
    for number in itertools.count(1):
        directory = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise AssertionError("unreachable: the loop above tries numbers without end")

"""The session folder: what a launch leaves behind."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import shutil
from pathlib import Path
from typing import Any, Self

from rtgraph.graphs import Plan
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.local_modules import FILE as MODULES_FILE
from rtgraph.nodes.runtime.local_modules import paths_as_json

LEAST_FREE_BYTES = 32 << 20


class Session:
    """A folder with the plan, the logs, the trace, the plots and the summary of one launch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.plots = directory / "plots"
        self.summary = directory / "summary.json"

    @classmethod
    def create(cls, plan: Plan, directory: Path | None = None) -> Self:
        """Make the folder (by default ``sessions/NAME-DATE-TIME``) and write the plan into it.

        Raises:
            LaunchError: it cannot be written to, it holds a session or anything else already, or the disk is full.
        """
        try:
            session = cls(_new_directory(plan.name) if directory is None else directory)
            session.directory.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(session.directory).free < LEAST_FREE_BYTES:
                raise LaunchError(
                    f"the disk under {session.directory} is full", hint="free space or choose another --out"
                )
            _refuse_what_is_not_empty(session.directory)
            with open(session.directory / "plan.yaml", "x", encoding="utf-8") as file:
                file.write(plan.to_yaml())
            if plan.modules:
                (session.directory / MODULES_FILE).write_text(paths_as_json(plan.modules), encoding="utf-8")
            session.logs.mkdir(exist_ok=True)
        except FileExistsError as error:
            if not directory or not directory.is_dir():
                raise LaunchError(f"{error.filename} is no folder", hint="choose another --out") from error
            raise LaunchError(f"{directory} holds a session already", hint="choose another --out") from error
        except OSError as error:
            raise LaunchError(
                f"cannot write the session folder {error.filename or directory}: {error.strerror}",
                hint="choose another --out",
            ) from error
        return session

    def discard(self) -> None:
        """Remove what ``create`` made, where nothing was added."""
        with contextlib.suppress(OSError):
            (self.directory / "plan.yaml").unlink()
            (self.directory / MODULES_FILE).unlink(missing_ok=True)
            self.logs.rmdir()
            self.directory.rmdir()

    def log_file(self, node: str) -> Path:
        """Return where the log of a node goes."""
        return self.logs / f"{node.replace('/', '.')}.log"

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the summary, whole or not at all.

        Raises:
            LaunchError: it cannot be written.
        """
        partial = self.summary.with_suffix(".partial")
        try:
            text = json.dumps(summary, indent=2, sort_keys=True, allow_nan=False) + "\n"
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.summary)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise LaunchError(
                f"{self.summary} cannot be written: {error.strerror}",
                hint="free space or choose another --out",
            ) from error


def _refuse_what_is_not_empty(directory: Path) -> None:
    if any(directory.iterdir()) and not (directory / "plan.yaml").exists():
        raise LaunchError(
            f"{directory} is not empty, and what is in it is no session", hint="choose another --out"
        )


def _new_directory(name: str) -> Path:
    """Make a folder that no other launch has."""
    wanted = Path("sessions") / f"{name}-{datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    wanted.parent.mkdir(exist_ok=True)
    for number in itertools.count(1):
        directory = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise AssertionError("numbers do not end")

"""Sends emergency stops to the processes of robots directly, without their launcher. Imports little, to start fast."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rtgraph.launch.host.bases import ANNOUNCEMENT, PREFIX, bases

ROBOTS = "estop-*"
TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """A launch of this user: its runtime folder, and what its launcher announced there."""

    folder: Path
    name: str
    pid: int | None
    """The launcher's process; None before the launch is announced."""
    directory: str = ""
    """The session folder."""

    def is_called(self, session: str) -> bool:
        """Return whether a text is the launch's name, process number or session folder."""
        return session in {self.name, str(self.pid)} or (
            bool(self.directory) and os.path.realpath(session) == os.path.realpath(self.directory)
        )

    @property
    def lives(self) -> bool:
        """Whether the launcher still runs; true if its process number is not known yet."""
        return self.pid is None or Path(f"/proc/{self.pid}").exists()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a robot; ``text`` is None if it did not answer in time."""

    launch: str
    text: str | None


def launches() -> Iterator[Running]:
    """Yield this user's launches. A launch with a killed launcher is included: its folder stays, and the processes of its robots may still run."""
    for base in bases():
        for folder in sorted(base.path.glob(f"{PREFIX}*")):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.geteuid():
                    yield _running(folder)


def ask(asked: Iterable[Running], request: str) -> list[Answer]:
    """Send a request to every robot of some launches, and return their answers. Robots that accept no connection are left out.

    All requests are sent before the first answer is awaited, so a robot that hangs delays no other.
    """
    answers = []
    with contextlib.ExitStack() as opened:
        clients: list[tuple[str, socket.socket]] = []
        for launch in asked:
            for path in sorted(launch.folder.glob(ROBOTS)):
                client = opened.enter_context(socket.socket(socket.AF_UNIX))
                client.settimeout(TIMEOUT_S)
                with contextlib.suppress(OSError):
                    client.connect(os.fsencode(path))
                    client.sendall(f"{request}\n".encode())
                    clients.append((launch.name, client))
        for name, client in clients:
            try:
                answers.append(Answer(name, client.recv(1000).decode(errors="replace").strip() or None))
            except OSError:
                answers.append(Answer(name, None))
    return answers


def _running(folder: Path) -> Running:
    try:
        described = json.loads((folder / ANNOUNCEMENT).read_text(encoding="utf-8"))
        return Running(folder, str(described["name"]), int(described["pid"]), str(described["directory"]))
    except (OSError, ValueError, KeyError, TypeError):  # not announced yet
        return Running(folder, folder.name, None)

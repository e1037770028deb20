"""Sends emergency stops directly to the processes that drive robots, without the launcher. Imports little, to start fast."""

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
    """A launch of this user, with its runtime folder and the description that its launcher wrote there."""

    folder: Path
    name: str
    pid: int | None
    """Process ID of the launcher; None before the launcher has written its description."""
    directory: str = ""
    """The session folder."""

    def is_called(self, session: str) -> bool:
        """Return whether a text identifies this launch: its name, process ID or session folder."""
        return session in {self.name, str(self.pid)} or (
            bool(self.directory) and os.path.realpath(session) == os.path.realpath(self.directory)
        )

    @property
    def lives(self) -> bool:
        """Whether the launcher still runs. True if its process ID is not known yet."""
        return self.pid is None or Path(f"/proc/{self.pid}").exists()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a robot; ``text`` is None if it did not answer in time."""

    launch: str
    text: str | None


def launches() -> Iterator[Running]:
    """Yield the launches of this user, also those with a killed launcher.

    The folder of such a launch stays, and its robot processes may still run.
    """
    for base in bases():
        for folder in sorted(base.path.glob(f"{PREFIX}*")):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.geteuid():
                    yield _running(folder)


def ask(asked: Iterable[Running], request: str) -> list[Answer]:
    """Send a request to every robot of the given launches, and return the answers of the robots.

    All requests are sent before the first answer is awaited, so a robot that hangs does not delay the others. A robot without
    a running process is left out.
    """
    answers = []
    with contextlib.ExitStack() as opened:
        clients: list[tuple[str, socket.socket]] = []
        for launch in asked:
            for path in sorted(launch.folder.glob(ROBOTS)):
                client = opened.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)  # a connection to a process that hangs may wait
                try:
                    client.connect(os.fsencode(path))
                    client.sendall(f"{request}\n".encode())
                except (ConnectionRefusedError, FileNotFoundError):  # its process has ended
                    continue
                except OSError:
                    pass  # it does not answer: receiving fails, too
                client.settimeout(TIMEOUT_S)
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

"""Asks the robots of running launches to stop, straight at their processes. Nothing heavy is imported here."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from rtgraph.launch.host.bases import ANNOUNCEMENT, PREFIX, bases

ROBOTS = "estop-*"
TIMEOUT_S = 1.0


def runtime_folders(session: str | None) -> Iterator[Path]:
    """Yield the runtime folders of this user's launches: of all, or of the session with a name, process or folder."""
    for base in bases():
        for folder in sorted(base.path.glob(f"{PREFIX}*")):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.geteuid() and (session is None or _is(folder, session)):
                    yield folder


def ask(folder: Path, request: str) -> list[str]:
    """Send a request to every robot of a runtime folder, and return their answers. Robots that are gone are left out."""
    answers = []
    for path in sorted(folder.glob(ROBOTS)):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(os.fsencode(path))
            client.sendall(f"{request}\n".encode())
            answers.append(client.recv(1000).decode(errors="replace").strip())
    return answers


def _is(folder: Path, session: str) -> bool:
    try:
        described = json.loads((folder / ANNOUNCEMENT).read_text(encoding="utf-8"))
        return session in (described["name"], str(described["pid"])) or os.path.realpath(
            session
        ) == os.path.realpath(described["directory"])
    except (OSError, ValueError, KeyError):  # not announced yet
        return False

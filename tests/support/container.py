"""Runs a command as the first process of a container-like environment, made with ``unshare``; needs root, but no engine.

A process, mount and IPC namespace; a read-only root; 64 MiB of /dev/shm; no capabilities; an 8-bit locale; a TMPDIR
with a path that is too long for sockets.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from support.launching import COMMAND, state_of, until

NOBODY = 65534
INSIDE = """
folder=$1 user=$2
shift 2
mount -t tmpfs -o size=64m tmpfs /dev/shm
mount --bind "$folder" "$folder"
mount -o remount,bind,ro /
cd "$folder"
exec setpriv --reuid "$user" --regid "$user" --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
NAMESPACES = ("unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc")


@functools.cache
def refused() -> str:
    """Return why containers are impossible here; empty if they are possible."""
    try:
        tried = subprocess.run(
            [*NAMESPACES, "sh", "-c", "mount -t tmpfs tmpfs /dev/shm && setpriv --version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError as error:
        return str(error)
    return tried.stderr.strip() or "refused" if tried.returncode else ""


@functools.cache
def user() -> int:
    """Return the user for Python: nobody if everybody can read what it needs, otherwise root."""
    as_nobody = ("setpriv", "--reuid", str(NOBODY), "--clear-groups", sys.executable, "-c")
    # Python must also be able to start itself by `sys.executable`.
    again = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import rtgraph.launch.cli'], check=True)"
    tried = subprocess.run([*as_nobody, again], stderr=subprocess.DEVNULL, check=False, timeout=60)
    return 0 if tried.returncode else NOBODY


class Container:
    """Runs one ``rtgraph`` command at a time in a writable folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        long = folder / ("t" * 100)
        long.mkdir()
        self._environment = {**os.environ, "TMPDIR": str(long), **self._eight_bits()}
        for variable in ("XDG_RUNTIME_DIR", "PYTHONIOENCODING", "PYTHONUTF8"):
            self._environment.pop(variable, None)
        for path in (folder, long):
            os.chown(path, user(), user())

    def _eight_bits(self) -> dict[str, str]:
        """Return the variables that select a Latin-1 locale, or ASCII if none can be made."""
        made = subprocess.run(
            ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(self.folder / "en_US.ISO-8859-1")],
            capture_output=True,
            check=False,
        )
        if made.returncode == 0:
            return {"LC_ALL": "en_US.ISO-8859-1", "LOCPATH": str(self.folder)}
        return {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}

    def run(self, *arguments: str) -> Running:
        """Start a command."""
        return Running(self, [sys.executable, "-c", COMMAND, *arguments])

    def python(self, script: str) -> str:
        """Return a script's output in the container."""
        with Running(self, [sys.executable, "-c", script]) as running:
            assert running.wait() == 0, running.stderr
            return running.stdout

    def start(self, command: list[str], **streams: Any) -> subprocess.Popen[bytes]:
        """Start any command as the container's first process."""
        return subprocess.Popen(
            [*NAMESPACES, "sh", "-euc", INSIDE, "sh", str(self.folder), str(user()), *command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            **streams,
        )


class Running:
    """A command that runs in a container. Nothing of it is left at the end."""

    def __init__(self, container: Container, command: list[str]) -> None:
        self._files = [open(container.folder / name, "w+") for name in ("stdout", "stderr")]  # noqa: SIM115
        self._popen = container.start(command, stdout=self._files[0], stderr=self._files[1])
        self.first = until(
            lambda: next(iter(children_of(self._popen.pid)), 0), 10, "the first process is there"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()  # this kills the first process, so the kernel kills all others
        self._popen.wait()
        for file in self._files:
            file.close()

    @property
    def stdout(self) -> str:
        """The output so far."""
        return Path(self._files[0].name).read_text(encoding="latin-1")

    @property
    def stderr(self) -> str:
        """The output on stderr so far."""
        return Path(self._files[1].name).read_text(encoding="latin-1")

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        return self._popen.wait(60)

    def stop(self) -> tuple[float, float]:
        """Send SIGTERM to the first process, as engines do.

        Returns:
            The time until its end, and the part of it in which some process of the host waited for a processor, in seconds.
        """
        began_s, waited_s = time.monotonic(), contended_s()
        os.kill(self.first, signal.SIGTERM)
        until(lambda: state_of(self.first) in ("", "Z"), 40, "the first process has ended")
        return time.monotonic() - began_s, contended_s() - waited_s


def contended_s() -> float:
    """Return the total time that a process of this host has waited for a processor; 0 if the kernel does not count it."""
    try:
        return int(Path("/proc/pressure/cpu").read_text().split("\n")[0].rpartition("total=")[2]) / 1e6
    except OSError:
        return 0.0


def children_of(process: int) -> list[int]:
    """Return the children of a process."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]

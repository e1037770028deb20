"""Launches in separate processes, for tests that kill, stop and interrupt them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from support.stalls import Stalls
from support.warm import Warm

TESTS = Path(__file__).parent.parent
FILES = TESTS / "launch" / "files"
COMMAND = "import sys; from rtgraph.launch.cli import main; sys.exit(main(sys.argv[1:]))"
RUNNING_WITHIN_S = 40.0
PERIOD_NS = round(1e9 / 60)

_pause = threading.Event()


def until(condition: Callable[[], Any], within_s: float, what: str) -> Any:
    """Wait until a condition holds and return its value; fail with its name at the timeout."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        _pause.wait(0.005)
    return found


def written(log: Path) -> list[dict[str, Any]]:
    """Return the objects in a log of JSON lines, without one that its process is writing; none if there is no log."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def state_of(process: int) -> str:
    """Return the kernel's state of a process: R, S, T, Z ...; empty if it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


class Launch:
    """An ``rtgraph`` command in a private folder, by which all of its processes are recognised.

    Nothing of it may be left at the end of the ``with`` block: no process, no runtime folder.

    ``fresh`` starts new interpreters, for tests of what happens while modules are imported.
    """

    def __init__(
        self,
        *arguments: str,
        base: Path | None = None,
        leaves_runtime: bool = False,
        fresh: bool = False,
        **popen: Any,
    ) -> None:
        self._own_base = base is None
        self._leaves_runtime = leaves_runtime
        # Short: a socket's path has at most 107 bytes.
        self.base = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp")) if base is None else base
        self.folder = Path(tempfile.mkdtemp(prefix="launch-", dir=self.base))
        self.runtime = self.base / "run"
        self.runtime.mkdir(exist_ok=True)
        self._others = set(self.runtime.glob("rtgraph-*"))
        self.session = self.folder / "out"
        self._stderr = open(self.folder / "stderr", "w+")  # noqa: SIM115 - closed at the end of the block
        self._stdout = open(self.folder / "stdout", "w+")  # noqa: SIM115
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "PYTHONPATH": str(TESTS)}
        streams = {"stdin": subprocess.DEVNULL, "stdout": self._stdout, "stderr": self._stderr}
        self.popen: subprocess.Popen[bytes] | Warm
        if fresh or popen.keys() - streams.keys():
            self.popen = subprocess.Popen(
                **{
                    "args": [sys.executable, "-c", COMMAND, *arguments],
                    "cwd": self.folder,
                    "env": environment,
                    "start_new_session": True,
                }
                | streams
                | popen
            )
        else:
            self.popen = Warm(
                arguments, cwd=self.folder, env=environment, streams=[*(streams | popen).values()]
            )

    @classmethod
    def of(cls, file: str, *arguments: str, **more: Any) -> Self:
        """Launch a file of the tests into the folder ``out``, without plots."""
        return cls("launch", str(FILES / f"{file}.yaml"), *arguments, "--out", "out", "--no-plots", **more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        left = []
        try:
            if kind is None:
                self.wait()
                with contextlib.suppress(AssertionError):
                    until(lambda: not self.processes(), 2.0, "every process ended")
                runtime = (
                    set() if self._leaves_runtime else set(self.runtime.glob("rtgraph-*")) - self._others
                )
                left = [*self.processes().values(), *map(str, runtime)]
        finally:
            self.popen.kill()
            self.popen.wait()
            for process in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._stderr.close()
            self._stdout.close()
            if self._own_base:
                shutil.rmtree(self.base, ignore_errors=True)
        assert not left, f"left behind: {left}"

    # State.

    @property
    def stderr(self) -> str:
        """The output on stderr so far."""
        return (self.folder / "stderr").read_text()

    @property
    def stdout(self) -> str:
        """The output on stdout so far."""
        return (self.folder / "stdout").read_text()

    def processes(self) -> dict[int, str]:
        """Return the living processes of this launch by number, including its launcher."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "cwd").readlink() == self.folder:
                        found[int(entry.name)] = (
                            (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                        )
        return found

    def process(self, node: str) -> int:
        """Return the process of a node, or of the ``fork server``; 0 if there is none."""
        title = "rtgraph.nodes.runtime.realtime.fork_server" if node == "fork server" else f"rtgraph: {node}"
        named = [
            number for number, text in self.processes().items() if text == title or f"-m {title}" in text
        ]
        return named[0] if named else 0

    def log(self, node: str) -> str:
        """Return the log of a node so far."""
        file = self.session / "logs" / f"{node.replace('/', '.')}.log"
        return file.read_text() if file.exists() else ""

    def witnessed(self) -> Iterator[dict[str, Any]]:
        """Yield the records of the node ``witness`` so far."""
        file = self.session / "witness.jsonl"
        if file.exists():
            for line in file.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    yield json.loads(line)

    def summary(self) -> dict[str, Any]:
        """Return the summary."""
        summary: dict[str, Any] = json.loads((self.session / "summary.json").read_text())
        return summary

    def trace(self) -> dict[str, Any]:
        """Return the columns of the trace."""
        with np.load(self.session / "trace.npz") as file:
            return dict(file)

    def ticked_on(self, stalls: Stalls) -> None:
        """Check that the plant, at 60 Hz, missed no tick, and that none was a period late except by stalls of the host.

        A node must have been killed before: only then is the start of the graph's time known.
        """
        trace = self.trace()
        assert np.array_equal(trace["tick_tick"], np.arange(len(trace["tick_tick"])))
        for due_ns, late_ns in zip(trace["tick_due_ns"], trace["tick_lateness_ns"], strict=True):
            if late_ns >= PERIOD_NS:
                due_at_ns = self.epoch_ns + int(due_ns)
                assert late_ns < PERIOD_NS + stalls.within_ns(due_at_ns, due_at_ns + int(late_ns))

    # Actions.

    def says(self, text: str, within_s: float = RUNNING_WITHIN_S) -> None:
        """Wait for a text on stderr."""
        until(
            lambda: text in self.stderr or self.popen.poll() is not None,
            within_s,
            f"{text!r} is said. It was: {self.stderr}",
        )
        assert text in self.stderr, f"{text!r} was never said. It was: {self.stderr}"

    def runs(self) -> Self:
        """Wait until the graph runs, that is, until decisions are made."""
        until(
            lambda: any("decision" in seen for seen in self.witnessed()) or self.popen.poll() is not None,
            RUNNING_WITHIN_S,
            f"decisions are made. Said was: {self.stderr}",
        )
        assert self.popen.poll() is None, f"it ended: {self.stderr}"
        return self

    def wait(self, within_s: float = 40.0) -> int:
        """Wait for the launcher to end and return its exit code."""
        return self.popen.wait(within_s)

    def kill(self, node: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a node; return its process number."""
        for description in self.runtime.glob("rtgraph-*/session.json"):
            self.epoch_ns = int(json.loads(description.read_text())["epoch_ns"])
        process: int = until(lambda: self.process(node), 5.0, f"there is a process of {node}")
        os.kill(process, number)
        return process

    def interrupt(self, number: int = signal.SIGINT) -> float:
        """Send a signal to the launcher, wait for its end, and return the time that took, in seconds."""
        began = time.monotonic()
        self.popen.send_signal(number)
        self.wait()
        return time.monotonic() - began

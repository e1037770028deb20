"""Helper processes in other Python interpreters, which describe the nodes that set ``python:`` in a graph file."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
from typing import Any

from rtgraph.graphs.reading.positions import Place
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.runtime.classes.imports import looked_in, pinned
from rtgraph.nodes.runtime.realtime.control import protocol

ANSWER_TIMEOUT_S = 60.0
"""Maximum time in seconds for an answer of a helper process. Importing a driver may take long."""
OLDEST = (3, 11)
_HINT = "`python` names an interpreter that has rtgraph installed"
_DESCRIBING = ("-P", "-m", "rtgraph.nodes.runtime.realtime.describing")
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


class Interpreters:
    """Runs one helper process per Python interpreter. The first question starts the process, and ``close`` stops it."""

    def __init__(self) -> None:
        self._running: dict[str, _Interpreter] = {}

    def ask(self, python: str, question: dict[str, Any], place: Place) -> dict[str, Any]:
        """Send a question to an interpreter's helper process, and return the answer: the description of a node class, or a problem.

        Args:
            python: path of the interpreter.
            question: the path of a node class (``class``), and the node's ``params`` if they are to be validated.
            place: the position in the graph file where the interpreter is named, for errors.

        Raises:
            GraphError: ``python`` is not an interpreter with this version of rtgraph, or the helper process does not answer.
        """
        if python not in self._running:
            self._running[python] = _Interpreter(python, place)
        asked = {"folders": looked_in(), "modules": pinned(), **question}
        try:
            return self._running[python].ask(asked, place)
        except GraphError:
            # It is closed; the next question starts it again.
            del self._running[python]
            raise

    def close(self) -> None:
        """Stop all helper processes."""
        for interpreter in self._running.values():
            interpreter.close()
        self._running.clear()


class _Interpreter:
    def __init__(self, python: str, place: Place) -> None:
        self._python = python
        self._errors = os.memfd_create("stderr")
        try:
            self._popen = subprocess.Popen(
                [python, *_DESCRIBING],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._errors)
            raise place.error(
                f"interpreter {python} cannot be started: {error.strerror}", hint=_HINT
            ) from error
        self._left = b""
        first = self._read()
        if first is None:
            raise self._failed(place)
        if first.get("protocol") != protocol():
            self.close()
            raise place.error(
                f"interpreter {python} has a version of rtgraph that does not work with this one",
                hint=f"{python} -m pip install rtgraph=={_installed()} installs the version that runs here",
            )

    def ask(self, question: dict[str, Any], place: Place) -> dict[str, Any]:
        with contextlib.suppress(OSError):
            os.write(self._stdin, json.dumps(question).encode() + b"\n")
        answer = self._read()
        if answer is None:
            raise self._failed(place)
        return answer

    def close(self) -> None:
        self._popen.kill()
        self._popen.communicate()
        os.close(self._errors)

    @property
    def _stdin(self) -> int:
        return -1 if self._popen.stdin is None else self._popen.stdin.fileno()

    def _read(self) -> dict[str, Any] | None:
        """Return the next answer, a JSON object. Return None if the process exits, prints no JSON object, or times out."""
        if self._popen.stdout is None:
            return None
        out = self._popen.stdout.fileno()
        while b"\n" not in self._left:
            ready, _, _ = select.select([out], [], [], ANSWER_TIMEOUT_S)
            data = os.read(out, 1 << 16) if ready else b""
            if not data:
                return None
            self._left += data
        line, _, self._left = self._left.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def _failed(self, place: Place) -> GraphError:
        ended = self._popen.poll()
        answer = os.pread(self._errors, os.fstat(self._errors).st_size, 0)
        lines = answer.decode(errors="replace").strip().splitlines()
        self.close()
        problem = lines[-1][:300] if lines else "it printed no error"
        version = _version(self._python)
        if version is None:
            return place.error(f"{self._python} is not a Python interpreter: {problem}", hint=_HINT)
        if version < OLDEST:
            shown, oldest = (".".join(map(str, one)) for one in (version, OLDEST))
            return place.error(
                f"interpreter {self._python} is Python {shown}, and rtgraph needs {oldest}", hint=_HINT
            )
        if "No module named" in problem and "rtgraph" in problem:
            return place.error(
                f"interpreter {self._python} has no rtgraph", hint=f"{self._python} -m pip install rtgraph"
            )
        end = "ended" if ended is not None else "did not answer"
        return place.error(f"interpreter {self._python} {end}: {problem}", hint=_HINT)


def _installed() -> str:
    # Imported late: importlib.metadata is slow to import.
    import importlib.metadata  # noqa: PLC0415

    return importlib.metadata.version("rtgraph")


def _version(python: str) -> tuple[int, ...] | None:
    try:
        completed = subprocess.run(
            [python, "-c", _VERSION], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=True
        )
        return tuple(map(int, completed.stdout.split(".")))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None

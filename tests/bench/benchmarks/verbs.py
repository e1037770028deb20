"""Processor time of verbs from Enter to their end, compared with a Python process that imports what they must import."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.rounds import in_turn
from tests.bench.rows import Row, Say

PEER = "importing numpy, pydantic, zmq and msgpack"
PEER_PROGRAM = "import numpy, pydantic, zmq, msgpack"
VERB_PROGRAM = "import sys; from rtgraph.launch.cli import main; sys.exit(main())"
VERBS = {
    "topic list": ("topic", "list"),
    "topic echo --count 1": ("topic", "echo", "observation", "--count", "1"),
    "topic pub": ("topic", "pub", "beat", '{"live_workers": 1, "method": "none"}'),
    "param list": ("param", "list"),
    "node list --live": ("node", "list", "--live"),
}


def run(rounds: int, say: Say) -> list[Row]:
    """Measure verbs that look into a running graph of one worker."""
    with tempfile.TemporaryDirectory() as folder:
        launch = [
            *_verb("launch", "endless", "workers=1", "--no-plots"),
            "--out",
            str(Path(folder) / "session"),
        ]
        running = subprocess.Popen(launch, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            session = ("--session", str(running.pid))
            while subprocess.run(
                _verb("topic", "list", *session), capture_output=True, check=False
            ).returncode:
                if running.poll() is not None:
                    raise SystemExit("the graph to look into ended early")
            return [_row(name, (*verb, *session), rounds, say) for name, verb in VERBS.items()]
        finally:
            running.terminate()
            running.wait()


def _row(name: str, verb: tuple[str, ...], rounds: int, say: Say) -> Row:
    say(name)
    ours, peer = in_turn(
        rounds, lambda _: _cpu_s(_verb(*verb)), lambda _: _cpu_s([sys.executable, "-c", PEER_PROGRAM])
    )
    return Row.compared(name, "s of CPU", ours, PEER, peer)


def _verb(*arguments: str) -> list[str]:
    return [sys.executable, "-c", VERB_PROGRAM, *arguments]


def _cpu_s(command: list[str]) -> float:
    """Return the processor time that a command takes, in seconds."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[3:])} failed")
    return used.ru_utime + used.ru_stime

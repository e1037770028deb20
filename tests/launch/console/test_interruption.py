"""A signal while a verb works and no world runs."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.console.interruption import ending_signals

BEFORE_ANY_VERB = """
import importlib, os, sys
from rtgraph.launch.cli import main

def interrupted(name):
    heavy = {"numpy", "zmq", "pydantic", "rich"} & set(sys.modules)
    assert not heavy, heavy
    os.kill(os.getpid(), int(sys.argv[1]))
    raise AssertionError("the signal was not handled")

importlib.import_module = interrupted
sys.exit(main(["reproduce", "theory"]))
"""

WHILE_PUTTING_AWAY = """
import os, signal, sys, threading
from rtgraph.launch.console import interruption

interruption.END_WITHIN_S = 0.05 if sys.argv[1] == "hangs" else 100
with interruption.Interruptible():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        if sys.argv[1] == "signalled":
            os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(100)
"""


def code_of(script: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-c", script, *arguments], check=False, timeout=60).returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_handled_before_anything_large_is_imported(number) -> None:
    assert code_of(BEFORE_ANY_VERB, str(int(number))) == 128 + number


@pytest.mark.parametrize(("how", "number"), [("signalled", signal.SIGINT), ("hangs", signal.SIGTERM)])
def test_a_second_signal_or_too_long_a_wait_ends_it_on_the_spot(how, number) -> None:
    assert code_of(WHILE_PUTTING_AWAY, how) == 128 + number


def test_handlers_are_as_they_were_afterwards(capsys) -> None:
    def handlers() -> list[object]:
        return [signal.getsignal(number) for number in ending_signals()]

    before = handlers()
    assert main(["--version"]) == 0
    assert handlers() == before


def test_nohup_is_respected(monkeypatch) -> None:
    assert signal.SIGHUP in ending_signals()
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    assert ending_signals() == (signal.SIGINT, signal.SIGTERM)

"""A thread that a node leaves behind does not keep the command from ending."""

from __future__ import annotations

import os
import threading

import pytest

from rtgraph.launch import cli


def test_a_thread_left_behind_is_named_and_not_waited_for(monkeypatch, capsys) -> None:
    def ended(code: int) -> None:
        raise SystemExit(code + 100)

    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="camera loop")
    thread.start()
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(cli, "main", lambda: 1)
    monkeypatch.setattr(cli, "ENDING_S", 0.0)
    try:
        with pytest.raises(SystemExit) as caught:
            cli.command()
    finally:
        done.set()
        thread.join()
    assert caught.value.code == 101
    assert capsys.readouterr().err == "a node left 1 thread behind: camera loop\n"
    with pytest.raises(SystemExit) as caught:
        cli.command()
    assert caught.value.code == 1

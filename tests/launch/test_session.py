"""The session folder that a launch leaves; none if it does not start."""

from __future__ import annotations

import shutil
import threading

import pytest

from rtgraph.graphs import Plan
from rtgraph.launch import session as module
from rtgraph.launch.session import Session
from rtgraph.msgs.errors import LaunchError

PLAN = Plan(name="small")


def test_a_session_holds_the_plan(tmp_path) -> None:
    session = Session.create(PLAN, tmp_path / "a" / "b")
    assert Plan.from_yaml((session.directory / "plan.yaml").read_text()) == PLAN
    assert session.log_file("arm/worker/3").name == "arm.worker.3.log"
    assert session.logs.is_dir()


def test_a_folder_is_used_once(tmp_path) -> None:
    session = Session.create(PLAN, tmp_path / "out")
    with pytest.raises(LaunchError, match="holds a session already"):
        Session.create(PLAN, tmp_path / "out")
    session.discard()
    assert not list(tmp_path.iterdir())
    Session.create(PLAN, tmp_path / "out").discard()


def test_a_folder_that_is_used_for_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        LaunchError, match=r"is not empty and is not a session folder. hint: .* another --out"
    ):
        Session.create(PLAN, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_is_no_folder(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match=r"cannot write|is not a folder"):
        Session.create(PLAN, tmp_path / "file")
    with pytest.raises(LaunchError, match="Not a directory"):
        Session.create(PLAN, tmp_path / "file" / "below")


def test_a_full_disk(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", shutil.disk_usage(tmp_path).total + 1)
    with pytest.raises(LaunchError, match=r"has less than \d+ MiB left.*hint: free space"):
        Session.create(PLAN, tmp_path / "out")


def test_default_folders_differ_however_quickly_they_are_made(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    made: list[Session] = []
    together = threading.Barrier(8)

    def make() -> None:
        together.wait()
        made.append(Session.create(PLAN))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({session.directory for session in made}) == 8


def test_a_summary_is_written_whole_or_not_at_all(tmp_path) -> None:
    session = Session.create(PLAN, tmp_path)
    session.write_summary({"b": 1, "a": 2})
    assert session.summary.read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        session.write_summary({"a": float("nan")})
    assert '"a": 2' in session.summary.read_text()
    session.summary.unlink()
    session.summary.mkdir()
    with pytest.raises(LaunchError, match="cannot be written"):
        session.write_summary({})
    assert not list(tmp_path.glob("*partial*"))

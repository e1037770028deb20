"""The folder of a launch's sockets."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtgraph.launch import diagnosis
from rtgraph.launch.host import bases
from rtgraph.launch.host import runtime_directory as module
from rtgraph.launch.host.runtime_directory import LONGEST_NAME, MOST_BASE_BYTES, RuntimeDirectory
from rtgraph.launch.scratch import scratch_folder
from rtgraph.msgs.errors import LaunchError


@pytest.fixture
def short(monkeypatch) -> Iterator[Path]:
    """Return a short folder; neither the environment nor the host offers another one."""
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as folder:
        for variable in ("XDG_RUNTIME_DIR", "TMPDIR"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
        monkeypatch.setattr(bases, "_SHARED", ())
        monkeypatch.setattr(bases, "_OF_USERS", Path(folder) / "users")
        yield Path(folder)


def long(folder: Path, size: int, letter: str = "a") -> Path:
    """Create a folder in a folder, with a path of at least ``size`` bytes."""
    name = letter * -(-(size - len(os.fsencode(folder)) - 1) // len(letter.encode()))
    made = folder / name
    made.mkdir()
    return made


def no_folder(folder: Path) -> Path:
    return folder / "missing"


def a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file"


def a_circle(folder: Path) -> Path:
    (folder / "circle").symlink_to(folder / "circle")
    return folder / "circle"


def everybodys(folder: Path) -> Path:
    made = folder / "open"
    made.mkdir()
    made.chmod(0o777)
    return made


UNFIT = {
    "of 100 letters": (lambda folder: long(folder, 100), "128 bytes, and at most 107 are possible"),
    "of 60 umlauts": (lambda folder: long(folder, 120, "ü"), "bytes, and at most 107 are possible"),
    "missing": (no_folder, "No such file or directory"),
    "a file": (a_file, "Not a directory"),
    "a circle of links": (a_circle, "Too many levels of symbolic links"),
    "not UTF-8": (
        lambda folder: folder / os.fsdecode(b"\xff"),
        "the folder's name is not UTF-8, or not in this locale",
    ),
    "relative": (lambda _: Path("run"), "the path of the folder is not absolute"),
    "anybody's": (everybodys, r"any user may replace the files in this folder: chmod \+t"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_cannot_hold_sockets_is_passed_over(kind, short, monkeypatch) -> None:
    make, why = UNFIT[kind]
    unfit = make(short)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(unfit))
    with pytest.raises(
        LaunchError,
        match=rf"no folder is suitable for the sockets of a launch\. XDG_RUNTIME_DIR=.*{why}.*hint: set XDG_",
    ):
        RuntimeDirectory()
    monkeypatch.setenv("TMPDIR", str(short))
    directory = RuntimeDirectory()
    assert directory.path.parent == short
    directory.remove()
    finding = diagnosis._runtime_directory()
    assert (finding.state, finding.found.startswith(f"{short}, ")) == ("note", True)
    assert "not XDG_RUNTIME_DIR=" in finding.found


def test_the_longest_folder_that_fits_is_taken(short, monkeypatch) -> None:
    for letter in "aü":
        fitting = long(short, MOST_BASE_BYTES - 1, letter)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(fitting))
        directory = RuntimeDirectory()
        path = directory.endpoint(LONGEST_NAME).removeprefix("ipc://")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path)
        assert len(path.encode()) in (106, 107)
        directory.remove()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_to_is_named(number, short, monkeypatch) -> None:
    def refuse(**_: object) -> str:
        raise OSError(number, os.strerror(number))

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(
        LaunchError,
        match=rf"XDG_RUNTIME_DIR={short}: no folder can be created here: {os.strerror(number)}\. hint",
    ):
        RuntimeDirectory()
    finding = diagnosis._runtime_directory()
    assert finding.state == "missing"
    assert os.strerror(number) in finding.found


def test_a_file_system_without_sockets_is_passed_over_and_left_clean(short, monkeypatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    monkeypatch.setattr(module, "LONGEST_NAME", "no/such/folder")
    with pytest.raises(
        LaunchError, match="no socket can be created in this folder: No such file or directory"
    ):
        RuntimeDirectory()
    assert not list(short.iterdir())


def test_without_any_temporary_folder_there_is_one_clear_error(short) -> None:
    with (
        pytest.raises(LaunchError, match=r"no temporary folder can be created: .*hint: set TMPDIR"),
        scratch_folder("play"),
    ):
        pass


def test_folders_of_the_dead_are_swept_and_of_the_living_are_not(short, monkeypatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    dead, living = RuntimeDirectory(), RuntimeDirectory()
    assert dead.path.stat().st_mode & 0o777 == 0o700
    os.close(dead._lock)  # as the end of a process does
    following = RuntimeDirectory()
    assert not dead.path.exists()
    assert living.path.exists()
    for directory in (living, following):
        directory.remove()
        assert not directory.path.exists()


def test_what_others_put_there_is_neither_swept_nor_heard(short, monkeypatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    mine = RuntimeDirectory()
    mine.announce("mine")
    link, theirs = short / "rtgraph-link", short / "rtgraph-theirs"
    link.symlink_to(mine.path)
    theirs.mkdir(mode=0o755)
    (theirs / "lock").touch()
    assert list(module.announced()) == [(mine.path, "mine")]
    RuntimeDirectory().remove()
    assert theirs.exists()
    mine.remove()

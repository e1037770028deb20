"""Files are written completely or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rtgraph.msgs.atomic import atomic_path, write_atomically, writing
from rtgraph.msgs.errors import BagError, CheckpointError, LaunchError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_replaces_the_one_before(tmp_path: Path, durable: bool) -> None:
    for text in ("one", "ü☃"):
        write_atomically(tmp_path / "a.json", text, LaunchError, durable=durable)
        assert (tmp_path / "a.json").read_bytes() == text.encode()
        assert names(tmp_path) == ["a.json"]


def test_a_folder_and_a_link_are_written_as_files_are(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "000001", CheckpointError, durable=True) as partial:
        partial.mkdir()
        (partial / "facts").write_text("x")
    with atomic_path(tmp_path / "link", CheckpointError) as partial:
        partial.symlink_to("000001")
    assert (tmp_path / "link" / "facts").read_text() == "x"
    assert names(tmp_path) == ["000001", "link"]


def interrupted(path: Path) -> None:
    with atomic_path(path, LaunchError) as partial:
        partial.mkdir()
        raise KeyboardInterrupt


def test_whatever_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert names(tmp_path) == []
    partial = tmp_path / ".trace.npz.partial"
    partial.mkdir()
    (partial / "half").write_text("")
    write_atomically(path, b"whole", LaunchError)
    assert names(tmp_path) == ["trace.npz"]


def test_a_full_disk_leaves_the_file_before(tmp_path: Path, full_disk: Callable[[int], None]) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"before", BagError)
    full_disk(1000)
    with pytest.raises(BagError, match=r"a\.bin cannot be written: File too large\. hint: raise the limit"):
        write_atomically(path, bytes(5000), BagError)
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file/x", r"Not a directory\. hint: choose another name"),
        ("none/x", r"No such file or directory\. hint: make its folder first"),
        ("folder", r"Is a directory\. hint: choose another name"),
        ("x" * 300, r"File name too long\. hint: choose a shorter name"),
    ],
)
def test_what_cannot_be_written_is_one_line_that_names_the_file(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    before = names(tmp_path)
    with pytest.raises(LaunchError, match=f"{name} cannot be written: {why}"):
        write_atomically(tmp_path / name, "text", LaunchError)
    assert names(tmp_path) == before


def test_a_name_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 123 + ".parquet")
    write_atomically(path, "text", LaunchError)
    assert names(tmp_path) == [path.name]


def close_an_archive() -> None:
    try:
        with open("/dev/full", "w") as file:
            file.write("x")
    except OSError:
        raise ValueError("the archive is open") from None


def test_the_reason_is_found_behind_what_a_library_makes_of_it() -> None:
    with pytest.raises(BagError) as caught, writing(Path("x"), BagError):
        close_an_archive()
    assert caught.value.problem == f"x cannot be written: {os.strerror(errno.ENOSPC)}"
    assert caught.value.hint == "make room on the disk, or write elsewhere"


def test_errors_that_are_not_of_the_disk_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a", BagError):
        _ = 1 / 0
    with pytest.raises(CheckpointError, match=r"^another$"), atomic_path(tmp_path / "a", BagError):
        raise CheckpointError("another")

"""Weights in shared memory: one copy for any number of processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.weights.memory_file import create, mapped, reserve

pytestmark = pytest.mark.process


@pytest.fixture
def descriptor():
    made = create("policy")
    yield made
    os.close(made)


def test_what_one_process_writes_another_reads(descriptor) -> None:
    reserve(descriptor, "policy", 10_000)
    mine = mapped(descriptor)
    assert len(mine) == 10_000
    child = os.fork()
    if child == 0:
        mapped(descriptor, writable=True)[123:126] = b"abc"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert bytes(mine[122:127]) == b"\0abc\0"


def test_readers_cannot_write(descriptor) -> None:
    reserve(descriptor, "policy", 10)
    with pytest.raises(TypeError):
        mapped(descriptor)[0] = 1


def test_a_mapping_lives_as_long_as_its_view() -> None:
    descriptor = create("policy")
    reserve(descriptor, "policy", 10)
    view = mapped(descriptor)
    os.close(descriptor)
    assert bytes(view[:3]) == b"\0\0\0"


def test_the_memory_has_a_name_for_people_and_is_not_inherited_by_chance(descriptor) -> None:
    assert "rtgraph-policy" in str(Path(f"/proc/self/fd/{descriptor}").readlink())
    assert not os.get_inheritable(descriptor)


def test_too_much_is_refused_before_anything_is_taken(descriptor) -> None:
    with pytest.raises(
        LaunchError, match=r"'policy' need [\d,]+ MiB of shared memory.*hint: choose a smaller network"
    ):
        reserve(descriptor, "policy", 1 << 50)
    assert os.fstat(descriptor).st_size == 0


def test_what_the_kernel_refuses_is_told(tmp_path) -> None:
    (tmp_path / "file").touch()
    read_only = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        with pytest.raises(LaunchError, match="or free memory"):
            reserve(read_only, "policy", 10)
    finally:
        os.close(read_only)

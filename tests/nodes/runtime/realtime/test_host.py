"""What a process requests from the host."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.launching import state_of, until

from rtgraph.nodes.runtime.realtime.host import available_bytes, prctl, private_bytes, sharpen_timers


def python(code: str, *arguments: str, leads_session: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from rtgraph.nodes.runtime.realtime.host import *\nimport os, signal, sys\n{code}",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=leads_session,
    )


def test_a_process_ends_with_the_parent_it_named() -> None:
    code = (
        "child = os.fork()\n"
        "if child == 0:\n"
        "    die_with(int(sys.argv[1]) or os.getppid())\n"
        "    print(os.getpid(), flush=True)\n"
        "signal.pause()\n"
    )
    with python(code, "0") as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert state_of(child) in ("S", "R")
        parent.kill()
        parent.wait()
        until(lambda: state_of(child) in ("", "Z"), 2.0, "the child ended with its parent")


def test_a_process_whose_parent_is_gone_does_not_wait_for_it() -> None:
    with python("pass") as gone:
        gone.wait()
    with python("die_with(int(sys.argv[1]))", str(gone.pid)) as child:
        _, told = child.communicate(timeout=5)
    assert child.returncode == 1
    assert "does not exist" in told


def test_orphans_come_to_whoever_adopts_them_until_it_leaves_them() -> None:
    code = (
        "def orphan():\n"
        "    read, write = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        middle = os.getpid()\n"
        "        if os.fork() == 0:\n"
        "            while os.getppid() == middle: pass\n"
        "            os.write(write, str(os.getppid()).encode())\n"
        "        os._exit(0)\n"
        "    return int(os.read(read, 20)) == os.getpid()\n"
        "adopt_orphans()\n"
        "adopted = orphan()\n"
        "leave_orphans()\n"
        "print(adopted, orphan())\n"
    )
    with python(code) as process:
        told, errors = process.communicate(timeout=20)
    assert told.split() == ["True", "False"], errors


@pytest.mark.parametrize("wanted", ["normal", "nice", "fifo", "auto"])
def test_a_priority_is_what_was_given(wanted) -> None:
    code = (
        "print(take_priority(sys.argv[1]))\n"
        "print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO, os.nice(0))\n"
    )
    with python(code, wanted) as process:
        told, errors = process.communicate(timeout=20)
    given, is_fifo, nice = [*told.splitlines()[:1], *told.splitlines()[1].split()]
    assert not errors
    assert (given == "SCHED_FIFO 10") == (is_fifo == "True")
    assert (given == "nice -10") == (nice == "-10")
    if wanted == "normal":
        assert given == "normal"
    elif "refused" in given:
        assert given.startswith("normal (")


@pytest.mark.parametrize("leads_session", [True, False])
def test_a_priority_counts_against_other_sessions(leads_session) -> None:
    """Only the session of a node is changed, not the one of a terminal that a process merely belongs to."""
    code = (
        "import pathlib\n"
        "file = pathlib.Path('/proc/self/autogroup')\n"
        "read = lambda: (file.read_text().split() if file.exists() else [])[-1:]\n"
        "before = read()\n"
        "print(take_priority('nice'), before, read(), sep='/')\n"
    )
    with python(code, leads_session=leads_session) as process:
        printed, errors = process.communicate(timeout=20)
    if "refused" in printed:
        pytest.skip("this user may not lower nice values")
    granted, before, after = printed.strip().split("/")
    assert granted == "nice -10", errors
    assert after == ("['-10']" if leads_session and before != "[]" else before)


@pytest.mark.parametrize("exists", [True, False])
def test_a_priority_is_granted_to_a_process_in_no_autogroup(tmp_path, exists) -> None:
    """The kernel refuses to write the file of such a process, which is empty."""
    code = (
        "import pathlib\n"
        "from rtgraph.nodes.runtime.realtime import host\n"
        "host._AUTOGROUP = pathlib.Path(sys.argv[1])\n"
        "print(take_priority('nice'))\n"
    )
    file = tmp_path / "autogroup"
    if exists:
        file.touch()
    with python(code, str(file), leads_session=True) as process:
        printed, errors = process.communicate(timeout=20)
    if "refused" in printed:
        pytest.skip("this user may not lower nice values")
    assert printed.strip() == "nice -10", errors
    assert file.exists() == exists
    assert not exists or not file.read_text()


def test_the_memory_of_a_process() -> None:
    size = 32 << 20
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        before = private_bytes()
        block.write(b"x" * size)
        assert private_bytes() - before > size // 2
        assert private_bytes(os.getpid()) > size
    assert private_bytes(2**31 - 1) == 0


def test_the_memory_that_is_left() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    available = available_bytes()
    assert available is not None
    assert 0 < available <= total


def test_what_the_kernel_refuses_is_an_error() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        prctl(-1, 0)


def test_timers_are_sharp() -> None:
    slack = Path(f"/proc/{os.getpid()}/timerslack_ns")
    before = slack.read_text()
    sharpen_timers()
    assert slack.read_text().strip() == "1"
    slack.write_text(before)
    assert signal.getsignal(signal.SIGALRM) is not None

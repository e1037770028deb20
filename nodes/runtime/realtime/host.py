"""What a process asks of its host: priority, precise timers, a parent whose death ends it, its own memory."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from rtgraph.msgs.errors import LaunchError

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_PR_SET_CHILD_SUBREAPER = 36
LOW = 10
NICE = -10
FIFO_PRIORITY = 10
_AUTOGROUP = Path("/proc/self/autogroup")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def prctl(option: int, argument: int) -> None:
    """Set a property of this process (or thread, as the option goes).

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent dies."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def leave_orphans() -> None:
    """Be the parent of one's own children only, again."""
    prctl(_PR_SET_CHILD_SUBREAPER, 0)


def die_with(parent: int, within_s: float = 10.0) -> None:
    """Wait until ``parent`` is the parent of this process, then have the kernel kill it when the parent dies.

    Raises:
        LaunchError: the parent is not there.
    """
    deadline = time.monotonic() + within_s
    while os.getppid() != parent:
        if time.monotonic() > deadline or not _exists(parent):
            raise LaunchError(f"process {parent}, which this one is to end with, did not adopt it")
        time.sleep(0.0005)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise LaunchError("the launcher is gone")


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def sharpen_timers() -> None:
    """Have this thread woken when it asked to be, not up to 50 µs later."""
    prctl(_PR_SET_TIMERSLACK, 1)


def take_priority(wanted: str) -> str:
    """Ask for a priority, and return what was given: ``low``, ``normal``, ``nice``, ``fifo`` or ``auto`` (the best allowed)."""
    if wanted == "low":
        _set_nice(LOW)
        return f"nice {LOW}"
    if wanted in ("fifo", "auto"):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(FIFO_PRIORITY))
        except OSError as error:
            if wanted == "fifo":
                return f"normal (SCHED_FIFO refused: {error.strerror})"
        else:
            return f"SCHED_FIFO {FIFO_PRIORITY}"
    if wanted in ("nice", "auto"):
        try:
            _set_nice(NICE)
        except OSError as error:
            return f"normal (nice {NICE} refused: {error.strerror})"
        return f"nice {NICE}"
    return "normal"


def _set_nice(value: int) -> None:
    """Set the nice value of this process, and of its session if it leads one.

    Linux with autogroups (``sched(7)``) shares processors between sessions first: a nice value counts only against
    processes of the same session. Each node leads a session, so its nice value alone changes nothing.

    Raises:
        OSError: the value is refused.
    """
    os.setpriority(os.PRIO_PROCESS, 0, value)
    if os.getsid(0) == os.getpid() and _AUTOGROUP.exists():
        _AUTOGROUP.write_text(str(value), encoding="ascii")


def fifo_priority() -> int | None:
    """Return the SCHED_FIFO priority of the calling thread, None where it has another policy.

    Other threads do not inherit it, since a process that is forked is not to: whoever makes them has to say so.
    """
    if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO:
        return None
    return os.sched_getparam(0).sched_priority


def process_id() -> int:
    """Return this process's number."""
    return os.getpid()


def resident_bytes() -> int:
    """Return the memory that this process has mapped in, shared with others or not; 0 where the host does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def private_bytes(process: int | str = "self") -> int:
    """Return the memory that only this process has, in bytes; 0 where the host does not tell."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_"))


def available_bytes() -> int | None:
    """Return the memory that can still be had, in bytes; None where the host does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None

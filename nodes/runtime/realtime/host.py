"""What a process asks of the Linux kernel: priority, precise timers, a signal when its parent dies, memory use."""

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
    """Set a property of this process, or of this thread, depending on the option.

    Raises:
        OSError: the kernel refuses the value.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"the kernel refuses prctl({option}, {argument}): {os.strerror(code)}")


def adopt_orphans() -> None:
    """Make this process the parent of each descendant process that loses its parent."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def leave_orphans() -> None:
    """Undo ``adopt_orphans``: another process becomes the parent of descendants that lose their parent."""
    prctl(_PR_SET_CHILD_SUBREAPER, 0)


def die_with(parent: int, within_s: float = 10.0) -> None:
    """Wait until ``parent`` is this process's parent. From then on, this process is killed when the parent dies.

    Raises:
        LaunchError: ``parent`` does not exist, or does not become the parent in time.
    """
    deadline = time.monotonic() + within_s
    while os.getppid() != parent:
        if time.monotonic() > deadline or not _exists(parent):
            problem = "is not its parent" if _exists(parent) else "does not exist"
            raise LaunchError(f"this process should end when process {parent} ends, but {parent} {problem}")
        time.sleep(0.0005)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise LaunchError(f"the launcher, process {parent}, has ended, so this process ends, too")


def outlive_parent() -> int:
    """From now on, the parent's death does not kill this process. Return a file descriptor that becomes readable when the parent dies.

    Raises:
        LaunchError: the parent has already ended.
    """
    parent = os.getppid()
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        raise LaunchError(f"the launcher, process {parent}, has ended, so this process ends, too") from None
    prctl(_PR_SET_PDEATHSIG, 0)
    if os.getppid() != parent:
        os.close(descriptor)
        raise LaunchError(f"the launcher, process {parent}, has ended, so this process ends, too")
    return descriptor


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process belongs to another user
        return True
    return True


def sharpen_timers() -> None:
    """Make this thread wake up on time, not up to 50 µs later."""
    prctl(_PR_SET_TIMERSLACK, 1)


def take_priority(wanted: str) -> str:
    """Request a priority: ``low``, ``normal``, ``nice``, ``fifo`` or ``auto`` (the highest that the kernel allows).

    Returns:
        A description of the priority that the kernel granted.
    """
    if wanted == "low":
        os.setpriority(os.PRIO_PROCESS, 0, LOW)
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
            _be_nice()
        except OSError as error:
            return f"normal (nice {NICE} refused: {error.strerror})"
        return f"nice {NICE}"
    return "normal"


def _be_nice() -> None:
    """Lower the nice value of this process, and of its session if the process leads one.

    Linux with autogroups (``sched(7)``) shares processors between sessions first: the nice value of a process counts only
    against processes of the same session. Each node leads a session, so the nice value of its process alone changes nothing.

    Raises:
        OSError: the kernel refuses the value.
    """
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    if os.getsid(0) == os.getpid() and _has_autogroup():
        _AUTOGROUP.write_text(str(NICE), encoding="ascii")


def _has_autogroup() -> bool:
    """Return whether the kernel has put this process into an autogroup.

    The kernel's file ``autogroup`` is missing if the kernel has no autogroups. The file is empty for a process without an
    autogroup, such as one in the first session after boot; writing to the file then fails with EINVAL.
    """
    try:
        return bool(_AUTOGROUP.read_text(encoding="ascii").strip())
    except OSError:
        return False


def process_id() -> int:
    """Return the id of this process."""
    return os.getpid()


def resident_bytes() -> int:
    """Return this process's resident memory in bytes, shared or not; 0 if the host does not report it."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def private_bytes(process: int | str = "self") -> int:
    """Return the memory that ``process`` shares with no other process, in bytes; 0 if the host does not report it."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_"))


def available_bytes() -> int | None:
    """Return the available memory in bytes; None if the host does not report it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None

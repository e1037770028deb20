"""Measures what this machine can do for a realtime graph."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import select
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import psutil

from rtgraph.launch.host.descriptors import SMALL_GRAPH, how_to_raise
from rtgraph.launch.host.runtime_directory import MOST_BASE_BYTES, chosen
from rtgraph.msgs.typed.extras import EXTRAS
from rtgraph.nodes.runtime.realtime.host import sharpen_timers, take_priority

PACKAGES = ("rtgraph", "pyzmq", "msgpack", "pydantic", "numpy")
OPTIONAL = ("torch", "ale_py", "gymnasium", "stable_retro", "matplotlib")
"""Modules of the optional packages, which extras such as ``rtgraph[learn]`` install."""
PERIOD_S = 1 / 60
SAMPLES = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about this machine: what was checked, the value found, whether the value is good, and a hint if it is not."""

    what: str
    found: str
    state: Literal["ok", "note", "missing"] = "ok"
    hint: str = ""


def diagnose() -> list[Finding]:
    """Check this machine for everything that a launch needs. Measuring the timer takes about two seconds."""
    return [
        Finding("python", platform.python_version()),
        *(_package(name) for name in PACKAGES),
        *(_optional(module) for module in OPTIONAL),
        _cores(),
        _memory(),
        Finding("clock resolution", f"{time.get_clock_info('monotonic').resolution * 1e9:.0f} ns"),
        _timer(),
        _priority(
            "fifo", "SCHED_FIFO", "grant CAP_SYS_NICE, or an rtprio limit in /etc/security/limits.conf"
        ),
        _priority("nice", "nice -10", "grant CAP_SYS_NICE, or a nice limit in /etc/security/limits.conf"),
        _descriptors(),
        _runtime_directory(),
        _governor(),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", "missing", f"{sys.executable} -m pip install {name}")


def _optional(module: str) -> Finding:
    name = module.replace("_", "-")
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", "note", f"pip install 'rtgraph[{EXTRAS[module][1]}]'")


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    if load > usable / 2:
        return Finding(
            "cores", f"{usable}, load {load:.1f}", "note", "other work on these cores makes ticks late"
        )
    return Finding("cores", f"{usable}, load {load:.1f}")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    return Finding("memory", f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free")


def _timer() -> Finding:
    """Measure the timer: wait for 120 deadlines at 60 Hz, and note how late each wait ends.

    Plants (environments and robots) wait for their ticks with the same calls.
    """
    sharpen_timers()
    late_ms = []
    begin = time.monotonic()
    for tick in range(1, SAMPLES + 1):
        due = begin + tick * PERIOD_S
        while (left := due - time.monotonic()) > 0:
            select.select([], [], [], left)
        late_ms.append((time.monotonic() - due) * 1e3)
    p50, p99 = np.quantile(late_ms, [0.5, 0.99])
    text = f"p50 {p50:.3f} ms, p99 {p99:.3f} ms, max {max(late_ms):.3f} ms at 60 Hz"
    if p99 > 1.0:
        return Finding("timer lateness", text, "note", "free a core, or allow SCHED_FIFO")
    return Finding("timer lateness", text)


def _priority(wanted: str, title: str, hint: str) -> Finding:
    """Check whether a scheduling priority is allowed. A child process tries it, so this process keeps its priority."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, take_priority(wanted).encode())
        os._exit(0)
    os.close(writing)
    given = os.read(reading, 200).decode()
    os.close(reading)
    os.waitpid(child, 0)
    if given.startswith("normal"):
        return Finding(title, given.removeprefix("normal ").strip("()"), "note", hint)
    return Finding(title, "allowed")


def _descriptors() -> Finding:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < SMALL_GRAPH:
        return Finding(
            "open files",
            f"at most {most}",
            "missing",
            f"{how_to_raise(1024)}: a process of a graph needs {SMALL_GRAPH} or more",
        )
    if most < 1024:
        return Finding(
            "open files", f"at most {most}", "note", f"for graphs of many nodes, {how_to_raise(4096)}"
        )
    return Finding("open files", f"at most {most}")


def _runtime_directory() -> Finding:
    base, refused = chosen()
    # A refused folder is reported only if the user chose it, or if no folder is left.
    passed_over = "; ".join(
        f"not {one}: {why}" for one, why in refused.items() if one.variable or base is None
    )
    if base is None:
        hint = f"set XDG_RUNTIME_DIR to a folder that you can write to, of at most {MOST_BASE_BYTES} bytes"
        return Finding("socket folder", passed_over, "missing", hint)
    text = f"{base.path}, {shutil.disk_usage(base.path).free / 2**30:.1f} GiB free"
    if passed_over:
        return Finding(
            "socket folder", f"{text}; {passed_over}", "note", "set XDG_RUNTIME_DIR to another folder"
        )
    return Finding("socket folder", text)


def _governor() -> Finding:
    path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    try:
        with open(path, encoding="ascii") as file:
            governor = file.read().strip()
    except OSError:
        return Finding("cpu governor", "unknown")
    if governor != "performance":
        return Finding("cpu governor", governor, "note", "set it to performance for steadier latencies")
    return Finding("cpu governor", governor)

"""Compiles ``impala.c`` with the machine's C compiler, once per processor, and loads it.

torch's compiler is not used: it leaves convolutions to the same kernels, which take most of the time, and its import takes
seconds in each process.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from rtgraph.msgs.errors import LearningError

SOURCE = Path(__file__).with_name("impala.c")
FLAGS = (
    *("-O3", "-march=native", "-shared", "-fPIC"),
    *("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno"),
)
"""Flags of the compiler. ``-ffast-math`` is not used: it would disable subnormal floats in the whole process."""
_PATIENCE_S = 300.0
_CPU_FILE = Path("/proc/cpuinfo")


class NotCompiledError(LearningError):
    """There is no compiler, or it failed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"networks are not compiled: {why}", hint="install gcc")


@functools.cache
def library() -> ctypes.CDLL:
    """Return the compiled functions. The first call on a machine compiles for a few seconds.

    Raises:
        NotCompiledError: there is no compiler, or it failed.
    """
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise NotCompiledError("there is no C compiler (cc)")
    try:
        found = ctypes.CDLL(str(_compiled(compiler)))
    except OSError as error:
        raise NotCompiledError(str(error)) from error
    pointer, count = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
        ("memory", ctypes.c_size_t, (pointer, count)),
        ("scratch", ctypes.c_size_t, (pointer, count)),
        ("forward", None, (pointer, pointer, pointer, count, count, count, pointer, pointer)),
        ("backward", None, (pointer, pointer, count, pointer, pointer, pointer, pointer)),
    ):
        function = getattr(found, f"rtgraph_{name}")
        function.restype, function.argtypes = result, arguments
    return found


def _compiled(compiler: str) -> Path:
    """Return the library's path in the user's cache.

    Raises:
        NotCompiledError: the compiler failed.
        OSError: the cache cannot be written.
    """
    source = SOURCE.read_bytes()
    key = hashlib.blake2b(source, digest_size=10)
    key.update(" ".join((compiler, *FLAGS, _processor())).encode())
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rtgraph"
    path = folder / f"impala-{key.hexdigest()}.so"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / path.name
        command = [compiler, *FLAGS, "-o", str(made), str(SOURCE)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise NotCompiledError(f"{compiler} took longer than {_PATIENCE_S:g} s") from error
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise NotCompiledError(f"{compiler} failed: {said[0]}")
        made.replace(path)  # at once: other processes may compile it too
    return path


def _processor() -> str:
    """Return what the code is compiled for: the processor's model and instructions."""
    try:
        lines = _CPU_FILE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))

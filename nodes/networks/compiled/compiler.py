"""Compiles ``impala.c`` and ``mlp.c`` with the machine's C compiler, once per kind of processor, and loads the results.

torch's compiler is not used: it computes convolutions, which take most of the time, with the same code as torch. Also, its import
takes seconds in each process.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtgraph.msgs.errors import LearningError

FLAGS = (
    *("-O3", "-march=native", "-shared", "-fPIC"),
    *("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno"),
)
"""Flags for the C compiler. ``-ffast-math`` is not used: it would disable subnormal floats in the whole process."""
_PATIENCE_S = 300.0
_CPU_FILE = Path("/proc/cpuinfo")


class NotCompiledError(LearningError):
    """There is no C compiler, the compiler failed, or its result cannot be stored or loaded."""

    def __init__(self, why: str) -> None:
        super().__init__(f"networks are not compiled: {why}", hint="install gcc")


_POINTER, _COUNT, _SIZE = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
_FUNCTIONS: Mapping[str, Mapping[str, tuple[Any, tuple[Any, ...]]]] = {
    "impala": {
        "memory": (_SIZE, (_POINTER, _COUNT)),
        "scratch": (_SIZE, (_POINTER, _COUNT)),
        "forward": (None, (*(_POINTER,) * 3, *(_COUNT,) * 3, *(_POINTER,) * 2)),
        "backward": (None, (_POINTER, _POINTER, _COUNT, *(_POINTER,) * 4)),
    },
    "mlp": {
        "mlp_memory": (_SIZE, (_POINTER, _COUNT)),
        "mlp_forward": (_COUNT, (*(_POINTER,) * 2, *(_COUNT,) * 3, *(_POINTER,) * 4)),
        "mlp_backward": (None, (*(_POINTER,) * 2, *(_COUNT,) * 3, *(_POINTER,) * 4)),
        "roll_memory": (_SIZE, (_POINTER, _COUNT)),
        "roll_forward": (None, (*(_POINTER,) * 2, _COUNT, *(_POINTER,) * 3)),
        "roll_backward": (None, (*(_POINTER,) * 2, _COUNT, *(_POINTER,) * 5)),
    },
}
"""The C functions of each source file, by name without the prefix ``rtgraph_``: the ctypes of the result and of the arguments."""


@functools.cache
def library(source: str) -> ctypes.CDLL:
    """Return the compiled functions of a source file. The first call on a machine compiles the file, for a few seconds.

    Args:
        source: the file's name without its ending, ``impala`` or ``mlp``.

    Raises:
        NotCompiledError: there is no C compiler, the compiler failed, or its result cannot be stored or loaded.
    """
    command = os.environ.get("CC") or "cc"
    compiler = shutil.which(command)
    if compiler is None:
        raise NotCompiledError(f"there is no C compiler: the command {command!r} is not found")
    try:
        found = ctypes.CDLL(str(_compiled(compiler, Path(__file__).with_name(f"{source}.c"))))
    except OSError as error:
        raise NotCompiledError(f"the compiled code cannot be stored or loaded: {error}") from error
    for name, (result, arguments) in _FUNCTIONS[source].items():
        function = getattr(found, f"rtgraph_{name}")
        function.restype, function.argtypes = result, arguments
    return found


def _compiled(compiler: str, source: Path) -> Path:
    """Compile a source file, unless the user's cache has the result. Return the path of the compiled library in the cache.

    Raises:
        NotCompiledError: the compiler failed.
        OSError: the cache cannot be written.
    """
    key = hashlib.blake2b(source.read_bytes(), digest_size=10)
    key.update(" ".join((compiler, *FLAGS, _processor())).encode())
    base = Path(
        os.environ.get("XDG_CACHE_HOME", "")
    )  # ignored unless it is absolute, as the XDG specification says
    folder = (base if base.is_absolute() else Path.home() / ".cache") / "rtgraph"
    path = folder / f"{source.stem}-{key.hexdigest()}.so"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / path.name
        command = [compiler, *FLAGS, "-o", str(made), str(source)]
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
    """Return a description of the processor: its model and its instructions. Compiled code is stored separately for each one."""
    try:
        lines = _CPU_FILE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


@functools.cache
def warn_once(text: str) -> None:
    """Log a warning, but the same text only once per process."""
    logging.getLogger("rtgraph.compiled").warning("%s", text)

"""Optional packages: the error for a missing one names the command that installs it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from rtgraph.msgs.errors import MissingPackage

EXTRAS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ale_py": ("ale-py", "emulators"),
        "av": ("PyAV", "export"),
        "cv2": ("OpenCV", "camera"),
        "foxglove_schemas_protobuf": ("foxglove-schemas-protobuf", "export"),
        "gymnasium": ("Gymnasium", "emulators"),
        "imageio": ("imageio", "mujoco"),
        "matplotlib": ("Matplotlib", "plots"),
        "mcap_protobuf": ("mcap-protobuf-support", "export"),
        "mujoco": ("MuJoCo", "twin"),
        "PIL": ("Pillow", "plots"),
        "pyarrow": ("PyArrow", "export"),
        "pygame": ("pygame-ce", "play"),
        "rerun": ("rerun-sdk", "rerun"),
        "rosbags": ("rosbags", "rosbag2"),
        "safetensors": ("safetensors", "learn"),
        "serial": ("pyserial", "servo"),
        "stable_retro": ("stable-retro", "emulators"),
        "tensorboardX": ("tensorboardX", "plots"),
        "torch": ("torch", "learn"),
    }
)
"""The package that a module belongs to, and the extra of rtgraph that installs the package, by top-level module."""


def missing_package(error: ModuleNotFoundError, user: str | None = None) -> MissingPackage | None:
    """Return the error for a missing package that an extra of rtgraph installs; None if no extra installs it.

    Args:
        error: the failed import.
        user: what needs the package; the error's text begins with this name.
    """
    top = (error.name or "").partition(".")[0]
    return _error(top, user) if top in EXTRAS else None


def _error(top: str, user: str | None = None) -> MissingPackage:
    package, extra = EXTRAS[top]
    problem = (
        f"{package} is not installed" if user is None else f"{user} needs {package}, which is not installed"
    )
    return MissingPackage(problem, hint=f"pip install 'rtgraph[{extra}]'")


def must_be_installed(module: str) -> None:
    """Check that a module's package is installed, without importing it.

    Raises:
        MissingPackage: the package belongs to an extra, and is not installed.
    """
    top = module.partition(".")[0]
    if top in EXTRAS and importlib.util.find_spec(top) is None:
        raise _error(top)


@contextmanager
def needed_by(user: str) -> Iterator[None]:
    """Turn the failed import of an optional package into an error with the install command.

    Raises:
        MissingPackage: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = missing_package(error, user)
        if missing is None:
            raise
        raise missing from error

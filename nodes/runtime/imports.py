"""Where the modules of one's own are found: in the current folder and beside the graph file, after all that is installed.

Last, so that a file which happens to be named as an installed module is in nobody's way. What is looked in here is
passed on to every process of a launch.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from rtgraph.msgs.errors import NodeError

_folders: list[str] = []


def look_in(*folders: Path) -> None:
    """Find modules in these folders from now on. One that does not exist (any more) holds none."""
    for folder in folders:
        try:
            path = str(folder.resolve(strict=True))
        except OSError:
            continue
        if path not in sys.path:
            sys.path.append(path)
        if path not in _folders:
            _folders.append(path)
            # A module may have been looked for in vain before its file was there.
            importlib.invalidate_caches()


def looked_in() -> tuple[str, ...]:
    """Return the folders that modules are found in because ``look_in`` was told so."""
    return tuple(_folders)


def module_of(name: str) -> ModuleType:
    """Import a module.

    Raises:
        NodeError: it, or something that it imports, is not there.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        own = error.name is not None and f"{name}.".startswith(f"{error.name}.")
        hint = "put it beside the graph file, or set PYTHONPATH" if own else f"{name} imports it: install it"
        raise NodeError(f"module {name!r} cannot be imported: {error}", hint=hint) from error
    except ImportError as error:
        raise NodeError(f"module {name!r} cannot be imported: {error}") from error


def class_at(path: str) -> type:
    """Import a class, whatever it is, by its path ``package.module:Class``.

    Raises:
        NodeError: there is no such module or class, or importing it fails.
    """
    module_name, _, class_name = path.partition(":")
    if not module_name or not class_name:
        raise NodeError(f"{path!r} is not a class path", hint="write package.module:Class")
    try:
        found = getattr(module_of(module_name), class_name, None)
    except NodeError:
        raise
    except Exception as error:  # whatever a module raises while it is imported
        raise NodeError(f"importing {module_name!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise NodeError(f"module {module_name!r} has no class {class_name!r}")
    return found

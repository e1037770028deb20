"""Where modules are found: the user's modules in the files of the launch, all other modules in Python's usual places.

A module beside a graph file is *pinned*: an import of its name gets that file, in every process of a launch. Cached bytecode
of a pinned module is ignored, so that each process runs the current source. Folders added by ``look_in`` are searched after
all installed packages, so that a file in such a folder does not shadow an installed module of the same name.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType, TracebackType

from pydantic import ValidationError

from rtgraph.msgs import Message
from rtgraph.msgs.errors import NodeError, RtgraphError
from rtgraph.msgs.typed.extras import missing_package
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.msgs.wire.schemas import retire
from rtgraph.nodes.runtime.classes.sources import digest, local_module, normalised

_PACKAGE = Path(__file__).parents[3]
_NOT_THE_USERS = (
    *(f"{_PACKAGE / room}{os.sep}" for room in ("msgs", "nodes", "graphs", "launch")),
    f"{Path(os.__file__).parent}{os.sep}",
    "<frozen",
)
"""Prefixes of the file names of rtgraph's and Python's own code. All other code outside ``site-packages`` is the user's."""
_folders: list[str] = []
_pinned: dict[str, Path] = {}
_loaded: dict[str, tuple[Path, str]] = {}
"""Modules that were imported from pinned files, by name: the file, and the digest of its source at the time of the import."""


class _Source(importlib.machinery.SourceFileLoader):
    """Compiles the source of a module, and ignores cached bytecode."""

    def path_stats(self, path: str) -> Mapping[str, int]:
        raise OSError


class _Finder(MetaPathFinder):
    """Finds the modules that ``pin`` and ``also_pin`` have bound to a file or folder."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        module = _pinned.get(fullname.partition(".")[0])
        if module is None:
            return None
        if path is None:
            return _spec(fullname, module)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Source(fullname, spec.loader.path)
        return spec


_finder = _Finder()


def _spec(name: str, module: Path) -> importlib.machinery.ModuleSpec | None:
    _loaded[name] = module, digest(module)
    if module.is_file():
        return importlib.util.spec_from_file_location(name, module, loader=_Source(name, str(module)))
    init = module / "__init__.py"
    if init.is_file():
        return importlib.util.spec_from_file_location(
            name, init, loader=_Source(name, str(init)), submodule_search_locations=[str(module)]
        )
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(module)]
    return spec


def look_in(*folders: Path) -> None:
    """Search for modules in these folders, too, from now on. A folder that does not exist is ignored."""
    for folder in folders:
        try:
            path = str(folder.resolve(strict=True))
        except OSError:
            continue
        if path not in sys.path:
            sys.path.append(path)
        if path not in _folders:
            _folders.append(path)
            # A module may have been searched for before its file existed.
            importlib.invalidate_caches()


def looked_in() -> tuple[str, ...]:
    """Return the folders added by ``look_in``."""
    return tuple(_folders)


def pin(modules: Mapping[str, Path]) -> None:
    """Make imports of these top-level modules use these files, or folders of packages. Earlier pins are removed."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _pinned.clear()
    for name, module in modules.items():
        also_pin(name, module)


def also_pin(name: str, module: Path) -> None:
    """Make imports of one more top-level module use this file, or this folder of a package."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _pinned[name] = module.resolve()
    _forget_another(name)


def pinned() -> dict[str, str]:
    """Return where each pinned module is imported from, by its name: a file, or the folder of a package."""
    return {name: str(module) for name, module in _pinned.items()}


def installed_at(name: str, own: Iterable[Path]) -> str | None:
    """Return where Python finds a module's top-level package, as text for errors; None if nowhere.

    Folders in ``own`` are not searched.
    """
    first = name.partition(".")[0]
    if first in sys.builtin_module_names:
        return "a part of Python"
    folders = {folder.resolve() for folder in own}
    path = [entry for entry in sys.path if Path(entry or ".").resolve() not in folders]
    for finder in sys.meta_path:
        if finder is _finder:
            continue
        within = path if finder is importlib.machinery.PathFinder else None
        spec = finder.find_spec(first, within, None)
        if spec is not None and spec.loader is not None:
            return spec.origin or first
    return None


def module_of(name: str) -> ModuleType:
    """Import a module by its full name.

    Raises:
        RtgraphError: the module's code raised it.
        NodeError: the module or one of its imports is missing, or its code raised any other exception.
    """
    name = normalised(name)
    _forget_another(name.partition(".")[0])
    try:
        return importlib.import_module(name)
    except RtgraphError:
        raise
    except ModuleNotFoundError as error:
        missing = missing_package(error)
        if missing is not None:
            raise NodeError(
                f"module {name!r} cannot be imported: {missing.problem}", hint=missing.hint
            ) from error
        own = error.name is not None and f"{name}.".startswith(f"{error.name}.")
        hint = _where_to_put(name) if own else f"{name} imports it: install it"
        raise NodeError(f"module {name!r} cannot be imported: {error}", hint=hint) from error
    except ImportError as error:
        raise NodeError(f"module {name!r} cannot be imported: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a module raises while it is imported
        first = (str(error).splitlines() or [""])[0]
        problem = (
            in_one_line(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {first}"
        )
        raise NodeError(f"importing {name!r} failed: {raised_at(error)}{problem}") from error


def file_of(module: ModuleType) -> str:
    """Return the path of a module's file, or ``NAME, a part of Python`` if it has no file, for errors."""
    return str(getattr(module, "__file__", None) or f"{module.__name__}, a part of Python")


def passed_over(module: ModuleType) -> str | None:
    """Return a hint for errors if a folder of ``look_in`` has a file for the module, but another file was imported; else None."""
    for folder in _folders:
        local = local_module(module.__name__, Path(folder))
        if local is not None and not file_of(module).startswith(str(local.resolve())):
            return f"{local} has the same name and was not imported: rename it"
    return None


def class_at(path: str) -> type:
    """Import any class by its path ``package.module:Class``.

    Raises:
        NodeError: the module or class does not exist, or the import fails.
    """
    module_name, _, class_name = path.partition(":")
    if not module_name or not class_name:
        raise NodeError(f"{path!r} is not a class path", hint="write package.module:Class")
    module = module_of(module_name)
    found = getattr(module, normalised(class_name), None)
    if not isinstance(found, type):
        raise NodeError(
            f"module {module_name!r} has no class {class_name!r} ({file_of(module)})",
            hint=passed_over(module),
        )
    return found


def _forget_another(name: str) -> None:
    """Unload a module if its file is not the pinned one, or has changed since the import."""
    module = _pinned.get(name)
    was = _loaded.get(name)
    if name not in sys.modules or (was is None and module is None):
        return
    if was is not None and module is not None and was == (module, digest(module)):
        return
    if was is None and module is not None and _is_at(sys.modules[name], module):
        return
    for other in [other for other in sys.modules if f"{other}.".startswith(f"{name}.")]:
        for value in vars(sys.modules.pop(other)).values():
            if isinstance(value, type) and issubclass(value, Message) and value.__module__ == other:
                retire(value)
    _loaded.pop(name, None)
    importlib.invalidate_caches()


def _is_at(module: ModuleType, place: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() in (place, place / "__init__.py")


def _where_to_put(name: str) -> str:
    names = {path.stem for folder in _folders for path in Path(folder).glob("[!_.]*.py")}
    close = difflib.get_close_matches(name.partition(".")[0], names, n=1)
    way = "put it beside the graph file, or set PYTHONPATH"
    return f"did you mean {close[0]!r}? Else {way}" if close else way


def raised_at(error: BaseException) -> str:
    """Return the place in the user's code, ``file.py:line: ``, that raised an error; empty if other code raised it."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}: "
    found = ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(_NOT_THE_USERS) and "site-packages" not in file:
            found = f"{Path(file).name}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return found

"""Extensions: installed packages add nodes, verbs, exporters and more to rtgraph, by entry points.

The entry points are read without importing the packages. ``importlib.metadata`` is not used: it takes 45 ms,
a third of ``rtgraph --help``; this module takes about 2 ms. Only packages with a folder ``*.dist-info`` are found,
which is how pip installs packages.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Container, Iterator
from typing import NamedTuple

ALGORITHMS = "rtgraph.algorithms"
"""The entry point group of algorithms: each entry is a name, and a subclass of ``AlgorithmParams``."""
OWN = "rtgraph"
"""The name of the distribution that contains rtgraph itself."""
STAGGER = "rtgraph.stagger"
"""The entry point group of stagger methods: each entry is a name, and a subclass of ``StaggerMethod``."""
IN_PARAMS = (ALGORITHMS, STAGGER)
"""The groups of entry points that the parameters of a node may refer to by name."""
_SUFFIX = ".dist-info"


class Extension(NamedTuple):
    """One entry point of an installed package."""

    group: str
    name: str
    target: str
    """What the entry point names: ``package.module``, or ``package.module:attribute``."""
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}"

    def load(self) -> object:
        """Import the object that the entry point names.

        Raises:
            ExtensionError: the import fails, for whatever reason, or the module lacks the attribute.
        """
        module, _, attributes = self.target.partition(":")
        try:
            found: object = importlib.import_module(module)
            for attribute in attributes.split(".") if attributes else ():
                found = getattr(found, attribute)
        except (Exception, SystemExit) as error:
            raise self.error(_in_one_line(error)) from error
        return found

    def folder(self) -> str | None:
        """Return the folder of the entry point's package, without importing the package; None if there is no folder."""
        import importlib.util  # noqa: PLC0415 - rarely needed

        first, *rest = self.target.split(".")
        try:
            spec = importlib.util.find_spec(first)
        except (ImportError, ValueError):
            return None
        for location in (spec.submodule_search_locations or ()) if spec else ():
            if os.path.isdir(folder := os.path.join(location, *rest)):
                return folder
        return None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the package's code in a ``with`` block. An error of the code becomes one error that names the package.

        Raises:
            ExtensionError: the code raised any exception but an ``RtgraphError`` or an ``OSError``.
        """
        from rtgraph.msgs.errors import RtgraphError  # noqa: PLC0415 - importing msgs takes a while

        try:
            yield
        except (RtgraphError, OSError):
            raise
        except Exception as error:
            raise self.error(_in_one_line(error)) from error

    def error(self, problem: str) -> Exception:
        """Return an ``ExtensionError`` that says which entry point cannot be used, and why."""
        from rtgraph.msgs.errors import ExtensionError  # noqa: PLC0415 - importing msgs takes a while

        return ExtensionError(
            f"entry point {self.name!r} ({self.group}) of {self.origin} cannot be used: {self.target}: {problem}",
            hint=f"repair or uninstall {self.distribution}",
        )


def ignore(extension: Extension, why: str, part: str = "") -> None:
    """Log once that an entry point, or a part of it, is ignored."""
    _warn(f"{(part or extension.name)!r} ({extension.group}) of {extension.origin} is ignored: {why}")


def extensions(group: str, ours: Container[str] = ()) -> dict[str, Extension]:
    """Return the entry points of a group, by name.

    rtgraph's own names take precedence. A name that two other distributions use is left out. Each entry point that is
    ignored is logged once.

    Args:
        group: the group, such as ``rtgraph.stagger``.
        ours: names that rtgraph has without entry points.
    """
    found: dict[str, Extension] = {}
    clashing = set()
    for extension in _installed(tuple(sys.path)).get(group, ()):
        name = extension.name
        first = found.setdefault(name, extension)
        if name in ours or (first is not extension and first.distribution == OWN):
            ignore(extension, "rtgraph has one of that name")
        elif first is not extension:
            clashing.add(name)
            _warn(
                f"{name!r} ({group}) is ignored: {first.origin} and {extension.origin} both provide it",
                "uninstall one",
            )
    return {name: one for name, one in found.items() if name not in clashing and name not in ours}


def targets_in(params: object) -> Iterator[str]:
    """Yield the targets of the entry points that a node's parameters name, also in nested values."""
    if isinstance(params, str):
        for group in IN_PARAMS:
            if params in (found := extensions(group)):
                yield found[params].target
    elif isinstance(params, dict | list | tuple):
        for inner in params.values() if isinstance(params, dict) else params:
            yield from targets_in(inner)


@functools.cache
def _installed(path: tuple[str, ...]) -> dict[str, list[Extension]]:
    """Return the entry points of each group, rtgraph's first, then those of other packages sorted by distribution name."""
    found: list[Extension] = []
    seen = set()
    for folder in path:
        for info in _folders(folder):
            distribution, _, version = info.removesuffix(_SUFFIX).partition("-")
            if distribution.lower() not in seen:  # the first on the path is the one that is imported
                seen.add(distribution.lower())
                text = _text(os.path.join(folder, info, "entry_points.txt"))
                found += _entries(text, distribution, version) if f"[{OWN}." in text else ()
    found.sort(key=lambda one: (one.distribution != OWN, one.distribution))
    groups: dict[str, list[Extension]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    return groups


def _folders(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder or ".") if name.endswith(_SUFFIX))
    except OSError:  # not a folder
        return []


def _text(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as opened:
            return opened.read()
    except (OSError, ValueError):  # most distributions have no entry points
        return ""


def _entries(text: str, distribution: str, version: str) -> Iterator[Extension]:
    """Yield the entry points of rtgraph's groups in the text of an ``entry_points.txt``."""
    group = ""
    for written in text.splitlines():
        line = written.strip()
        if line.startswith("["):
            group = line.strip("[]").strip()
        elif line and not line.startswith(("#", ";")) and group.startswith(f"{OWN}."):
            name, equals, target = (part.strip() for part in line.partition("="))
            if equals and name and target:
                yield Extension(group, name, target, distribution, version)
            else:
                _warn(
                    f"{line!r} ({group}) of {distribution} {version} is ignored: the line is not name = target"
                )


def _in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@functools.cache
def _warn(problem: str, hint: str = "") -> None:
    import logging  # noqa: PLC0415 - rarely needed

    logging.getLogger("rtgraph.extensions").warning("%s", f"{problem}. hint: {hint}" if hint else problem)

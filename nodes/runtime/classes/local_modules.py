"""The user's modules that the nodes of a launch need.

The plan (the resolved launch file) records their paths and digests, so that a later run can find the same source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rtgraph.msgs import Record
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.classes import imports
from rtgraph.nodes.runtime.classes.sources import digest

FILE = "modules.json"
"""The file with the paths of a launch's modules, in the output folder of the launch. Recordings do not contain this file."""
_known: dict[tuple[str, str], Path] = {}
"""The path at which this process found a module, by the module's name and digest."""


class LocalModule(Record):
    """A module that a graph file or the command line names: its path, and the digest of its source."""

    file: str
    """The path of the file, or of the folder of a package, relative to the launch file's folder or the current folder."""
    beside: Literal["launch file", "current folder"] = "launch file"
    digest: str
    """The digest of the source: of the file, or of all Python files in the package."""


@dataclass
class Located:
    """The paths of modules that were found on this host, and the problems with missing or changed modules. Both are by module name."""

    paths: dict[str, Path] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def remember(name: str, module: LocalModule, path: Path) -> None:
    """Record the path at which this process found a module."""
    _known[name, module.digest] = path.resolve()


def locate(modules: Mapping[str, LocalModule], recorded_in: Path | None = None) -> Located:
    """Find the modules of a plan that was made on another host or earlier.

    Return the paths of the modules that are found, and a problem for each module that is missing or has changed.

    The search covers the paths known to this process, the paths stored in the session folder, the session folder
    itself, and the current folder.

    Args:
        modules: the modules of the plan.
        recorded_in: the folder of the session or the recording with the plan.
    """
    found = Located()
    for name, module in modules.items():
        there = [path for path in _places(name, module, recorded_in) if path.exists()]
        same = [path for path in there if digest(path) == module.digest]
        shown = Path(module.file).name
        if same:
            remember(name, module, same[0])
        elif there:
            found.problems[name] = (
                f"{shown} is not the file that the recorded launch used ({there[0]} has other content)"
            )
        else:
            found.problems[name] = f"{shown}, which the recorded launch used, is not found"
        if same or there:
            found.paths[name] = (same or there)[0].resolve()
    return found


def use(modules: Mapping[str, LocalModule], recorded_in: Path | None = None) -> None:
    """Make imports of the plan's modules use the right files on this host, from now on.

    Raises:
        NodeError: a module is missing or has changed.
    """
    located = locate(modules, recorded_in)
    for missing_or_changed in located.problems.values():
        raise NodeError(
            missing_or_changed,
            hint="put the original file or package beside the recording, or into the current folder",
        )
    imports.pin(located.paths)


def paths_as_json(modules: Mapping[str, LocalModule]) -> str:
    """Return the known paths of the modules by name, as the JSON text of ``FILE``."""
    known = {name: _known.get((name, module.digest)) for name, module in modules.items()}
    return json.dumps({name: str(path) for name, path in known.items() if path}, indent=2) + "\n"


def _places(name: str, module: LocalModule, recorded_in: Path | None) -> Iterator[Path]:
    if (name, module.digest) in _known:
        yield _known[name, module.digest]
    folders = [Path()] if recorded_in is None else [recorded_in, Path()]
    if recorded_in is not None:
        kept = _kept(recorded_in)
        if name in kept:
            yield Path(kept[name])
    for folder in folders:
        yield folder / module.file
        yield folder / Path(module.file).name


def _kept(folder: Path) -> dict[str, str]:
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(path) for name, path in kept.items()} if isinstance(kept, dict) else {}

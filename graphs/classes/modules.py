"""The user's Python modules that graph files name. A module is searched first in the folder of the file that names it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtgraph.graphs.reading.expand import PlacedNode, Scope
from rtgraph.graphs.reading.positions import Place
from rtgraph.nodes.runtime.classes import imports
from rtgraph.nodes.runtime.classes.class_paths import class_paths, modules_of_class
from rtgraph.nodes.runtime.classes.local_modules import LocalModule, remember
from rtgraph.nodes.runtime.classes.sources import digest, imported_names, local_module

HINT = "rename one of the files, or put each into a package of another name"


@dataclass(frozen=True)
class ModuleClaim:
    """The file or package from which a plan (the resolved launch file) imports one module of the user."""

    path: Path
    digest: str
    by: str
    """Where the module is named, for errors: a graph file with the line, such as ``graph.yaml:3``, or a Python file."""


class LocalModules:
    """The user's modules that the nodes of a plan import. All nodes may share one process, so a name must mean one file.

    Args:
        main: folder of the launched file.
        shipped: folders of the files shipped with rtgraph. User modules are not searched there.
    """

    def __init__(self, main: Path, shipped: Iterable[Path]) -> None:
        self._main = main
        self._shipped = {folder.resolve() for folder in shipped}
        self._claims: dict[str, ModuleClaim] = {}
        imports.pin({})

    def plan(self) -> dict[str, LocalModule]:
        """Return the user's modules by top-level name, for storage in the plan."""
        found = {}
        for name, claim in sorted(self._claims.items()):
            path, here = claim.path.absolute(), Path().absolute()
            beside_file = path.parent != here or self._main.absolute() == here
            base = self._main.absolute() if beside_file else here
            module = LocalModule(
                file=Path(os.path.relpath(path, base)).as_posix(),
                beside="launch file" if beside_file else "current folder",
                digest=claim.digest,
            )
            remember(name, module, claim.path)
            found[name] = module
        return found

    def claim_class(self, node: PlacedNode) -> None:
        """Find the user's modules that a node's class needs, and add them to the plan's modules.

        Raises:
            GraphError: two files have the same module name.
        """
        self._claim_all(node.entry.node_class, node.class_place, node.scope)

    def claim_params(self, node: PlacedNode, params: object) -> None:
        """Find the user's modules for class paths in a node's params, and add them to the plan's modules.

        Raises:
            GraphError: two files have the same module name.
        """
        for path in class_paths(params):
            self._claim_all(path, node.params.place, node.scope)

    def _claim_all(self, path: str, place: Place, scope: Scope) -> None:
        folders = self._folders(place, scope)
        for module in modules_of_class(path):
            if not module.startswith("rtgraph."):
                self._claim(module, folders, place)

    def _claim(self, name: str, folders: Sequence[Path], place: Place) -> None:
        found = [local for folder in folders if (local := local_module(name, folder)) is not None]
        if not found:
            return
        first = name.partition(".")[0]
        file = found[0]
        installed = imports.installed_at(name, [*folders, *map(Path, imports.looked_in())])
        if installed is not None and first not in self._claims and not _is_same(Path(installed), file):
            raise place.error(
                f"module {first!r} is {file} in the graph, but other code imports {installed} under that name",
                hint=f"rename {file.name}, or put it into a package",
            )
        self._check_link(place, name, file)
        self._take(first, file, str(place), place)

    def _check_link(self, place: Place, name: str, file: Path) -> None:
        """If the graph file is a symbolic link, check that the folder of the linked file holds no different module of this name.

        Raises:
            GraphError: there is a different module, so it is unclear which one the graph means.
        """
        source = Path(place.document.file)
        target = local_module(name, source.resolve().parent) if source.is_symlink() else None
        if target is not None and not _is_same(target, file) and digest(target) != digest(file):
            raise place.error(
                f"module {name!r} could be either of two files: {file}, in the folder of the link {source}, "
                f"or {target}, in the folder of the linked file",
                hint="remove one of them",
            )

    def _take(self, name: str, file: Path, by: str, place: Place) -> None:
        held = self._claims.get(name)
        if held is not None:
            if not _is_same(held.path, file) and held.digest != digest(file):
                raise place.error(
                    f"module {name!r} is two different files: {held.by} uses {held.path}, and {by} uses {file}",
                    hint=HINT,
                )
            return
        self._claims[name] = ModuleClaim(file, digest(file), by)
        imports.also_pin(name, file)
        own = [file.parent, *map(Path, imports.looked_in())]
        for imported in imported_names(file):
            first = imported.partition(".")[0]
            beside = local_module(imported, file.parent)
            if beside is None or first == name or _is_same(beside, file):
                continue
            if first in self._claims or imports.installed_at(first, own) is None:
                self._take(first, beside, f"{file}", place)

    def _folders(self, place: Place, scope: Scope) -> list[Path]:
        """Return the folders to search for a module, in order.

        First comes the folder of the file that names the module. Then come the folders of the including files, and the working
        directory. If a file is a symbolic link, the folder of the link's target comes directly after the folder of the link.
        Folders of files shipped with rtgraph are left out.
        """
        files = [place.document.file]
        outer: Scope | None = scope
        while outer is not None:
            files.append(outer.document.file)
            outer = outer.outer
        found: list[Path] = []
        for file in map(Path, files):
            if file.is_file():
                found += [file.parent, *([file.resolve().parent] if file.is_symlink() else [])]
            else:  # named on the command line
                found.append(Path())
        unique: dict[Path, Path] = {}
        for folder in (*found, Path()):
            unique.setdefault(folder.resolve(), folder)
        return [folder for resolved, folder in unique.items() if resolved not in self._shipped]


def _is_same(one: Path, other: Path) -> bool:
    files = [path / "__init__.py" if path.is_dir() else path for path in (one.resolve(), other.resolve())]
    return files[0] == files[1]

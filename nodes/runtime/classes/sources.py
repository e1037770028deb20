"""The source files of modules beside graph files: paths, digests and imports."""

from __future__ import annotations

import ast
import hashlib
import unicodedata
from collections.abc import Iterator
from pathlib import Path


def normalised(name: str) -> str:
    """Return a name in Unicode's normal form NFKC, as Python normalises identifiers."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def local_module(name: str, folder: Path) -> Path | None:
    """Return the path of a top-level module in a folder: a file, or the folder of a package; None if neither exists.

    ``name`` may be the full name of a module in a package, such as ``a.b``. Then the top-level module is ``a``. A folder ``a`` without
    ``__init__.py`` counts as a package only if it contains the module ``b``.
    """
    first, _, rest = name.partition(".")
    for spelt in dict.fromkeys(
        (first, unicodedata.normalize("NFC", first), unicodedata.normalize("NFD", first))
    ):
        package, file = folder / spelt, folder / f"{spelt}.py"
        inner = package.joinpath(*rest.split(".")) if rest else None
        try:
            if (package / "__init__.py").is_file():
                return package
            if file.is_file():
                return file
            if inner and (inner.with_name(f"{inner.name}.py").is_file() or (inner / "__init__.py").is_file()):
                return package
        except (OSError, ValueError):  # too long, or not a path at all
            return None
    return None


def digest(module: Path) -> str:
    """Return a digest of the source of a module: of the file, or of all Python files in the package."""
    found = hashlib.blake2b(digest_size=8)
    for file in source_files(module):
        found.update(b"" if file == module else file.relative_to(module).as_posix().encode() + b"\0")
        found.update(file.read_bytes() + b"\0")
    return found.hexdigest()


def source_files(module: Path) -> list[Path]:
    """Return the Python files of a module, in the same order on every host."""
    if module.is_file():
        return [module]
    return sorted(file for file in module.rglob("*.py") if file.is_file())


def imported_names(module: Path) -> Iterator[str]:
    """Yield the full names of the modules that a module imports, and of what it imports from them, such as ``package.Class``.

    Relative imports and files that cannot be parsed are skipped.
    """
    for file in source_files(module):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):  # reported when it is imported
            continue
        for item in ast.walk(tree):
            if isinstance(item, ast.Import):
                yield from (alias.name for alias in item.names)
            elif isinstance(item, ast.ImportFrom) and not item.level and item.module:
                yield item.module
                yield from (f"{item.module}.{alias.name}" for alias in item.names)

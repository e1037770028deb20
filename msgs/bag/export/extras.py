"""Optional dependencies: an error names the missing one and the command that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rtgraph.msgs.errors import BagError


@contextmanager
def optional(target: str, extra: str) -> Iterator[None]:
    """Turn a failed import into an error with the install command.

    Raises:
        BagError: a dependency is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise BagError(
            f"exporting to {target} needs {error.name}, which is not installed",
            hint=f"pip install 'rtgraph[{extra}]'",
        ) from error

"""The rules for names of nodes, topics and arguments, as patterns and in words."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import StringConstraints

_NAME = "[a-z][a-z0-9_]*"

NAME = rf"^{_NAME}$"
PATH = rf"^{_NAME}(/{_NAME})*$"
INSTANCE = rf"^{_NAME}(/{_NAME})*(/[0-9]+)?$"
TOPIC = rf"^/?{_NAME}(/{_NAME})*$"
_IDENTIFIER = r"[^\W\d]\w*"
_CLASS = rf"{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}"
CLASS = rf"^{_CLASS}(\[{_CLASS}\])?$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""Name of a node, an argument or weights: lower-case letters, digits and underscores."""
PathName = Annotated[str, StringConstraints(pattern=PATH)]
"""Names joined by slashes: a namespace, or a node's name with its namespace."""
InstanceName = Annotated[str, StringConstraints(pattern=INSTANCE)]
"""A node's name with its namespace, or the name of one of its replicas."""
Topic = Annotated[str, StringConstraints(pattern=TOPIC)]
"""Name of a topic: names joined by slashes; absolute if it begins with a slash."""
ClassPath = Annotated[str, StringConstraints(pattern=CLASS)]
"""Path of a class, ``package.module:Class``."""

MEANINGS = {
    NAME: "a name: lower-case letters, digits and _, a letter first",
    PATH: "names with / between them: lower-case letters, digits and _, a letter first",
    INSTANCE: "a node: names with / between them, lower-case letters, digits and _, a letter first",
    TOPIC: "a topic: names with / between them, lower-case letters, digits and _, a letter first",
    CLASS: "a class path: package.module:Class",
}


def joined(namespace: str, name: str) -> str:
    """Return the full name of a node, topic or weights in a namespace."""
    return f"{namespace}/{name}" if namespace else name


def unmatched(patterns: Iterable[str], names: Collection[str]) -> str | None:
    """Return the first pattern that matches no name; None if every pattern matches a name, or if there are no names."""
    for pattern in patterns if names else ():
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            return pattern
    return None

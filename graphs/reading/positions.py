"""A YAML reader that keeps line numbers, so that errors name the line.

The dialect is the core schema of YAML 1.2: ``on``, ``no`` and ``12:30`` are text, and ``1e-3`` is a number. Anchors,
aliases and merge keys work. Tags that construct objects and duplicate keys are errors.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.text import number, whole_number

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Path: TypeAlias = tuple[str | int, ...]

MOST_DOCUMENTS = 64
"""Maximum number of parsed files that are cached. A launch may read the same file several times, and parsing is slow."""
MOST_VALUES = 100_000
"""Maximum number of values in one file, with aliases expanded."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"


@dataclass(frozen=True)
class Document:
    """The content of a YAML file, and the line number of each part. Content that is not from a file has no line numbers.

    Do not change the content: documents are cached, and so shared.
    """

    file: str
    value: dict[str, Value]
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int | None:
        """Return the line number of a part. If it is unknown, return the line number of the closest enclosing part."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)

    @property
    def top(self) -> Place:
        """The place of the whole document."""
        return Place(self, ())


@dataclass(frozen=True)
class Place:
    """A position in a YAML file (file, line and key) that an error points at."""

    document: Document
    path: Path

    def __truediv__(self, part: str | int) -> Place:
        return Place(self.document, (*self.path, part))

    @property
    def line(self) -> int | None:
        """Line number, counted from 1; None if it is unknown."""
        return self.document.line(self.path)

    def __str__(self) -> str:
        return f"{self.document.file}:{self.line}"

    def error(self, problem: str, *, hint: str | None = None) -> GraphError:
        """Return an error that points at this place."""
        key = ".".join(map(str, self.path)) or None
        return GraphError(problem, file=self.document.file, line=self.line, key=key, hint=hint)


@functools.lru_cache(MOST_DOCUMENTS)
def parse(text: str, file: str) -> Document:
    """Parse a YAML file that holds a mapping.

    Args:
        text: content of the file.
        file: file name for errors.

    Raises:
        GraphError: the text is empty, is not YAML or not a mapping, has a duplicate key, uses an unsupported tag, or holds too
            many values.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise GraphError(
                "is empty", file=file, line=1, hint="a graph file has nodes, a launch file has graphs"
            )
        reader = _Reader(file)
        value = reader.value(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise GraphError(
            f"is not YAML: {error.problem}", file=file, line=mark.line + 1 if mark else 1
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise GraphError(f"is not YAML: {error.reason}", file=file, line=line) from error
    except RecursionError as error:
        raise GraphError("is nested too deeply", file=file, line=1) from error
    except (ValueError, OverflowError) as error:
        raise GraphError(f"is not YAML: {error}", file=file, line=1) from error
    if not isinstance(value, dict):
        raise GraphError(f"holds {kind(value)}, not a mapping", file=file, line=root.start_mark.line + 1)
    return Document(file, value, reader.lines)


def kind(value: object) -> str:
    """Return a readable name for the type of a YAML value, for errors."""
    kinds = {
        type(None): "nothing",
        bool: "a truth value",
        int: "a whole number",
        float: "a number",
        str: "text",
    }
    return kinds.get(type(value), "a mapping" if isinstance(value, Mapping) else "a list")


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars by the core schema of YAML 1.2, plus the merge key."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own protocol


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)


class _Reader:
    """Turns YAML nodes into values and records their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self._read = 0

    def value(self, node: yaml.Node, path: Path) -> Value:
        """Return the value of a YAML node, and record its lines."""
        self._count(node)
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        tag = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.SequenceNode) and tag == "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode) and tag == "map":
            return self._mapping(node, path)
        raise self._error(f"the tag {node.tag!r} is not supported", node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Value:
        found: dict[str, Value] = {}
        own: dict[str, int] = {}
        for key_node, value_node, merged in self._pairs(node, path):
            key = self._key(key_node, path)
            line = key_node.start_mark.line + 1
            if merged and key in found:
                continue
            if key in own:
                raise self._error(f"is given twice, first in line {own[key]}", key_node, (*path, key))
            own[key] = line
            self.lines[*path, key] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        merges: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merges.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
            else:
                yield key, value, False
        for merge in merges:
            self._count(merge)
            if not isinstance(merge, yaml.MappingNode):
                raise self._error("<< can merge only mappings", merge, path)
            for key, value, _ in self._pairs(merge, path):
                yield key, value, True

    def _key(self, node: yaml.Node, path: Path) -> str:
        key = self._scalar(node, path) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            scalar = isinstance(node, yaml.ScalarNode)
            shown = node.value if scalar else "a list or mapping"
            raise self._error(
                f"a key must be text, not {shown}", node, path, hint="quote it" if scalar else None
            )
        return key

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Value:
        text: str = node.value
        try:
            text.encode()
            value = _converted(node.tag, text)
        except (ValueError, OverflowError) as error:
            raise self._error(f"cannot be read: {error}", node, path) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(
                f"{text} is not a finite number",
                node,
                path,
                hint="write a finite number, or leave the key out if there is no bound",
            )
        return value

    def _count(self, node: yaml.Node) -> None:
        self._read += 1
        if self._read > MOST_VALUES:
            raise GraphError(
                f"the file holds more than {MOST_VALUES:,} values up to here",
                file=self.file,
                line=node.start_mark.line + 1,
                hint="put long lists into a file that the node reads",
            )

    def _error(self, problem: str, node: yaml.Node, path: Path, *, hint: str | None = None) -> GraphError:
        key = ".".join(map(str, path)) or None
        return GraphError(problem, file=self.file, line=node.start_mark.line + 1, key=key, hint=hint)


def _converted(tag: str, text: str) -> Value:
    match tag.removeprefix(_TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return whole_number(str(int(text, 0)) if text[:2] in ("0o", "0x") else text)
        case "float":
            return float(text.replace(".", "")) if text.lower().endswith(("inf", "nan")) else number(text)
        case _:
            raise ValueError(f"the tag {tag!r} is not supported")

"""Command-line arguments of all verbs that take a launch file: ``FILE [name=value ...]``, and options that override the file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtgraph.launch.console.typed import decimal, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtgraph.graphs import Plan
    from rtgraph.graphs.load import PlanPreview

FOLDERS = (Path(__file__).parent / "files",)
"""Folders in which rtgraph's own launch files are found by name."""
GROUP = "rtgraph.launch"
"""Entry point group of other packages. The value of an entry is a package with launch files (``*.yaml``).

The name of the entry is not used.
"""


def add_file(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add ``FILE [name=value ...]`` and the options that override the file."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?" if optional else None,
        help="a launch or graph file, or the name of a shipped one",
    )
    parser.add_argument(
        "arguments",
        metavar="name=value",
        nargs="*",
        type=_argument,
        default=[],
        help="an argument of the file; NODE.PARAM=value: a parameter of a node that --replace names",
    )
    group = parser.add_argument_group("overrides of the file")
    group.add_argument(
        "--world",
        choices=("realtime", "virtual"),
        help="realtime: real processes; virtual: virtual time in one process",
    )
    group.add_argument("--seed", type=whole, metavar="N", help="the seed of all random numbers")
    group.add_argument("--ticks", type=whole, metavar="N", help="end after N ticks of the plant")
    group.add_argument("--duration", type=decimal, metavar="S", help="end after S seconds")
    group.add_argument(
        "--replace",
        action="append",
        default=[],
        metavar="NODE=CLASS",
        help="replace a node's class with package.module:Class; with --replay, NODE alone replaces the node with the recording",
    )
    group.add_argument(
        "--replay",
        metavar="FILE",
        help="the recording that plays in place of the nodes of --replace",
    )
    group.add_argument("--record", action="store_true", help="record the session")
    group.add_argument(
        "--recorder",
        action="append",
        default=[],
        type=_argument,
        metavar="KEY=VALUE",
        help="parameters of the recorder: topics=a,b  exclude=c  keep_s=60  split_mib=500  journal=false ...",
    )
    group.add_argument(
        "--no-record", action="store_true", help="do not record, not even in the virtual world"
    )


def load(
    args: argparse.Namespace,
    *,
    record: bool | dict[str, Any] | None = None,
    effective: bool = True,
    on_preview: Callable[[PlanPreview], None] | None = None,
) -> Plan:
    """Return the plan (the resolved launch file) that the command line asks for.

    Args:
        args: the command line.
        record: replaces the recording options of the command line.
        effective: raise an error for an argument that has no effect because of the other arguments.
        on_preview: called with a preview of the plan before the node classes are imported.

    Raises:
        GraphError: the file or its arguments are wrong, or an argument is given twice.
    """
    from rtgraph.graphs import load_launch  # noqa: PLC0415 - so that --help is instant

    replacements = _replacements(args)
    arguments = _without_params(_unique(args.arguments), replacements)
    return load_launch(
        args.file,
        arguments,
        world=args.world,
        seed=args.seed,
        ticks=args.ticks,
        duration_s=args.duration,
        replace=replacements,
        record=recording(args) if record is None else record,
        folders=launch_folders(),
        # An argument of a replaced node legitimately has no effect.
        effective=effective and not replacements,
        on_preview=on_preview,
    )


def launch_folders() -> tuple[Path, ...]:
    """Return the folders in which launch files are found by name: rtgraph's, then those of installed packages.

    A package's launch file is ignored if rtgraph or an earlier package has a launch file with the same name. An entry point
    that names no folder is ignored, too. Both are logged as warnings.
    """
    from rtgraph.nodes.extensions import extensions, ignore  # noqa: PLC0415 - so that --help is instant

    folders = [*FOLDERS]
    names = {file.stem: "rtgraph" for folder in FOLDERS for file in folder.glob("*.yaml")}
    for extension in extensions(GROUP).values():
        folder = extension.folder()
        if folder is None:
            ignore(extension, f"there is no package {extension.target}")
            continue
        folders.append(Path(folder))
        for file in sorted(Path(folder).glob("*.yaml")):
            first = names.setdefault(file.stem, extension.origin)
            if first != extension.origin:
                ignore(extension, f"{first} has a launch file {file.stem!r} too, which is used", file.name)
    return tuple(folders)


def _replacements(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the replacements of nodes that the command line asks for, a dict by the name of the node.

    A replacement is another node class, or a player, which publishes the node's recorded messages.
    """
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant

    found: dict[str, dict[str, Any]] = {}
    played: list[str] = []
    for text in args.replace:
        node, equals, node_class = text.partition("=")
        if node in found or node in played:
            raise GraphError(f"--replace {node} is given twice")
        if equals and node and node_class:
            found[node] = {"class": node_class}
        elif args.replay is None:
            raise GraphError(
                f"--replace {text!r} is not NODE=CLASS",
                hint="give the class, or add --replay RECORDING to replace the node by its recorded messages",
            )
        else:
            played.append(node)
    if args.replay is not None:
        from rtgraph.graphs.resolving.recording import stand_ins  # noqa: PLC0415

        if not played:
            raise GraphError(
                "--replay needs --replace NODE, without =CLASS",
                hint="name the nodes that the recording replaces: --replace plant",
            )
        found |= stand_ins(args.replay, played)
    return found


def _without_params(arguments: dict[str, str], replacements: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Move each ``NODE.PARAM=value`` of a replaced node to its replacement. Return the other arguments.

    Raises:
        GraphError: two arguments set the same param.
    """
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.typed.text import Typed  # noqa: PLC0415

    others = {}
    for name, value in arguments.items():
        node, _, path = name.partition(".")
        if not path or node not in replacements:
            others[name] = value
            continue
        *groups, last = path.split(".")
        params: dict[str, Any] = replacements[node].setdefault("params", {})
        for group in groups:
            params = params.setdefault(group, {})
            if not isinstance(params, dict):
                break
        if not isinstance(params, dict) or last in params:
            raise GraphError(
                f"{name!r} and another argument set the same param",
                file="command line",
                hint="set the param as a whole, or set its fields, not both",
            )
        params[last] = Typed(value)
    return others


def recording(args: argparse.Namespace) -> bool | dict[str, Any] | None:
    """Return whether to record, or the recorder's parameters; None if the command line has no option about recording.

    Raises:
        GraphError: two options contradict each other.
    """
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant

    if args.no_record:
        if args.record or args.recorder:
            raise GraphError("--no-record contradicts --record and --recorder", file="command line")
        return False
    from rtgraph.msgs.typed.text import Typed  # noqa: PLC0415

    settings = {key: Typed(value) for key, value in _unique(args.recorder).items()}
    return settings or (True if args.record else None)


def folder(text: str) -> Path:
    """Parse the name of a folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name is not a folder")
    from rtgraph.msgs.typed.text import readable  # noqa: PLC0415 - so that --help is instant

    try:
        return Path(readable(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"the name of a folder should be UTF-8: {error}") from error


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name, value


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant

    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise GraphError(f"the argument {name!r} is given twice", file="command line")
        found[name] = value
    return found

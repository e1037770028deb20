"""What verbs that take a launch file have in common: ``FILE [name=value ...]`` and overrides."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtgraph.graphs import Plan

FOLDERS = (Path(__file__).parent,)
"""Where launch files are found by their name."""


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add ``FILE [name=value ...]`` and the overrides of what the file says."""
    parser.add_argument(
        "file", metavar="FILE", help="a launch or graph file, or the name of one that comes with rtgraph"
    )
    parser.add_argument(
        "arguments",
        metavar="name=value",
        nargs="*",
        type=_argument,
        default=[],
        help="an argument of the file",
    )
    group = parser.add_argument_group("in place of what the file says")
    group.add_argument(
        "--world", choices=("realtime", "virtual"), help="real processes, or virtual time in one"
    )
    group.add_argument("--seed", type=int, metavar="N", help="the seed of everything random")
    group.add_argument("--ticks", type=int, metavar="N", help="end after so many ticks of the plant")
    group.add_argument("--duration", type=float, metavar="S", help="end after so many seconds")
    group.add_argument(
        "--replace",
        action="append",
        type=_argument,
        default=[],
        metavar="NODE=CLASS",
        help="put another class (package.module:Class) in the place of a node",
    )


def load(args: argparse.Namespace) -> Plan:
    """Return the plan that the command line asks for.

    Raises:
        GraphError: the file or its arguments are wrong, or an argument is given twice.
    """
    from rtgraph.graphs import load_launch  # noqa: PLC0415 - so that --help is instant

    return load_launch(
        args.file,
        _unique(args.arguments),
        world=args.world,
        seed=args.seed,
        ticks=args.ticks,
        duration_s=args.duration,
        replace={node: {"class": node_class} for node, node_class in _unique(args.replace).items()},
        folders=FOLDERS,
    )


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
            raise GraphError(f"{name!r} is given twice", file="command line")
        found[name] = value
    return found

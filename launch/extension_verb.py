"""Runs a verb (subcommand of ``rtgraph``) that an installed package adds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from rtgraph.launch.console.parsing import Parser
from rtgraph.nodes.extensions import Extension
from rtgraph.nodes.runtime.classes.imports import look_in


@runtime_checkable
class Verb(Protocol):
    """The functions that the module of a verb (subcommand) must have."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments, a description and an example."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Run the verb, and return the exit code."""
        ...


def run_extension_verb(extension: Extension, arguments: Sequence[str]) -> int:
    """Run the verb that an entry point names, and return the exit code.

    Raises:
        ExtensionError: the module cannot be imported, has no ``configure`` or no ``run``, or raises an exception
            other than an ``RtgraphError`` or an ``OSError``.
    """
    verb = extension.load()
    lacks = [name for name in ("configure", "run") if not callable(getattr(verb, name, None))]
    if lacks or not isinstance(verb, Verb):
        raise extension.error(
            f"the module of a verb needs functions configure and run; this one lacks {', '.join(lacks)}"
        )
    with extension.running():
        parser = Parser(prog=f"rtgraph {extension.name}", description=f"A verb of {extension.origin}.")
        verb.configure(parser)
        parsed = parser.parse_args(arguments)
        look_in(Path())
        return verb.run(parsed)

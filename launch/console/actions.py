"""Verbs (subcommands) with several actions, such as ``rtgraph bag info``: each action is a module in the verb's package."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping


def add_actions(parser: argparse.ArgumentParser, package: str, actions: Mapping[str, str]) -> None:
    """Add the actions of a verb to its parser.

    After parsing, ``args.perform`` is the function ``run`` in the module of the chosen action.

    Args:
        parser: the verb's parser.
        package: the package with a module for each action. A dash in an action's name is an underscore in its module's name.
        actions: a dict with the summary of each action, by the action's name.
    """
    added = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in actions.items():
        module = importlib.import_module(f"{package}.{name.replace('-', '_')}")
        action = added.add_parser(
            name,
            help=summary,
            description=(module.__doc__ or "").partition(": ")[2].strip(),
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(action)
        action.set_defaults(perform=module.run)


def perform(args: argparse.Namespace) -> int:
    """Run the chosen action, and return the exit code."""
    code: int = args.perform(args)
    return code

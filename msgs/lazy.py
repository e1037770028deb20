"""Packages that import their modules late: when one of a module's names is first used. So a command imports only what it needs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping

SHIPPED = ("inference", "learning", "plant", "session", "system")
"""The modules of ``rtgraph.msgs`` with the messages that nodes publish."""


def import_shipped() -> None:
    """Import all of rtgraph's message classes that nodes publish, so that each class can be looked up by name."""
    for module in SHIPPED:
        importlib.import_module(f"rtgraph.msgs.{module}")


def on_use(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a package. It imports a module when one of the module's names is first used.

    Args:
        package: name of the package.
        modules: for each module, named relative to the package, the names that it defines, separated by spaces.
    """
    homes = {name: f"{package}.{module}" for module, names in modules.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return find

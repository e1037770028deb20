"""The export targets of rtgraph and of installed packages."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from rtgraph.msgs.bag.export.targets import TARGETS, Target
from rtgraph.nodes.extensions import Extension, extensions

GROUP = "rtgraph.exporters"
"""Entry point group of other packages: each entry is the name of a target and its ``Target``."""


@dataclass(frozen=True, slots=True)
class ExporterChoice:
    """An export target, and the extension that provides it; ``extension`` is None for rtgraph's own targets."""

    target: Target
    extension: Extension | None = None

    def running(self) -> contextlib.AbstractContextManager[None]:
        """Turn exceptions of another package's exporter into one error that names the package."""
        return contextlib.nullcontext() if self.extension is None else self.extension.running()


def described_targets() -> dict[str, str]:
    """Return the description of each export target (file format) by name. Imports no target."""
    others = {name: f"from {one.origin}" for name, one in extensions(GROUP, TARGETS).items()}
    return {name: target.what for name, target in TARGETS.items()} | others


def described_options() -> list[tuple[str, str, str]]:
    """Return each option of rtgraph's own export targets, as (target, option, description)."""
    return [(target.name, key, what) for target in TARGETS.values() for key, what in target.options.items()]


def chosen(name: str) -> ExporterChoice:
    """Return the export target with this name, one of ``described_targets``.

    Raises:
        ExtensionError: another package provides the target, and it cannot be imported, is no ``Target`` or has no ``function``.
    """
    if name in TARGETS:
        return ExporterChoice(TARGETS[name])
    extension = extensions(GROUP, TARGETS)[name]
    target = extension.load()
    if not isinstance(target, Target):
        raise extension.error(
            f"expected an rtgraph.msgs.bag.export.Target, found an object of type {type(target).__name__}"
        )
    if target.function is None:
        raise extension.error("this export target lacks its exporter: set the field `function` of the Target")
    return ExporterChoice(target, extension)

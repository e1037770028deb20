"""The export targets (file formats) of rtgraph and of installed packages."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from rtgraph.msgs.bag.export.targets import TARGETS, Target
from rtgraph.nodes.extensions import Extension, extensions

GROUP = "rtgraph.exporters"
"""Entry point group of other packages. The name of an entry is the name of an export target; the value is a ``Target``."""


@dataclass(frozen=True, slots=True)
class ExporterChoice:
    """An export target (file format), and the installed package that adds it.

    ``extension`` is None for the targets of rtgraph itself.
    """

    target: Target
    extension: Extension | None = None

    def running(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that turns exceptions of an exporter from another package into one error with the package's name."""
        return contextlib.nullcontext() if self.extension is None else self.extension.running()


def described_targets() -> dict[str, str]:
    """Return the descriptions of all export targets (file formats), a dict by target name. No target is imported."""
    others = {name: f"from {one.origin}" for name, one in extensions(GROUP, TARGETS).items()}
    return {name: target.what for name, target in TARGETS.items()} | others


def described_options() -> list[tuple[str, str, str]]:
    """Return the options of rtgraph's export targets, as tuples (target, option, description)."""
    return [(target.name, key, what) for target in TARGETS.values() for key, what in target.options.items()]


def chosen(name: str) -> ExporterChoice:
    """Return the export target with a name that ``described_targets`` lists.

    Raises:
        ExtensionError: the target of another package cannot be imported, is no ``Target``, or lacks its ``function``.
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

"""All studies, by name: those in the folders ``games`` and ``paper``, and those of other installed packages."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from rtgraph.launch.studies.study import Study
from rtgraph.msgs.errors import ExtensionError, GraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.extensions import extensions

GROUP = "rtgraph.studies"
"""Entry point group in which other packages register studies. An entry has the name of a study, and refers to a ``Study`` object."""
GAMES = ("fig4", "fig5", "fig6", "fig10", "fig14")
"""Studies with a module in the folder ``games``. All other studies of rtgraph have a module in ``paper``."""
STUDIES = (
    "chunking",
    "delay",
    *GAMES,
    "fig7",
    "fig8",
    "regret",
    "stagger_learning",
    "staggering",
    "theory",
    "underprovisioned",
)
"""The names of the studies in rtgraph. A study is the object ``STUDY`` in the module of the same name, in ``games`` or ``paper``."""


def study_names() -> tuple[str, ...]:
    """Return the names of all studies: first those of rtgraph, then those of other installed packages."""
    return (*STUDIES, *extensions(GROUP, STUDIES))


def study_named(name: str) -> Study:
    """Import and return a study.

    Raises:
        GraphError: there is no such study.
        ExtensionError: another package registers the study, and its entry cannot be imported or is not a study of this name.
    """
    if name in STUDIES:
        room = "games" if name in GAMES else "paper"
        found: Any = importlib.import_module(f"rtgraph.launch.studies.{room}.{name}").STUDY
        study: Study = found
        return study
    others = extensions(GROUP, STUDIES)
    if name not in others:
        raise GraphError(f"unknown study {name!r}", file="command line", hint=nearest(name, study_names()))
    loaded = others[name].load()
    if not isinstance(loaded, Study):
        raise others[name].error(f"it is not a Study, but of type {type(loaded).__name__}")
    if loaded.name != name:
        raise others[name].error(
            f"the study's own name is {loaded.name!r}, but the entry point names it {name!r}"
        )
    return loaded


def usable_studies() -> list[Study]:
    """Return all studies: first those of rtgraph, then those of other packages. A study that cannot be imported is logged and left out."""
    found = []
    for name in study_names():
        try:
            found.append(study_named(name))
        except ExtensionError as error:
            logging.getLogger(GROUP).warning("%s", error)
    return found

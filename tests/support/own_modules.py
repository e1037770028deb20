"""Removes modules beside graph files from a process after each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtgraph.nodes.runtime.classes import imports, local_modules

CLASS = """
from rtgraph.msgs import Message, Observation
from rtgraph.nodes import Input, Node, Output, Params, latest
{head}

class {name}Seen(Message):
    value: float


class {name}(Node[Params]):
    observation = Input(Observation, latest, optional=True)
    seen = Output({name}Seen)

    def on_observation(self, message) -> None:
        self.seen.publish({name}Seen(value={value}), of=message)
"""


@pytest.fixture(autouse=True)
def forgotten_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(imports, "_folders", [])
    monkeypatch.setattr(local_modules, "_known", {})
    before = set(sys.modules)
    yield
    imports.pin({})
    for name in list(imports._loaded):
        imports._forget_another(name)
    for name in set(sys.modules) - before:
        if name.startswith("beside_"):
            del sys.modules[name]


def write_class(file: Path, value: float = 1.0, *, name: str = "Beside", head: str = "") -> Path:
    """Write a module with a node class that publishes a value for each observation."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CLASS.format(name=name, value=value, head=head), encoding="utf-8")
    return file


def write_graph(file: Path, node_class: str, *, node: str = "watcher", includes: str = "") -> Path:
    """Write a graph with one node of a class."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{includes}\nnodes:\n  {node}: {{class: '{node_class}'}}\n", encoding="utf-8")
    return file


def interpreter(file: Path, drivers: Path) -> Path:
    """Write an interpreter that finds modules which this interpreter does not find."""
    file.write_text(f'#!/bin/sh\nPYTHONPATH={drivers} exec {sys.executable} "$@"\n')
    file.chmod(0o755)
    return file

"""The node classes that `rtgraph node list` shows are those of `rtgraph.nodes`: each has a line in pyproject.toml."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtgraph import nodes
from rtgraph.launch import catalog
from rtgraph.launch.catalog import node_classes
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes import Node

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())


def subclasses(base: type) -> Iterator[type]:
    for derived in base.__subclasses__():
        yield derived
        yield from subclasses(derived)


def test_every_node_class_has_a_line() -> None:
    for module in pkgutil.walk_packages(nodes.__path__, "rtgraph.nodes."):
        importlib.import_module(module.name)
    here = {
        derived
        for derived in subclasses(Node)
        if derived.__module__.startswith("rtgraph.nodes.")
        and not derived.__name__.startswith("_")
        and not getattr(derived, "__parameters__", ())
        and "[" not in derived.__name__
    }
    listed = {}
    for name, path in PROJECT["project"]["entry-points"]["rtgraph.nodes"].items():
        module_name, _, class_name = path.partition(":")
        assert name == class_name
        listed[getattr(importlib.import_module(module_name), class_name)] = path
    assert set(listed) == here
    # If this fails, install rtgraph again: `make` does.
    installed = {item.path for item in node_classes() if item.origin.startswith("rtgraph ")}
    assert installed == set(listed.values())


def test_an_installation_without_the_list_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "extensions", lambda group: {})
    with pytest.raises(LaunchError, match=r"lacks its list of node classes \(entry points\). hint: install"):
        node_classes()

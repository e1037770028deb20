"""Reads from a recording which graph was recorded: the nodes, the user's modules, and the message classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import TypeAdapter

from rtgraph.msgs import Message, message_types
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import BagError, NodeError
from rtgraph.msgs.wire.versions import RecordedVersion
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.classes.imports import also_pin, look_in, pinned
from rtgraph.nodes.runtime.classes.local_modules import LocalModule, locate

_MODULES = TypeAdapter(dict[str, LocalModule])
_WAY = "put it beside the recording or into the current folder, as it was"


def recorded_types(bag: Bag) -> dict[str, type[Message]]:
    """Import the node classes of the recorded graph, and return all message classes that are then known, by name.

    Raises:
        BagError: a node class cannot be imported. Or a recorded message class is unknown, or has another schema than the
            recorded messages. Or two message classes have the same name.
    """
    problems = use_recorded_modules(bag)
    for node in recorded_nodes(bag).values():
        try:
            load_class(node["node"])
        except NodeError as error:
            problem = problems.get(node["node"].partition(":")[0].partition(".")[0], error.problem)
            raise BagError(
                f"{node['node']}, a node class of the recording {bag.path}, cannot be imported: {problem}",
                hint=_WAY,
            ) from error
    try:
        known = message_types()
    except NodeError as error:
        raise BagError(
            f"{bag.path}: {error.problem}", hint="`rtgraph bag export` converts it without the classes"
        ) from error
    for channel in bag.channels:
        message_type = known.get(channel.schema_name)
        if message_type is None or channel.version_of(message_type) is None:
            problem = (
                "is not known here"
                if message_type is None
                else "has another schema here than in the recording"
            )
            raise BagError(
                f"the message class {channel.schema_name} of topic {channel.topic} {problem}{_other_files(problems)}",
                hint="leave the topic out with --exclude, or use the version of the code that recorded it",
            )
    return known


def recorded_versions(bag: Bag) -> dict[str, RecordedVersion]:
    """Return the recorded version of each message class, by class name. Versions that today's class cannot read are left out."""
    known = message_types()
    found: dict[str, RecordedVersion] = {}
    for channel in bag.channels:
        message_type = known.get(channel.schema_name)
        version = None if message_type is None else channel.version_of(message_type)
        if version is not None:
            found[channel.schema_name] = version
    return found


def use_recorded_modules(bag: Bag) -> dict[str, str]:
    """Search this machine for the user's modules that the recorded graph needs, so that imports find these modules.

    Returns:
        The problems by module name: the module is missing, or differs from the recorded module.
    """
    modules = yaml.safe_load(bag.plan_yaml or "{}").get("modules", {})
    folder = bag.path if bag.path.is_dir() else bag.path.parent
    look_in(folder)
    located = locate(_MODULES.validate_python(modules), folder)
    for name, path in located.paths.items():
        if name not in pinned():
            also_pin(name, path)
    return located.problems


def _other_files(problems: Mapping[str, str]) -> str:
    return f": {next(iter(problems.values()))}" if problems else ""


def recorded_nodes(bag: Bag) -> dict[str, dict[str, Any]]:
    """Return the nodes of the plan in a recording, by name; empty if the recording holds no plan.

    Raises:
        BagError: the plan is not a list of nodes with names and classes.
    """
    try:
        plan = yaml.safe_load(bag.plan_yaml or "{}")
        nodes = {str(node["name"]): dict(node) for node in plan.get("nodes", ())}
        classes = [node["node"] for node in nodes.values()]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
        classes = [None]
    if not all(isinstance(name, str) for name in classes):
        raise BagError(
            f"the plan (resolved launch file) in the recording {bag.path} is damaged",
            hint="take another recording of the same launch",
        )
    return nodes

"""Turns launch and graph files into a plan, i.e. a launch file with everything resolved. Starts nothing.

The steps: read the files, resolve arguments, expand includes, replace nodes, resolve classes and params, connect edges.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.graphs.agreement import check_agreement
from rtgraph.graphs.classes.modules import LocalModules
from rtgraph.graphs.plan import Plan
from rtgraph.graphs.reading.arguments import ArgumentEntry
from rtgraph.graphs.reading.expand import (
    Library,
    Parts,
    PlacedNode,
    PlacedWeights,
    Scope,
)
from rtgraph.graphs.reading.files import SHIPPED, declared_arguments, find, read
from rtgraph.graphs.reading.launch import Launch, read_launch
from rtgraph.graphs.reading.model import Settings
from rtgraph.graphs.reading.positions import Document, Place
from rtgraph.graphs.reading.substitute import substitute
from rtgraph.graphs.reading.validation import validated
from rtgraph.graphs.resolving.latencies import with_own_latency
from rtgraph.graphs.resolving.messages import check_messages
from rtgraph.graphs.resolving.placement import check_placements
from rtgraph.graphs.resolving.played import check_played, players
from rtgraph.graphs.resolving.recording import with_recorder
from rtgraph.graphs.resolving.replace import check_replacements, replaced
from rtgraph.graphs.resolving.resolve import Resolver
from rtgraph.graphs.resolving.transport import check_delays, check_faults
from rtgraph.graphs.resolving.wire import Wiring, check_include_remaps, instances
from rtgraph.msgs.typed.text import Typed
from rtgraph.nodes.runtime.classes.imports import look_in
from rtgraph.nodes.runtime.wiring import NodePlan

MOST_LETTERS = 200
"""Maximum length of a node's full name. File names contain this name, and may have at most 255 bytes."""
_COMMAND_LINE = Document("command line", {}, {}).top
"""The place that errors name for values given on the command line."""


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What is known of a plan before the node classes are imported. The plan may still be invalid."""

    world: str
    node_classes: tuple[str, ...]
    """Class paths of the nodes. Nodes that run in another Python interpreter are left out."""
    weights: bool
    """Whether the plan has network weights that nodes share."""


def load_launch(
    name: str | Path,
    arguments: Mapping[str, str] | None = None,
    *,
    world: str | None = None,
    seed: int | None = None,
    ticks: int | None = None,
    duration_s: float | None = None,
    replace: Mapping[str, Mapping[str, Any]] | None = None,
    record: bool | Mapping[str, Any] | None = None,
    folders: Sequence[Path] = (),
    graph_folders: Sequence[Path] = (SHIPPED,),
    environment: Mapping[str, str] | None = None,
    effective: bool = False,
    on_preview: Callable[[PlanPreview], None] | None = None,
) -> Plan:
    """Return the plan of a launch file, or of a graph file launched by itself.

    Afterwards Python can import modules from the folder of each file that was read, unless this folder is one of ``folders`` or
    ``graph_folders``.

    >>> load_launch("demo.yaml", {"workers": "6"}, world="virtual", seed=3)  # doctest: +SKIP

    Args:
        name: a path, or the name of a shipped launch or graph file.
        arguments: values of the file's arguments, as text, by name.
        world: ``realtime`` or ``virtual`` time. This argument and ``seed``, ``ticks``, ``duration_s``, ``record`` and
            ``replace`` override the file.
        seed: seed of all random streams.
        ticks: number of plant ticks to run.
        duration_s: duration of the run in seconds.
        replace: replacements of a node's ``class`` and ``params``, by the node's full name.
        folders: folders in which launch files are found by name.
        graph_folders: folders in which graphs are found by name.
        record: whether to record; or a mapping of the recorder's parameters and ``journal``, which says whether nodes keep a
            journal of what they consume. By default only runs in virtual time are recorded.
        environment: environment variables that files may refer to; by default those of the process.
        effective: whether an argument without effect is an error.
        on_preview: called when the files are read, before the import of nodes, which takes most of the time.

    Raises:
        GraphError: the files, the arguments or the overrides are wrong. Of several problems the first is reported, in
            this order: files and arguments, nodes in the order of the plan, edges, weights, placements, faults, delays.
    """
    library = Library(graph_folders, os.environ if environment is None else environment, folders)
    shipped = [*folders, *graph_folders]
    given = {"world": world, "seed": seed, "ticks": ticks, "duration_s": duration_s, "replace": replace}
    given = {key: value for key, value in {**given, "record": record}.items() if value is not None}
    overrides = validated(Settings, given, _COMMAND_LINE)
    launch = read_launch(find(name, shipped), arguments or {}, library)
    _check_names(launch.parts)
    look_in(*_own_folders(launch.parts, shipped))

    nodes = _after_replacements(launch, overrides, replace or {})
    settings = launch.scenario.model_copy(
        update={key: getattr(overrides, key) for key in overrides.model_fields_set}
    )
    if on_preview is not None:
        on_preview(_preview(nodes, settings, weights=bool(launch.parts.weights)))
    place = (_COMMAND_LINE if overrides.record is not None else launch.document.top) / "record"
    recorded = _recorded(settings, record, launch.scope, place)
    plan = _resolved(launch, nodes, settings, LocalModules(launch.path.parent, shipped), recorded, place)
    if effective:
        _check_effect(arguments or {}, launch.scope)
    return plan


def _after_replacements(
    launch: Launch, overrides: Settings, replace: Mapping[str, Mapping[str, Any]]
) -> tuple[PlacedNode, ...]:
    """Apply the replacements of nodes in the launch file, then the replacements in ``replace``, and return the nodes."""
    nodes = replaced(
        launch.parts.nodes, launch.scenario.replace, launch.document.top / "replace", launch.scope
    )
    # With the params as the caller gave them: validation loses which texts are ``Typed``.
    own = {
        name: entry.model_copy(update={"params": dict(replace[name].get("params", {}))})
        for name, entry in overrides.replace.items()
    }
    return replaced(nodes, own, _COMMAND_LINE / "replace", launch.scope)


def _resolved(
    launch: Launch,
    nodes: Sequence[PlacedNode],
    settings: Settings,
    modules: LocalModules,
    recorded: bool | dict[str, Any],
    place: Place,
) -> Plan:
    """Import the node classes, validate the params, check the edges, and return the plan.

    Args:
        launch: the launch file.
        nodes: the nodes of the launch file, after replacements.
        settings: the settings of the launch file, after overrides.
        modules: collects the user's modules that the nodes need.
        recorded: whether to record, or the recorder's parameters.
        place: where the value of ``recorded`` comes from (the launch file or the command line), for errors.
    """
    top, scenario = launch.document.top, launch.scenario
    with Resolver(nodes, launch.parts.weights, modules, realtime=settings.world == "realtime") as resolver:
        wired = _wired(nodes, launch.parts.scopes, resolver, launch.document)
        plans = with_recorder(wired, recorded, place)
        weights = {entry.name: resolver.weights_plan(entry, settings.seed) for entry in launch.parts.weights}
        check_placements(nodes, resolver, weights, settings.world)
        check_played(nodes, wired, resolver)
        plans = with_own_latency(plans)
        played = players(nodes, resolver).keys()
    check_faults(scenario.faults, plans, settings.world, top / "faults", played=played)
    check_delays(scenario.delays, plans, settings.world, top / "delays", played=played)
    measured = resolver.latencies.edges(plans) if settings.world == "virtual" else ()
    return Plan(
        name=launch.path.stem,
        description=launch.description,
        arguments={
            key: str(value) if isinstance(value, Typed) else value for key, value in launch.values.items()
        },
        world=settings.world,
        seed=settings.seed,
        ticks=settings.ticks,
        duration_s=settings.duration_s,
        nodes=plans,
        weights=weights,
        faults=scenario.faults,
        delays=(*scenario.delays, *measured),
        modules=modules.plan(),
        described=resolver.described,
    )


def _preview(nodes: Sequence[PlacedNode], settings: Settings, *, weights: bool) -> PlanPreview:
    """Return what is known of a plan before the node classes are imported."""
    own = (node.entry.node_class for node in nodes if node.entry.python is None)
    return PlanPreview(settings.world, tuple(own), weights=weights)


def arguments_of(
    name: str | Path,
    *,
    folders: Sequence[Path] = (),
    graph_folders: Sequence[Path] = (SHIPPED,),
    environment: Mapping[str, str] | None = None,
) -> dict[str, ArgumentEntry]:
    """Return the arguments that a launch or graph file declares, by name.

    Raises:
        GraphError: there is no such file, it is not valid YAML, or a declaration in it is wrong.
    """
    document = read(find(name, [*folders, *graph_folders]))
    return declared_arguments(document, graph_folders, os.environ if environment is None else environment)


def _recorded(
    settings: Settings, record: bool | Mapping[str, Any] | None, scope: Scope, place: Place
) -> bool | dict[str, Any]:
    """Return whether to record the run, or the parameters of the recorder if the caller or the file gives them."""
    if not isinstance(settings.record, dict):
        return settings.world == "virtual" if settings.record is None else settings.record
    # As written: the validated settings have lost which texts are `Typed`.
    written = record or substitute(scope.document.value["record"], place, scope.references)
    return dict(written) if isinstance(written, Mapping) else settings.record


def _own_folders(parts: Parts, shipped: Sequence[Path]) -> list[Path]:
    """Return the folders of the files that were read, without the folders of files shipped with rtgraph."""
    read_in = dict.fromkeys(Path(scope.document.file).parent for scope in parts.scopes)
    known = {folder.resolve() for folder in shipped}
    return [folder for folder in read_in if folder.resolve() not in known]


def _check_names(parts: Parts) -> None:
    kinds: tuple[tuple[str, tuple[PlacedNode, ...] | tuple[PlacedWeights, ...]], ...] = (
        ("nodes", parts.nodes),
        ("weights", parts.weights),
    )
    for kind, items in kinds:
        seen: dict[str, Place] = {}
        for item in items:
            if item.name in seen:
                raise item.place.error(
                    f"two {kind} are named {item.name!r}: this one, and the one in {seen[item.name]}",
                    hint="give one of the graphs a namespace",
                )
            seen[item.name] = item.place
            longest = max(instances(item), key=len, default="") if isinstance(item, PlacedNode) else item.name
            if len(longest) > MOST_LETTERS:
                raise item.place.error(
                    f"the full name {longest[:20]}... has {len(longest)} letters: at most {MOST_LETTERS} fit into "
                    "the names of files",
                    hint="shorten this name, or its namespaces",
                )


def _wired(
    nodes: Sequence[PlacedNode], scopes: Sequence[Scope], resolver: Resolver, document: Document
) -> tuple[NodePlan, ...]:
    wiring = Wiring(nodes, resolver)
    check_messages(nodes, resolver)
    check_include_remaps(scopes)
    check_replacements(nodes, wiring)
    for node in nodes:
        resolver.params(node)
    wiring.check()
    check_agreement(nodes, wiring, resolver)
    plans = wiring.plans()
    if not plans:
        raise document.top.error(
            "has no nodes to run", hint="add a node or a graph without `if`, or with an `if` that is true"
        )
    return plans


def _check_effect(given: Mapping[str, object], scope: Scope) -> None:
    for name in given:
        if not scope.has_effect(name):
            raise (scope.document.top / "arguments" / name).error(
                "has no effect: with the other arguments as they are, nothing uses it",
                hint=_enabling(scope.needed_for(name)),
            )


def _enabling(missing: list[tuple[str, ...]]) -> str:
    """Return a hint for an argument without effect: the conditions under which the argument has an effect.

    Args:
        missing: for each entry that uses the argument but is switched off, the conditions that are false. The hint names
            the conditions of the entries with the fewest false conditions. If the list is empty, the hint is a general one.
    """
    if not missing:
        return "leave it out, or change the argument that disables it, such as `agent` or `learn`"
    fewest = min(map(len, missing))
    nearest_first = dict.fromkeys(" and ".join(one) for one in missing if len(one) == fewest)
    wanted = " or ".join(f"`{one.replace('${', '').replace('}', '')}`" for one in nearest_first)
    return f"leave it out: it has an effect only with {wanted}"

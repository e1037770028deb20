"""Write the paths of a launch, a tick and an update, and draw which room imports which, into ``docs/architecture.md``.

Run ``python -m tests.architecture`` to draw it, and with ``--check`` to see whether it is current.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
LAYERS = ("rtgraph.launch", "rtgraph.graphs", "rtgraph.nodes", "rtgraph.msgs")
Edges = dict[str, set[str]]

Step = tuple[str, str, str, str]
"""A step of a path: its name, its module, the function in it, and what happens."""

HEAD = """\
# Architecture

Written by `make architecture`: the paths of a launch, a tick and an update through the code, and what each package
imports. What to write where is in [Contributing](../CONTRIBUTING.md#where-to-add). Each step of a path names its
module and, in it, where to start reading."""

LAUNCH = """
## One launch, from the command to its summary

`rtgraph launch FILE` turns files into a plan, then runs the plan as processes, or in virtual time in this process.
"""
LAUNCH_STEPS: tuple[Step, ...] = (
    ("command", "launch/cli.py", "main", "The verb is found, and its module is imported."),
    ("", "launch/verbs/launch.py", "run", "The verb checks, runs and reports the launch."),
    (
        "check",
        "launch/preparing.py",
        "prepared",
        "All checks, before anything is created; `rtgraph check` stops here.",
    ),
    ("plan", "graphs/load.py", "load_launch", "Files become a plan:"),
    (
        "",
        "graphs/reading/expand.py",
        "expand_graph",
        "includes and conditions are expanded to a list of nodes,",
    ),
    ("", "graphs/reading/substitute.py", "substitute", "references such as `${workers}` are replaced,"),
    (
        "",
        "graphs/resolving/resolve.py",
        "Resolver.params",
        "classes are imported, params and specs validated,",
    ),
    ("", "graphs/resolving/wire.py", "Wiring.check", "and ports are connected by topic."),
    (
        "session",
        "launch/session.py",
        "Session.create",
        "The session folder is made; the plan is written into it.",
    ),
    ("run", "launch/run.py", "run", "The plan runs in its world."),
    ("", "launch/world/virtual_run.py", "run_virtual", "Virtual time: all nodes in this process."),
    ("", "launch/process/launcher.py", "Launcher.run", "Real time: one process for each node:"),
    (
        "processes",
        "launch/process/process_starter.py",
        "Starter.start",
        "the fork server is asked for a process,",
    ),
    ("", "nodes/runtime/realtime/fork_server.py", "run_process", "which becomes the node's,"),
    (
        "",
        "nodes/runtime/realtime/process.py",
        "RealtimeNode.run",
        "connects its sockets and prepares its node.",
    ),
    ("barrier", "launch/process/barrier.py", "Barrier.probe", "A probe travels along each edge."),
    ("go", "launch/process/node_supervisor.py", "NodeSupervisor.go", "Time 0: all nodes start."),
    (
        "supervision",
        "launch/process/node_supervisor.py",
        "NodeSupervisor.do_due_work",
        "Dead nodes are restarted.",
    ),
    (
        "stop",
        "launch/process/node_supervisor.py",
        "NodeSupervisor.stop",
        "Plants stop first, recorders last.",
    ),
    ("summary", "launch/report/summary.py", "summarise", "The results of all nodes become `summary.json`."),
    (
        "report",
        "launch/report/final_report.py",
        "print_result",
        "The summary is printed, and the plots are drawn.",
    ),
)

TICK = """
## One tick, from observation to action

A plant ticks at its own rate and waits for nobody. The observation of tick *k* and the decision on it travel as
messages; the decision applies at a later tick.
"""
TICK_STEPS: tuple[Step, ...] = (
    ("plant", "nodes/plant/plant.py", "Plant._show", "The observation of tick *k* is published."),
    (
        "send",
        "nodes/runtime/executor.py",
        "Executor.send",
        "It gets its header: source, sequence, time, lineage.",
    ),
    ("", "nodes/runtime/realtime/bus.py", "Bus.publish", "Real time: it is encoded and sent by ZeroMQ."),
    (
        "",
        "nodes/runtime/virtual/world.py",
        "VirtualWorld.transmit",
        "Virtual time: its delivery becomes an event.",
    ),
    (
        "receive",
        "nodes/runtime/interface/ports.py",
        "BoundInput.put",
        "It waits in the inbox by the port's policy.",
    ),
    ("", "nodes/runtime/executor.py", "Executor.deliver", "A node that is not busy handles it."),
    (
        "coordinator",
        "nodes/inference/coordinator.py",
        "Coordinator.on_observation",
        "`paced`: it claims the observation for a free worker.",
    ),
    (
        "worker",
        "nodes/inference/worker.py",
        "Worker.on_claim",
        "`paced`: the worker takes the claimed observation.",
    ),
    (
        "",
        "nodes/inference/worker.py",
        "Worker.on_observation",
        "Other stagger methods: a free worker takes the newest one.",
    ),
    (
        "",
        "nodes/inference/worker.py",
        "Worker._begin",
        "The policy computes an action; the worker is busy for the latency.",
    ),
    (
        "decision",
        "nodes/inference/worker.py",
        "Worker._register",
        "The decision is published, with the observation's lineage.",
    ),
    (
        "gate",
        "nodes/plant/plant.py",
        "Plant._on_tick",
        "At a later tick the plant takes all decisions that arrived.",
    ),
    ("", "nodes/plant/gate.py", "Gate.choose", "The gate chooses one of them, or none."),
    (
        "action",
        "nodes/plant/plant.py",
        "Plant._step",
        "The environment makes a step with its action, else with that of β.",
    ),
    ("", "nodes/plant/default.py", "DefaultBehaviour.act", "β: what acts when no decision does."),
    ("applied", "nodes/plant/plant.py", "Plant._report", "`Applied` says which decision acted, and its age."),
)

UPDATE = """
In real time `nodes/runtime/realtime/process.py` runs a node (`RealtimeNode._loop`), one in each process; in virtual
time `nodes/runtime/virtual/world.py` runs all nodes, by events (`EventQueue.run`).

## One update, from an applied action to new weights

With `learn=true` a replay memory and a learner run beside the plant and its workers.
"""
UPDATE_STEPS: tuple[Step, ...] = (
    (
        "replay",
        "nodes/replay/replay.py",
        "Replay.on_applied",
        "The replay memory receives what each tick applied.",
    ),
    (
        "transition",
        "nodes/replay/transitions.py",
        "Assembler.applied",
        "A decision that acted ends the transition of the last one.",
    ),
    (
        "store",
        "nodes/replay/storage/buffer.py",
        "ReplayBuffer.add",
        "The transition is stored; each frame is stored once.",
    ),
    ("request", "nodes/learner/batch_client.py", "Batches.begin_requests", "The learner requests a batch,"),
    (
        "limit",
        "nodes/replay/sampling/limiter.py",
        "Limiter.may_sample",
        "which waits until `updates_per_tick` makes it due.",
    ),
    (
        "sample",
        "nodes/replay/storage/buffer.py",
        "ReplayBuffer.draw",
        "Transitions are drawn, uniformly or by priority.",
    ),
    (
        "learner",
        "nodes/learner/learner.py",
        "Learner.on_batch",
        "The learner makes an update from the batch:",
    ),
    (
        "loss",
        "nodes/algorithms/algorithm.py",
        "Algorithm.loss",
        "the algorithm (DQN, C51, SAC, …) computes the loss,",
    ),
    ("update", "nodes/learner/updates/update.py", "Updater.apply", "and the optimiser changes the weights."),
    (
        "",
        "nodes/learner/gradients/round_robin.py",
        "RoundRobin.due",
        "With several learners: their gradients, in turn.",
    ),
    ("publish", "nodes/learner/owner.py", "Owner.publish_weights", "A new version is published,"),
    ("", "nodes/weights/versions.py", "Versions.publish", "in a slot of shared memory that no reader holds."),
    (
        "adopt",
        "nodes/inference/worker.py",
        "Worker.on_weights",
        "Workers use the version from the next inference on.",
    ),
    (
        "checkpoint",
        "nodes/learner/updates/checkpoint.py",
        "Checkpoints.save",
        "Now and then the learner saves a checkpoint.",
    ),
    (
        "curves",
        "nodes/metrics/metrics.py",
        "Metrics._end_period",
        "The metrics node writes the learning curves.",
    ),
)

IMPORTS = """
## Imports

Drawn from the imports themselves; those in functions and for type checking count. An arrow is left out where a
longer way leads to the same place. No arrow goes up and there is no circle: `make check` compares the imports with
the contracts in `pyproject.toml`.
"""


def page() -> str:
    """Return the page: the steps of each path, a picture of the layers, and one of each package of several rooms."""
    graph = grimp.build_graph(*LAYERS, cache_dir=None)
    parts = [
        HEAD,
        LAUNCH + _path(LAUNCH_STEPS),
        TICK + _path(TICK_STEPS),
        UPDATE + _path(UPDATE_STEPS),
        IMPORTS,
        "## Layers\n",
        _table(LAYERS),
        _mermaid(_edges(graph, LAYERS)),
    ]
    for package in sorted(graph.modules):
        children = sorted(graph.find_children(package))
        rooms = [child for child in children if graph.find_children(child)]
        if len(rooms) < 2:
            continue
        parts.append(f"## {package.removeprefix('rtgraph.')}\n")
        parts += [_table(rooms), _mermaid(_edges(graph, children))]
    return "\n".join(parts)


def main() -> int:
    """Draw the page, or check it."""
    drawn = page()
    if "--check" not in sys.argv:
        PAGE.write_text(drawn)
        print(PAGE.relative_to(ROOT))
    elif not PAGE.exists() or PAGE.read_text() != drawn:
        print(f"{PAGE.relative_to(ROOT)} is stale. hint: make architecture", file=sys.stderr)
        return 1
    return 0


def _path(steps: Iterable[Step]) -> str:
    """Return the table of a path's steps."""
    head = "\n| step | module | function | what happens |\n|---|---|---|---|\n"
    return head + "\n".join(map(_step, steps))


def _step(step: Step) -> str:
    """Return a step's row of the table. Raises ``LookupError`` if its function does not exist."""
    name, module, function, happens = step
    found: ast.AST = ast.parse((ROOT / module).read_text())
    for part in function.split("."):
        named = [node for node in ast.iter_child_nodes(found) if getattr(node, "name", None) == part]
        if not named:
            raise LookupError(f"{module} has no {function}: correct the steps in {Path(__file__).name}")
        found = named[0]
    return f"| {name} | `{module}` | `{function}` | {happens} |"


def _edges(graph: grimp.ImportGraph, modules: Iterable[str]) -> Edges:
    """Return which of the modules imports which, those inside them included."""
    inside = {module: {module, *graph.find_descendants(module)} for module in modules}
    owner = {inner: module for module, all_inside in inside.items() for inner in all_inside}
    edges: Edges = {}
    for module, all_inside in inside.items():
        imported = {name for inner in all_inside for name in graph.find_modules_directly_imported_by(inner)}
        edges[module] = {owner[name] for name in imported if name in owner} - {module}
    return edges


def _reduced(edges: Edges) -> Edges:
    """Leave out an import of what another import leads to."""

    def reached(module: str) -> set[str]:
        return edges[module].union(*map(reached, edges[module]))

    return {module: found - set().union(*map(reached, found)) for module, found in edges.items()}


def _mermaid(edges: Edges) -> str:
    arrows = [
        f"    {_name(module)} --> {_name(imported)}"
        for module, found in sorted(_reduced(edges).items())
        for imported in sorted(found)
    ]
    alone = [
        f"    {_name(module)}"
        for module in sorted(edges)
        if not edges[module] and not any(module in found for found in edges.values())
    ]
    return "\n".join(["```mermaid", "flowchart TD", *alone, *arrows, "```", ""])


def _table(packages: Iterable[str]) -> str:
    rows = [f"| {_name(package)} | {_purpose(package)} |" for package in packages]
    return "\n".join(["| room | what lives there |", "|---|---|", *rows, ""])


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def _purpose(package: str) -> str:
    """Return the first sentence of a package's docstring."""
    init = ROOT.joinpath(*package.split(".")[1:], "__init__.py")
    return (ast.get_docstring(ast.parse(init.read_text())) or "").split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())

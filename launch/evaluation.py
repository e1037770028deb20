"""Evaluations: the same graph with a policy that no longer learns nor explores, for a number of episodes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rtgraph.graphs import Plan, load_launch
from rtgraph.graphs.load import arguments_of
from rtgraph.launch.report.confidence import Spread
from rtgraph.msgs.errors import GraphError, LaunchError
from rtgraph.nodes.emulator import Atari
from rtgraph.nodes.inference import Coordinator, Worker
from rtgraph.nodes.monitor.trace import SavedTrace
from rtgraph.nodes.monitor.traces import watched
from rtgraph.nodes.runtime import NodePlan, load_class

BaselineName = Literal["random", "noop"]

MOST_FRAMES = 108_000
"""Half an hour of play, after which evaluations of Atari games are cut short by custom (Machado et al. 2018)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Episodes played: their returns and lengths in ticks, in order."""

    returns: list[float]
    lengths: list[int]

    @property
    def finite(self) -> list[float]:
        """The returns that are finite, of which figures are made."""
        return [value for value in self.returns if math.isfinite(value)]

    @property
    def not_finite(self) -> int:
        """The number of episodes with a return that is not finite."""
        return len(self.returns) - len(self.finite)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values: returns that are not finite as None, and no figures of returns if none is finite."""
        finite = self.finite
        return {
            "episodes": len(self.returns),
            "not_finite": self.not_finite,
            "return": asdict(Spread.of(finite)) if finite else None,
            "length": asdict(Spread.of(self.lengths)),
            "returns": [value if math.isfinite(value) else None for value in self.returns],
            "lengths": self.lengths,
        }


def evaluation_plan(
    file: str,
    given: Mapping[str, str],
    *,
    policy: Path | BaselineName,
    episodes: int,
    world: str | None,
    seed: int | None,
    folders: tuple[Path, ...],
    most_frames: int = MOST_FRAMES,
) -> Plan:
    """Return the plan of an evaluation: nobody learns, nothing is recorded, and it ends after so many episodes.

    Args:
        file: a launch file, or its name.
        given: arguments of it. ``epsilon`` may be given in place of 0.
        policy: a checkpoint, whose weights act greedily; or ``random``, or ``noop``: nobody acts, but for β.
        episodes: how many.
        world: in place of the file's.
        seed: in place of the file's. The plan has another one that is made of it, since the same would have the
            evaluation begin with the first episodes of the training.
        folders: where launch files are found by their name.
        most_frames: after which an episode of an Atari game is truncated, if the file says nothing of it.

    Raises:
        GraphError: the file is wrong, or lacks an argument that an evaluation sets.
    """
    wanted = {"episodes": str(episodes)}
    if isinstance(policy, Path):
        wanted |= {"checkpoint": str(policy), "learn": "false", "epsilon": "0"}
    declared = arguments_of(file, folders=folders)
    missing = [repr(name) for name in wanted if name not in declared]
    if missing:
        raise GraphError(
            f"cannot be evaluated: it has no argument {', '.join(missing)}",
            file=file,
            hint="an evaluation sets checkpoint, learn, epsilon and episodes",
        )
    for name in ("checkpoint", "learn", "episodes"):
        if name in given:
            raise GraphError(f"{name!r} is what an evaluation sets itself", file="command line")
    quiet = {"learn": "false"} if "learn" in declared else {}
    plan = load_launch(
        file, {**quiet, **wanted, **given}, world=world, seed=seed, record=False, folders=folders
    )
    if len(watched(plan.nodes)) != 1:
        raise GraphError("cannot be evaluated: it is not of one plant that is watched", file=file)
    nodes = _without_workers(plan.nodes) if policy == "noop" else _with_policy(plan.nodes, policy)
    nodes = tuple(_cut_short(node, most_frames) for node in nodes)
    weights = plan.weights if isinstance(policy, Path) else {}
    changed = {
        "name": f"{plan.name}-evaluation",
        "seed": _seed_of(plan.seed),
        "nodes": nodes,
        "weights": weights,
    }
    return plan.model_copy(update=changed)


def evaluated(plan: Plan, directory: Path) -> Evaluation:
    """Return what the trace of a session tells of its episodes.

    Raises:
        LaunchError: none ended.
    """
    trace = SavedTrace.load(directory / watched(plan.nodes)[0].file)
    if not trace.episodes["return"].size:
        raise LaunchError("no episode ended", hint=f"see {directory}")
    return Evaluation(trace.episodes["return"].tolist(), trace.episodes["length"].tolist())


def _seed_of(seed: int) -> int:
    """Return the seed of evaluations that are asked for with a seed: every stream of chance is another one."""
    digest = hashlib.blake2b(f"evaluation {seed}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "little")


def _cut_short(node: NodePlan, most_frames: int) -> NodePlan:
    """Truncate episodes of a plant that would let them go on for ever."""
    if not issubclass(load_class(node.node), Atari) or node.params.get("max_frames") is not None:
        return node
    return node.model_copy(update={"params": node.params | {"max_frames": most_frames}})


def _with_policy(nodes: tuple[NodePlan, ...], policy: Path | BaselineName) -> tuple[NodePlan, ...]:
    """Let workers act at random, or as their network says: without noise, and however the launch file explores."""
    found = []
    for node in nodes:
        params = node.params
        if issubclass(load_class(node.node), Worker):
            acts = params.get("policy", {})
            if not isinstance(policy, Path):
                params = params | {"policy": {"kind": "random"}}
            elif acts.get("kind") == "epsilon_greedy":
                steady = {"epsilon_from": None, "epsilon_over": None, "noise": False}
                params = params | {"policy": acts | steady}
        found.append(node.model_copy(update={"params": params}))
    return tuple(found)


def _without_workers(nodes: tuple[NodePlan, ...]) -> tuple[NodePlan, ...]:
    """Leave out whoever decides: the default behaviour then acts on every tick."""
    kept = [node for node in nodes if not issubclass(load_class(node.node), (Worker, Coordinator))]
    names = {node.name for node in kept}
    found = []
    for index, node in enumerate(kept):
        inputs = {
            port: source.model_copy(update={"publishers": tuple(n for n in source.publishers if n in names)})
            for port, source in node.inputs.items()
        }
        found.append(
            node.model_copy(
                update={"index": index, "inputs": {port: i for port, i in inputs.items() if i.publishers}}
            )
        )
    return tuple(found)

"""Evaluations: the graph of a launch file runs for a number of episodes, with a policy that neither learns nor explores.

A plan is a resolved launch file: the nodes with their params and connections.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rtgraph.graphs import Plan, load_launch
from rtgraph.graphs.load import arguments_of
from rtgraph.launch.replanning import without
from rtgraph.launch.scoring.confidence import Spread
from rtgraph.msgs.errors import GraphError, LaunchError
from rtgraph.nodes.emulator import Atari, GameBoy
from rtgraph.nodes.inference import Coordinator, Stage, Worker
from rtgraph.nodes.monitor.columns import SavedTrace
from rtgraph.nodes.monitor.traces import watched
from rtgraph.nodes.runtime import NodePlan, load_class

BaselineName = Literal["random", "noop"]

MOST_FRAMES = 108_000
"""Maximum length, in frames, of an episode of an Atari game: half an hour of play, by convention (Machado et al. 2018)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of an evaluation: the return and the length (in ticks) of each episode, in the order in which they were played."""

    returns: list[float]
    lengths: list[int]

    @property
    def finite(self) -> list[float]:
        """The finite returns, from which the statistics of returns are computed."""
        return [value for value in self.returns if math.isfinite(value)]

    @property
    def not_finite(self) -> int:
        """Number of episodes with a return that is not finite."""
        return len(self.returns) - len(self.finite)

    def as_json(self) -> dict[str, Any]:
        """Return JSON values. Non-finite returns are None. If no return is finite, their statistics are None, too."""
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
    """Return the plan of an evaluation: no learning, no recording, and an end after a number of episodes.

    Args:
        file: a launch file, or its name.
        given: arguments of the file. ``epsilon`` may override the default of 0.
        policy: a checkpoint, which acts greedily; ``random``; or ``noop``, where only the default behaviour β acts.
        episodes: number of episodes.
        world: ``realtime`` or ``virtual``; None for the world that the file sets.
        seed: the seed of the training; None for the seed in the file. The evaluation uses another seed, derived from
            this one. With the same seed, it would repeat the first episodes of the training.
        folders: folders in which launch files are found by name.
        most_frames: maximum length of an Atari or Game Boy episode if the file sets none.

    Raises:
        GraphError: the file is wrong, lacks an argument that an evaluation sets, or has not exactly one plant with a monitor; or
            ``given`` sets ``checkpoint``, ``learn`` or ``episodes``.
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
            raise GraphError(
                f"{name!r} cannot be given: an evaluation sets it",
                file="command line",
                hint=f"leave {name}=… out",
            )
    quiet = {"learn": "false"} if "learn" in declared else {}
    plan = load_launch(
        file, {**quiet, **wanted, **given}, world=world, seed=seed, record=False, folders=folders
    )
    if (monitors := len(watched(plan.nodes))) != 1:
        raise GraphError(
            f"cannot be evaluated: an evaluation needs exactly one plant with a monitor, and this file has {monitors}",
            file=file,
        )
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
    """Return the episodes of an evaluation, read from the trace in its session folder.

    Raises:
        LaunchError: the run ended before its first episode ended.
        MetricsError: the trace cannot be read.
    """
    trace = SavedTrace.load(directory / watched(plan.nodes)[0].file)
    if not trace.episodes["return"].size:
        raise LaunchError(
            "the evaluation ended before its first episode ended", hint=f"see the logs in {directory}"
        )
    return Evaluation(trace.episodes["return"].tolist(), trace.episodes["length"].tolist())


def _seed_of(seed: int) -> int:
    """Return a seed for an evaluation, derived from the seed of the training, so that the two draw different random numbers."""
    digest = hashlib.blake2b(f"evaluation {seed}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "little")


def _cut_short(node: NodePlan, most_frames: int) -> NodePlan:
    """Limit the length of an episode, in frames, for an Atari or Game Boy environment without a limit."""
    if not issubclass(load_class(node.node), Atari | GameBoy) or node.params.get("max_frames") is not None:
        return node
    return node.model_copy(update={"params": node.params | {"max_frames": most_frames}})


def _with_policy(nodes: tuple[NodePlan, ...], policy: Path | BaselineName) -> tuple[NodePlan, ...]:
    """Set how workers and the stages of a pipeline choose actions. Return all nodes, with the changed parameters.

    If ``policy`` is no checkpoint (a path), workers and stages act at random. If ``policy`` is a checkpoint, the policy
    ``epsilon_greedy`` of a node acts without noise and with a constant ε; other policies of nodes are unchanged.
    """
    found = []
    for node in nodes:
        params = node.params
        if issubclass(load_class(node.node), Worker | Stage):
            acts = params.get("policy", {})
            if not isinstance(policy, Path):
                params = params | {"policy": {"kind": "random"}}
            elif acts.get("kind") == "epsilon_greedy":
                steady = {"epsilon_from": None, "epsilon_over": None, "noise": False}
                params = params | {"policy": acts | steady}
        found.append(node.model_copy(update={"params": params}))
    return tuple(found)


def _without_workers(nodes: tuple[NodePlan, ...]) -> tuple[NodePlan, ...]:
    """Remove the nodes that decide on actions, so that the default behaviour acts on every tick.

    These are workers and the stages of a pipeline. Coordinators, which say when workers begin, are removed, too.
    """
    acting = {node.name for node in nodes if issubclass(load_class(node.node), (Worker, Stage, Coordinator))}
    return without(nodes, acting)

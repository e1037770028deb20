"""Runs a launch file in virtual time, and measures how its policy acted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.studies.study import Figures, ReportProgress
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.launch.world.world_checkpoints import plan_digest
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.inference import Coordinator
from rtgraph.nodes.monitor.columns import POLICY, RESET
from rtgraph.nodes.monitor.figures import applied_count
from rtgraph.nodes.monitor.trace import Trace
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import NodePlan, VirtualWorld, load_class
from rtgraph.nodes.runtime.classes.loading import validated_params
from rtgraph.nodes.runtime.clock import period_ns, tick_time_ns
from rtgraph.nodes.runtime.latency import AnyModel, mean_ns


@dataclass(frozen=True, slots=True)
class VirtualRun:
    """Runs a launch file for a number of ticks, and measures the ticks from ``judged_from`` on.

    The results are:

    * ``inaction``: share of ticks on which the default behaviour acted.
    * ``age_mean``, ``age_sd``: age of the observations acted on, in ticks.
    * ``made``: decisions per tick.
    * ``wasted``: share of the decisions that were never applied.
    * ``reward``: mean reward per tick.
    * ``judged``: number of measured ticks.
    """

    launch: str
    arguments: Mapping[str, str]
    ticks: int
    judged_from: int
    seed: int = 0
    latency: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that replace every ``latency`` of the launch file; empty to keep the launch file's."""
    gate: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the gate, which chooses the decision of each tick. They are added to the parameters in the launch file."""
    claim_at_ticks: bool = False
    """Whether workers get new observations only at ticks, so that every inference begins at a tick."""
    alone: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.judged_from < self.ticks:
            raise LaunchError(
                f"judged_from={self.judged_from}, the first measured tick, is not within the {self.ticks} ticks of the run"
            )

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {"plan": plan_digest(self.plan()), "ticks": self.ticks, "judged_from": self.judged_from}

    def plan(self) -> Plan:
        """Return the plan (the resolved launch file) of the run.

        Raises:
            GraphError: the launch file is invalid, or lacks one of ``arguments``.
        """
        plan = virtual_plan(self.launch, self.arguments, self.ticks, self.seed, self.latency)
        return _with_rules(plan, self.gate, claim_at_ticks=self.claim_at_ticks)

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Run the launch file, and return the results."""
        return self._figures(self.trace(report), rate_of(self.plan()))

    def trace(self, report: ReportProgress) -> Trace:
        """Run the launch file, and return the trace, i.e. the recorded ticks and decisions."""
        plan = self.plan()
        end_ns = tick_time_ns(self.ticks, rate_of(plan))
        world = VirtualWorld(
            plan.nodes,
            seed=plan.seed,
            launch_context=launch_context(plan, None),
            faults=plan.faults,
            delays=plan.delays,
        )
        world.run(lambda time_ns: report(time_ns / end_ns))
        trace: Trace = world.node("monitor").trace
        return trace

    def _figures(self, trace: Trace, rate_hz: float) -> Figures:
        figures = trace.figures(rate_hz, ticks_from=self.judged_from)
        ticks = trace.ticks()
        judged = (ticks["tick"] >= self.judged_from) & (ticks["by"] != RESET)
        made_ns = trace.decisions()["stamp_ns"]
        made = int((made_ns > tick_time_ns(self.judged_from - 1, rate_hz)).sum())
        acted = judged & (ticks["by"] == POLICY)
        applied = applied_count({name: column[acted] for name, column in ticks.items()})
        age = figures["age_ticks"]
        return {
            "inaction": figures["inaction"] or 0.0,
            "age_mean": age["mean"] or 0.0,
            "age_sd": age["sd"] or 0.0,
            "made": made / max(1, int(judged.sum())),
            "wasted": max(0.0, 1 - applied / made) if made else 0.0,
            "reward": float(np.mean(ticks["reward"][judged])),
            "judged": int(judged.sum()),
        }


def virtual_plan(
    launch: str, arguments: Mapping[str, str], ticks: int, seed: int, latency: Mapping[str, Any]
) -> Plan:
    """Return the plan (the resolved launch file) of a run in virtual time, without a recording.

    Args:
        launch: the launch file.
        arguments: arguments of the launch file.
        ticks: number of ticks of the run.
        seed: seed of the run.
        latency: parameters that replace every ``latency`` of the launch file, also the latency of updates; empty to keep
            them.

    Raises:
        GraphError: the launch file is invalid, or lacks one of ``arguments``.
    """
    plan = load_launch(
        launch, dict(arguments), world="virtual", record=False, seed=seed, ticks=ticks, folders=FOLDERS
    )
    return with_latency(plan, latency) if latency else plan


def with_latency(plan: Plan, latency: Mapping[str, Any]) -> Plan:
    """Return a plan (a resolved launch file) in which ``latency`` replaces every latency: that of inferences and that of updates."""
    rate_hz = rate_of(plan)
    model: AnyModel = TypeAdapter(AnyModel).validate_python(dict(latency))
    frames = mean_ns((model,), rate_hz) / period_ns(rate_hz)
    changed = {"latency": dict(latency), "inference_frames": frames}
    nodes = tuple(
        node.model_copy(
            update={"params": {name: changed.get(name, value) for name, value in node.params.items()}}
        )
        for node in plan.nodes
    )
    return plan.model_copy(update={"nodes": nodes})


def _with_rules(plan: Plan, gate: Mapping[str, Any], *, claim_at_ticks: bool) -> Plan:
    """Return a plan (a resolved launch file) with ``gate`` added to the parameters of its gates. A gate chooses decisions.

    If ``claim_at_ticks``, coordinators give workers only observations that have just arrived. So inferences begin only at ticks.
    """
    if not gate and not claim_at_ticks:
        return plan

    def changed(node: NodePlan) -> NodePlan:
        params = node.params
        if "gate" in params and gate:
            return node.model_copy(update={"params": params | {"gate": {**params["gate"], **gate}}})
        if claim_at_ticks and issubclass(load_class(node.node), Coordinator):
            return node.model_copy(update={"params": params | {"claim_at_ticks": True}})
        return node

    return plan.model_copy(update={"nodes": tuple(changed(node) for node in plan.nodes)})


def rate_of(plan: Plan) -> float:
    """Return the tick rate of the first environment or robot of a plan (a resolved launch file), in Hz."""
    for node in plan.nodes:
        kind = load_class(node.node)
        if issubclass(kind, Plant):
            return float(kind.spec(validated_params(kind, node.params)).rate_hz)
    raise AssertionError(f"no node of the plan {plan.name} is a plant")

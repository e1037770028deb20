"""Makes a policy from its parameters. Also checks the class of a scripted policy, and the pending actions that a network reads."""

from __future__ import annotations

import numpy as np

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.pending import without_pending
from rtgraph.nodes.inference.policy import (
    EpsilonGreedyParams,
    Policy,
    RandomParams,
    RandomPolicy,
    ScriptedParams,
    ScriptedPolicy,
    script_class,
)
from rtgraph.nodes.runtime.classes.loading import call_problem
from rtgraph.nodes.runtime.interface.context import LaunchContext
from rtgraph.nodes.weights.weights import Weights, weights_named


def make_policy(
    params: RandomParams | EpsilonGreedyParams | ScriptedParams,
    plant: PlantSpec,
    rng: np.random.Generator,
    launch_context: LaunchContext,
) -> Policy:
    """Return a new policy with these parameters.

    Raises:
        NodeError: the class of a scripted policy cannot be imported or called, or the graph has no weights with the name in
            ``params.weights``.
        CheckpointError: a checkpoint of the weights cannot be read, or holds another network.
    """
    if isinstance(params, RandomParams):
        return RandomPolicy(plant, rng)
    if isinstance(params, ScriptedParams):
        return ScriptedPolicy(params)
    weights = weights_named(launch_context.weights, params.weights)
    # Only here, so that a graph of scripted policies needs no torch.
    from rtgraph.nodes.inference.network_policy import EpsilonGreedyPolicy  # noqa: PLC0415

    return EpsilonGreedyPolicy(weights, params, rng)


def must_see(weights: Weights, seen: PlantSpec) -> None:
    """Check that a network reads as many pending actions (decided, not yet applied) as the agent sees.

    Args:
        weights: the weights of the network.
        seen: what the agent sees, as a spec: observations, joined with pending actions if the agent sees any.

    Raises:
        NodeError: the network reads another number of pending actions than the agent sees.
    """
    (_, reads), (_, sees) = (without_pending(spec.observation) for spec in (weights.plan.spec, seen))
    if reads == sees:
        return
    counts = [
        "no pending actions" if spec is None else f"{spec.shape[0]} pending actions" for spec in (reads, sees)
    ]
    raise NodeError(
        f"the network {weights.name!r} reads {counts[0]}, but this agent sees {counts[1]}",
        hint="give the weights and the workers the same delay_aware and chunk; delay_aware=pending and delay_aware=predict are only "
        "for agent=staggered, and chunk is only for agent=staggered and agent=single",
    )


def check_policy(params: RandomParams | EpsilonGreedyParams | ScriptedParams, plant: PlantSpec) -> None:
    """Check the class of a scripted policy without calling it: it can be imported, accepts the parameters, and has a method ``act``.

    Raises:
        NodeError: the class cannot be imported, does not accept the parameters, or has no ``act``.
    """
    if not isinstance(params, ScriptedParams):
        return
    script = script_class(params)
    if problem := call_problem(script, **params.params):
        raise NodeError(
            f"policy {params.policy!r} cannot be made: {problem}",
            hint="the keys of params are the keyword arguments of the class",
        )
    if not callable(getattr(script, "act", None)):
        raise NodeError(
            f"policy {params.policy!r} has no method act",
            hint="define act(self, observation), which returns an action",
        )

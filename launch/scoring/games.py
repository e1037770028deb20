"""Finds, in a resolved launch file, the name of the game and the folders of the learning curves."""

from __future__ import annotations

from rtgraph.graphs import Plan
from rtgraph.nodes.metrics import Metrics
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import load_class


def game_of(plan: Plan) -> str | None:
    """Return the name of the game that a plan (a resolved launch file) plays.

    The name is the param ``game`` of the first environment; None if the environment has no such param.
    """
    games = [node.params.get("game") for node in plan.nodes if issubclass(load_class(node.node), Plant)]
    return games[0] if games and isinstance(games[0], str) else None


def learning_folders(plan: Plan) -> tuple[str, ...]:
    """Return the folders of learning curves, relative to the session folder: one for each metrics node of a launch."""
    default = Metrics.params_type.model_fields["folder"].default
    return tuple(
        str(node.params.get("folder", default))
        for node in plan.nodes
        if issubclass(load_class(node.node), Metrics)
    )

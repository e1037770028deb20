"""What a plan plays, and where what it learned is."""

from __future__ import annotations

from rtgraph.graphs import Plan
from rtgraph.nodes.metrics import Metrics
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import load_class


def game_of(plan: Plan) -> str | None:
    """Return the Atari game that a plan plays, or None where it is none."""
    games = [node.params.get("game") for node in plan.nodes if issubclass(load_class(node.node), Plant)]
    return games[0] if games and isinstance(games[0], str) else None


def learning_folders(plan: Plan) -> tuple[str, ...]:
    """Return the folders of the curves that a plan's nodes keep, in the session folder."""
    default = Metrics.params_type.model_fields["folder"].default
    return tuple(
        str(node.params.get("folder", default))
        for node in plan.nodes
        if issubclass(load_class(node.node), Metrics)
    )

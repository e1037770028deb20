"""Groups sessions to draw them together.

Sessions with the same label form a group. Without a label, sessions with the same launch arguments form a group: seeds,
checkpoints and replay folders may differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.plots.curves import Curve, read_curve
from rtgraph.launch.scoring.games import game_of
from rtgraph.launch.scoring.scores import Line, random_line
from rtgraph.msgs.errors import GraphError

_CHANCE = frozenset({"resume", "checkpoint", "replay_folder"})
"""Launch arguments that say from which files a run begins. Runs that differ only in these arguments belong to one group."""


@dataclass(frozen=True, slots=True)
class SessionGroups:
    """Learning curves of sessions, grouped by label, with the title and the reference lines for a picture of them."""

    groups: dict[str, list[Curve]]
    title: str
    lines: dict[str, Line]


def read_session_groups(sessions: Sequence[str]) -> SessionGroups:
    """Read the learning curves of sessions, and group them by label.

    Each session is given as ``PATH`` or ``LABEL=PATH``, where the path is the session folder or its ``episodes.csv``.

    Raises:
        MetricsError: a session has no curves.
        GraphError: the plan of a session is invalid, or a label or path is empty.
    """
    labelled = [_split(text) for text in sessions]
    plans = [_plan_of(path) for _, path in labelled]
    labels = _labels(plans)
    groups: dict[str, list[Curve]] = {}
    for (label, path), found in zip(labelled, labels, strict=True):
        groups.setdefault(label or found or path.name, []).append(read_curve(path))
    known = [plan for plan in plans if plan is not None]
    games = {game_of(plan) for plan in known}
    lines = random_line(games.pop()) if len(games) == 1 else {}
    return SessionGroups(groups, ", ".join(dict.fromkeys(plan.name for plan in known)), lines)


def _split(text: str) -> tuple[str, Path]:
    label, equals, path = text.partition("=")
    if not equals or Path(text).exists():
        return "", Path(text)
    if not label or not path:
        missing = "path" if label else "label"
        raise GraphError(f"{text!r} is not LABEL=SESSION: the {missing} is empty", file="command line")
    return label, Path(path)


def _plan_of(path: Path) -> Plan | None:
    """Return the plan (the resolved launch file) of a session; None if no ``plan.yaml`` is found.

    ``path`` is the session folder, or a file or folder in it.
    """
    for folder in (path, *path.resolve().parents[:2]):
        if (folder / "plan.yaml").exists():
            return Plan.from_yaml((folder / "plan.yaml").read_text(encoding="utf-8"))
    return None


def _labels(plans: Sequence[Plan | None]) -> list[str]:
    """Return a label for each plan: the values of the launch arguments in which the plans differ. A plan of None gets "".

    A plan is a resolved launch file. Arguments that say from which files a run begins are not compared. If the plans have different
    names, the label begins with the name. If a plan has none of the arguments that differ, its label is the name of the plan.
    """
    known = [_parameters(plan) for plan in plans if plan is not None]
    differing = [
        key
        for key in dict.fromkeys(k for parameters in known for k in parameters)
        if len({_text(t, key) for t in known}) > 1
    ]
    labels = []
    for plan in plans:
        if plan is None:
            labels.append("")
            continue
        parameters = _parameters(plan)
        parts = [_text(parameters, key) for key in differing]
        labels.append(", ".join(part for part in parts if part) or plan.name)
    return labels


def _parameters(plan: Plan) -> Mapping[str, Any]:
    return {"": plan.name} | {name: value for name, value in plan.arguments.items() if name not in _CHANCE}


def _text(parameters: Mapping[str, Any], key: str) -> str:
    if key not in parameters:
        return ""
    return str(parameters[key]) if not key else f"{key}={parameters[key]}"

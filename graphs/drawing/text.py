"""A plan as text: Mermaid, which many Markdown viewers draw, and DOT for Graphviz.

All replicas of a node are one box. An edge shows the topic and the policy of the input: which unread messages the input keeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rtgraph.graphs.plan import Plan
from rtgraph.nodes.runtime.classes.loading import load_class
from rtgraph.nodes.runtime.interface.policy import InputPolicy
from rtgraph.nodes.runtime.wiring import NodePlan

Notes = Mapping[tuple[str, str, str], str]
"""Texts to print on edges. The key is the names of the source box, the target box and the input."""


@dataclass(frozen=True)
class Box:
    """A box of a diagram: one node, or all replicas of a node. ``count`` is the number of replicas; None without replicas."""

    name: str
    node_class: str
    count: int | None = None

    @property
    def title(self) -> str:
        """The name and the number of replicas."""
        return self.name if self.count is None else f"{self.name} \N{MULTIPLICATION SIGN}{self.count}"

    @property
    def subtitle(self) -> str:
        """The class name without its package."""
        return self.node_class.rpartition(":")[2]


@dataclass(frozen=True)
class Arrow:
    """All edges from one box to another, drawn as one arrow. Each edge has a line of text; equal lines are printed once."""

    source: str
    target: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows to draw."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def diagram(plan: Plan, notes: Notes | None = None) -> Diagram:
    """Return the boxes and arrows of a plan.

    Args:
        plan: the plan.
        notes: additional notes on edges.

    Raises:
        NodeError: a node's class cannot be imported, so the policies of its inputs are unknown.
    """
    boxes: dict[str, Box] = {}
    labels: dict[tuple[str, str], dict[str, None]] = {}
    for node in plan.nodes:
        target = _box(node)
        if target.name in boxes:
            continue
        boxes[target.name] = target
        policies = {name: port.policy for name, port in load_class(node.node).input_ports.items()}
        for port, source in node.inputs.items():
            for publisher in dict.fromkeys(map(box_name, source.publishers)):
                edge = labels.setdefault((publisher, target.name), {})
                edge[_label(port, source.topic, policies[port]) + _note(notes, publisher, target, port)] = (
                    None
                )
        for port, taps in node.taps.items():
            for publisher in dict.fromkeys(box_name(tapped.publisher) for tapped in taps):
                text = "everything · lossless" + _note(notes, publisher, target, port)
                labels.setdefault((publisher, target.name), {})[text] = None
    arrows = (Arrow(source, target, tuple(texts)) for (source, target), texts in labels.items())
    return Diagram(plan.name, tuple(boxes.values()), tuple(arrows))


def mermaid(plan: Plan, notes: Notes | None = None) -> str:
    """Return a plan as a Mermaid flowchart."""
    drawn = diagram(plan, notes)
    identifiers = {box.name: f"n{index}" for index, box in enumerate(drawn.boxes)}
    lines = ["flowchart LR"]
    for box in drawn.boxes:
        shape = f"[{_mermaid_text(box.title, box.subtitle)}]"
        lines.append(f"  {identifiers[box.name]}{shape}")
    for arrow in drawn.arrows:
        source, target = identifiers[arrow.source], identifiers[arrow.target]
        lines.append(f"  {source} -->|{_mermaid_text(*arrow.labels)}| {target}")
    return "\n".join(lines) + "\n"


def dot(plan: Plan, notes: Notes | None = None) -> str:
    """Return a plan in the DOT language."""
    drawn = diagram(plan, notes)
    lines = [f"digraph {_quoted(drawn.name)} {{", "  rankdir=LR;", '  node [shape=box, style="rounded"];']
    lines += [f"  {_quoted(box.name)} [label={_quoted(box.title, box.subtitle)}];" for box in drawn.boxes]
    lines += [
        f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)} [label={_quoted(*arrow.labels)}];"
        for arrow in drawn.arrows
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _box(node: NodePlan) -> Box:
    base = box_name(node.name)
    return Box(base, node.node, None if base == node.name else node.replicas)


def box_name(node: str) -> str:
    """Return the box of a node: the node's own name, or the common name of its replicas."""
    # Names begin with a letter, so a trailing number is a replica's index.
    return re.sub(r"/\d+$", "", node)


def _note(notes: Notes | None, publisher: str, target: Box, port: str) -> str:
    note = (notes or {}).get((publisher, target.name, port))
    return f" · {note}" if note else ""


def _label(port: str, topic: str, policy: InputPolicy) -> str:
    renamed = "" if topic.rpartition("/")[2] == port else f" → {port}"
    return f"{topic}{renamed} · {policy}"


def _mermaid_text(*lines: str) -> str:
    escaped = (
        line.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        for line in lines
    )
    return '"' + "<br/>".join(escaped) + '"'


def _quoted(*lines: str) -> str:
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'

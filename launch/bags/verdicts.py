"""Results of a verification: a verdict for each incarnation of a node. Each start of a node begins a new incarnation.

A node's journal is the recorded list of what the node consumed and published, with a digest of each published message.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["same", "different", "unverifiable"]


@dataclass(slots=True)
class NodeVerdict:
    """The result of re-executing one incarnation of a node."""

    node: str
    incarnation: int
    outcome: Outcome = "same"
    consumed: int = 0
    published: int = 0
    until_s: float = 0.0
    note: str = ""
    """The first difference, the reason why verification is impossible, or the time at which the journal ends before the run does."""
    hardware: bool = False
    """Whether the node drives a device. Such a node is not run again; the recording passes if all other nodes do."""


@dataclass(slots=True)
class Verification:
    """The result of ``rtgraph bag verify``."""

    nodes: list[NodeVerdict] = field(default_factory=list)
    messages: int = 0
    """Number of recorded messages compared with their publisher's journal."""
    unchecked: int = 0
    """Number of recorded messages that were not compared, because they come after the end of their publisher's journal."""
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all nodes that drive no device were verified (at least one), and nothing differs."""
        judged = [verdict for verdict in self.nodes if not verdict.hardware]
        verified = [verdict for verdict in judged if verdict.outcome != "unverifiable"]
        return bool(verified) and len(verified) == len(judged) and not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"passed": self.passed, **asdict(self)}

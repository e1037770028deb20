"""The result of verifying a recording: one verdict for each recorded process of a node.

To verify means to run recorded nodes again and to compare their messages with the recorded ones. A node's journal is the
recorded list of what the node consumed and published, with a digest of each published message. Each start of a node's
process begins a new incarnation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["same", "different", "unverifiable"]


@dataclass(slots=True)
class NodeVerdict:
    """The result of running a recorded node again. A node that was restarted has one such result for each start of its process."""

    node: str
    incarnation: int
    outcome: Outcome = "same"
    consumed: int = 0
    published: int = 0
    until_s: float = 0.0
    note: str = ""
    """A remark on the outcome; may be empty.

    It is the first difference, or the reason why the node cannot be verified. If the node's journal ends before the node
    did, it is the time at which the journal ends.
    """
    hardware: bool = False
    """Whether the node drives a device. Such a node is not run again, and does not count in ``passed``."""


@dataclass(slots=True)
class Verification:
    """The result of ``rtgraph bag verify``."""

    nodes: list[NodeVerdict] = field(default_factory=list)
    messages: int = 0
    """Number of recorded messages that were compared with the digests in the journal of the publishing node."""
    unchecked: int = 0
    """Number of recorded messages that were not compared, because the journal of the publishing node ends earlier."""
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing differs, at least one node was verified, and no node in ``nodes`` is unverifiable.

        A node that drives a device counts neither as verified nor as unverifiable.
        """
        judged = [verdict for verdict in self.nodes if not verdict.hardware]
        verified = [verdict for verdict in judged if verdict.outcome != "unverifiable"]
        return bool(verified) and len(verified) == len(judged) and not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"passed": self.passed, **asdict(self)}

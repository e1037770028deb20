"""Input policies, like ROS's history QoS: which messages an input keeps if they arrive faster than the node reads."""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.where import declared_at


@dataclass(frozen=True, slots=True)
class InputPolicy:
    """How many messages an input keeps: the newest ``depth`` or, if ``depth`` is None, all up to ``budget_bytes``."""

    name: str
    depth: int | None
    budget_bytes: int = 1 << 30

    def __str__(self) -> str:
        return f"queue({self.depth})" if self.name == "queue" else self.name


latest = InputPolicy("latest", 1)
lossless = InputPolicy("lossless", None)
"""Keep all messages up to 1 GiB; messages beyond that count as lost."""


def queue(depth: int) -> InputPolicy:
    """Keep the newest ``depth`` messages.

    Raises:
        NodeError: the depth is not an integer of at least one.
    """
    if type(depth) is not int:
        raise NodeError(f"{declared_at()}a queue holds a whole number of messages, not {depth!r:.60}")
    if depth < 1:
        raise NodeError(f"{declared_at()}a queue holds at least one message, not {depth}")
    return InputPolicy("queue", depth)


def check_policy(policy: object) -> None:
    """Check that the policy of a port is an ``InputPolicy``. Raises ``NodeError`` if it is not."""
    if isinstance(policy, InputPolicy):
        return
    hint = "write latest, lossless or queue(n)"
    if policy is queue:
        hint = "write queue(n), with n the number of messages to keep"
    elif policy in ("latest", "lossless"):
        hint = f"write {policy}, without quotes: from rtgraph.nodes import {policy}"
    shown = getattr(policy, "__name__", repr(policy))
    raise NodeError(
        f"{declared_at()}{shown:.60} is not an input's policy, which says which messages to keep", hint=hint
    )

"""Parameter changes in progress: sent to nodes, and not yet answered by all these nodes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtgraph.launch.process.supervision import Member
from rtgraph.msgs import Message
from rtgraph.msgs.errors import GraphError, LaunchError, NodeError
from rtgraph.msgs.introspection import ParamsSet, SetParams
from rtgraph.msgs.system import ChangeParams, ParamsChanged
from rtgraph.msgs.typed.text import Typed
from rtgraph.nodes.runtime import Params, load_class, validated_params
from rtgraph.nodes.runtime.interface.changeable import with_values, written_values

CHANGES_AT_ONCE = 64
CHANGE_WITHIN_S = 2.0
SET_BEFORE_READY = 0
"""The number of the change with all values that were set before a node was ready."""

SendControl = Callable[[Member, Message], None]
Answer = Callable[[bytes, Message], None]


@dataclass
class _Change:
    """A parameter change that a client requested, and the answers of nodes so far."""

    client: bytes
    number: int
    deadline_s: float
    waiting: set[str]
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


class Changes:
    """Changes parameters of running nodes, for clients such as ``rtgraph param set``.

    A change is for one or more nodes. The client gets one answer, when all these nodes have answered, ended or timed out.

    Args:
        members: the nodes.
        send: sends a control message to a node.
        answer: sends a message to a client.
    """

    def __init__(self, members: Mapping[str, Member], send: SendControl, answer: Answer) -> None:
        self._members = members
        self._send_control = send
        self._answer = answer
        self._changes: dict[int, _Change] = {}
        self._numbers = itertools.count(1)

    def begin(self, client: bytes, question: SetParams, members: Sequence[Member], now_s: float) -> None:
        """Send a parameter change to nodes. The client gets an answer when all these nodes have answered, ended or timed out.

        A node that is down or not ready gets the new values at its start. A value given as text is parsed as the parameter's type.

        Raises:
            GraphError: no value is given, or a node cannot take the values; no node is changed.
            LaunchError: too many changes are in progress.
        """
        if not question.values:
            raise GraphError("no parameter is given", hint="give KEY=VALUE")
        if len(self._changes) >= CHANGES_AT_ONCE:
            raise LaunchError(
                f"{CHANGES_AT_ONCE} changes of parameters are in progress already, the maximum",
                hint=f"try again in {CHANGE_WITHIN_S:.0f} s",
            )
        values = {
            key: Typed(value) if isinstance(value, str) else value for key, value in question.values.items()
        }
        wanted: dict[str, dict[str, Any]] = {}
        for member in members:
            try:
                changed = with_values(params_of(member), values)
            except NodeError as error:
                raise GraphError(f"node {member.plan.name}: {error.problem}", hint=error.hint) from error
            wanted[member.plan.name] = written_values(changed, values)
        asked_members = [member for member in members if member.ready and member.process is not None]
        number = next(self._numbers)
        change = _Change(
            client, question.number, now_s + CHANGE_WITHIN_S, {m.plan.name for m in asked_members}
        )
        for member in members:
            if member not in asked_members:
                member.changed |= wanted[member.plan.name]
                change.values[member.plan.name] = dict(wanted[member.plan.name])
        self._changes[number] = change
        for member in asked_members:
            self._send_control(member, ChangeParams(number=number, values=wanted[member.plan.name]))
        self._close_if_done(number)

    def done(self, node: str, answer: ParamsChanged) -> None:
        """Store a node's answer to a parameter change. Accepted values also apply after a restart of the node.

        All values that were set before the node was ready are sent to it in one change, when it is ready. If the node refuses this
        change, these values are dropped, and the node keeps the values with which it started.
        """
        member = self._members[node]
        if not answer.problem:
            member.changed |= answer.values
        elif answer.number == SET_BEFORE_READY:
            member.changed = dict(member.given)
        change = self._changes.get(answer.number)
        if change is None:
            return
        change.waiting.discard(node)
        if answer.problem:
            change.problems[node] = answer.problem
        else:
            change.values[node] = answer.values
        self._close_if_done(answer.number)

    def died(self, node: str, problem: str) -> None:
        """Mark a node's unanswered parameter changes as failed, because the node's process has ended."""
        for number, change in list(self._changes.items()):
            if node in change.waiting:
                change.waiting.discard(node)
                change.problems[node] = f"failed: {problem}"
                self._close_if_done(number)

    def give_up(self, now_s: float) -> None:
        """Mark parameter changes as failed for nodes that have not answered within ``CHANGE_WITHIN_S`` seconds."""
        for number, change in list(self._changes.items()):
            if now_s > change.deadline_s:
                for node in change.waiting:
                    change.problems[node] = (
                        f"has not answered within {CHANGE_WITHIN_S:.0f} s; it applies the values when it is free"
                    )
                change.waiting.clear()
                self._close_if_done(number)

    def _close_if_done(self, number: int) -> None:
        change = self._changes[number]
        if not change.waiting:
            del self._changes[number]
            asked_members = ParamsSet(number=change.number, values=change.values, problems=change.problems)
            self._answer(change.client, asked_members)


def params_of(member: Member) -> Params:
    """Return the current parameters of a node."""
    params = validated_params(load_class(member.plan.node), member.plan.params)
    return with_values(params, member.changed) if member.changed else params

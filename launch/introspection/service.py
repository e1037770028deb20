"""The launcher's end of introspection: answers questions about its graph, and passes on what is wanted of nodes.

It never waits for anybody. A client that does not take its answers loses them, one that sends nonsense is not
answered, and what a node has to do first is answered when the node has done it, or when its time is over.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import zmq

from rtgraph.graphs.names import nearest
from rtgraph.launch.introspection.wire import QUESTIONS, Reader, written
from rtgraph.launch.session import RuntimeDirectory
from rtgraph.launch.supervision import Member
from rtgraph.msgs import Message, Progress
from rtgraph.msgs.errors import DecodeError, GraphError, LaunchError, NodeError
from rtgraph.msgs.introspection import (
    AskGraph,
    AskParams,
    Declined,
    Graph,
    NodeParams,
    NodeState,
    ParamsSet,
    Publish,
    Published,
    Question,
    SetParams,
    State,
)
from rtgraph.msgs.introspection import Params as ParamsAnswer
from rtgraph.msgs.system import ChangeParams, Inject, ParamsChanged
from rtgraph.nodes.runtime import Params, load_class, validated_params
from rtgraph.nodes.runtime.changeable import changeable_values, with_values
from rtgraph.nodes.runtime.clock import WallClock

SOURCE = "rtgraph topic pub"
"""Who a message from outside the graph comes from, as the nodes see it. No node can have that name."""
WAITING_MOST = 64
QUESTION_MOST_BYTES = 8 << 20
QUESTIONS_AT_ONCE = 16
"""Questions answered before the launcher's other duties are looked at."""
CHANGES_AT_ONCE = 64
CHANGE_WITHIN_S = 2.0

Tell = Callable[[Member, Message], None]


@dataclass
class _Change:
    """A change of parameters that nodes have been told of."""

    client: bytes
    number: int
    deadline_s: float
    waiting: set[str]
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


class Service:
    """Answers questions. Closed when it is left.

    Args:
        name: of the graph.
        runtime: where its socket goes.
        members: the nodes.
        tell: sends a control message to a node.
    """

    def __init__(
        self, name: str, runtime: RuntimeDirectory, members: Mapping[str, Member], tell: Tell
    ) -> None:
        self.endpoint = runtime.endpoint("introspect")
        self.clock = WallClock()
        """The graph's."""
        self._name = name
        self._members = members
        self._tell = tell
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, WAITING_MOST)
        self.socket.setsockopt(zmq.RCVHWM, WAITING_MOST)
        self.socket.setsockopt(zmq.MAXMSGSIZE, QUESTION_MOST_BYTES)
        self.socket.bind(self.endpoint)
        self._reader = Reader(QUESTIONS)
        self._progress: list[Progress] = []
        self._changes: dict[int, _Change] = {}
        self._numbers = itertools.count(1)
        self._injected: defaultdict[tuple[str, str], int] = defaultdict(int)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close(0)
        self._context.term()

    def progressed(self, progress: Progress) -> None:
        """Take in how the run goes."""
        self._progress = [*self._progress[-1:], progress]

    def attend(self, now_s: float) -> None:
        """Answer what waits, up to a number of questions."""
        for _ in range(QUESTIONS_AT_ONCE):
            try:
                client, *frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                question = self._reader.read(frames)
            except DecodeError:
                continue
            if isinstance(question, Question):
                self._attend_to(client, question, now_s)

    def changed(self, node: str, answer: ParamsChanged) -> None:
        """Take in what a node made of a change of its parameters; it is to have them in its next lives, too."""
        if not answer.problem:
            self._members[node].changed |= answer.values
        change = self._changes.get(answer.number)
        if change is None:
            return
        change.waiting.discard(node)
        if answer.problem:
            change.problems[node] = answer.problem
        else:
            change.values[node] = answer.values
        if not change.waiting:
            self._close(answer.number)

    def give_up(self, now_s: float) -> None:
        """Answer for the nodes that have not answered in time."""
        for number, change in list(self._changes.items()):
            if now_s > change.deadline_s:
                for node in change.waiting:
                    change.problems[node] = (
                        f"has not answered within {CHANGE_WITHIN_S:.0f} s; it takes the values when it is free"
                    )
                self._close(number)

    # Questions.

    def _attend_to(self, client: bytes, question: Question, now_s: float) -> None:
        try:
            answer = self._answer(client, question, now_s)
        except (GraphError, LaunchError) as error:
            answer = Declined(
                number=question.number,
                problem=error.problem,
                hint=error.hint or "",
                asked_wrongly=isinstance(error, GraphError),
            )
        if answer is not None:
            self._send(client, answer)

    def _answer(self, client: bytes, question: Question, now_s: float) -> Message | None:
        if isinstance(question, AskGraph):
            return self._graph(question, now_s)
        if isinstance(question, AskParams):
            return self._params(question)
        if isinstance(question, SetParams):
            return self._set(client, question, now_s)
        if isinstance(question, Publish):
            return self._publish(question)
        return None

    def _send(self, client: bytes, answer: Message) -> None:
        # A ROUTER drops what is meant for a client that is gone, or whose queue is full.
        self.socket.send_multipart([client, *written(answer)], zmq.NOBLOCK)

    def _graph(self, question: AskGraph, now_s: float) -> Graph:
        return Graph(
            number=question.number,
            name=self._name,
            now_ns=self.clock.now_ns(),
            nodes=[_state(member, now_s) for member in self._members.values()],
            progress=self._progress,
        )

    def _params(self, question: AskParams) -> ParamsAnswer:
        nodes = []
        for member in self._matching(question.nodes):
            params = params_of(member)
            nodes.append(
                NodeParams(
                    node=member.plan.name,
                    node_class=member.plan.node,
                    values=params.model_dump(mode="json", by_alias=True),
                    changeable=list(changeable_values(params)),
                )
            )
        return ParamsAnswer(number=question.number, nodes=nodes)

    def _set(self, client: bytes, question: SetParams, now_s: float) -> ParamsSet | None:
        members = self._matching(question.nodes)
        if not question.values:
            raise GraphError("nothing is to be changed", hint="give key=value")
        if len(self._changes) >= CHANGES_AT_ONCE:
            raise LaunchError("too many changes are under way", hint="try again")
        for member in members:
            try:
                with_values(params_of(member), question.values)
            except NodeError as error:
                raise GraphError(f"{member.plan.name}: {error.problem}", hint=error.hint) from error
        told = [member for member in members if member.ready and member.process is not None]
        for member in members:
            if member not in told:
                member.changed |= question.values
        number = next(self._numbers)
        change = _Change(client, question.number, now_s + CHANGE_WITHIN_S, {m.plan.name for m in told})
        change.values = {m.plan.name: dict(question.values) for m in members if m not in told}
        self._changes[number] = change
        for member in told:
            self._tell(member, ChangeParams(number=number, values=question.values))
        if not told:
            self._close(number)
        return None

    def _publish(self, question: Publish) -> Published:
        topics = {source.topic for member in self._members.values() for source in member.plan.inputs.values()}
        if question.topic not in topics:
            raise GraphError(
                f"no node takes the topic {question.topic!r}", hint=nearest(question.topic, topics)
            )
        targets = list(self._targets(question.topic, question.key))
        number = self._injected[question.topic, question.key]
        self._injected[question.topic, question.key] += 1
        for member, port in targets:
            self._tell(
                member,
                Inject(
                    port=port,
                    source=SOURCE,
                    sequence=number,
                    stamp_ns=self.clock.now_ns(),
                    document=question.document,
                ),
            )
        return Published(
            number=question.number, inputs=[f"{member.plan.name}.{port}" for member, port in targets]
        )

    # What is asked about.

    def _targets(self, topic: str, key: str) -> Iterable[tuple[Member, str]]:
        ends = [
            (member, port, load_class(member.plan.node).input_ports[port].keyed)
            for member in self._members.values()
            for port, source in member.plan.inputs.items()
            if source.topic == topic
        ]
        if any(keyed for _, _, keyed in ends):
            names = [member.plan.name for member, _, keyed in ends if keyed]
            if not key:
                raise GraphError(f"{topic!r} is keyed: for whom is the message?", hint=f"--key {names[0]}")
            if key not in names:
                raise GraphError(f"{key!r} does not take {topic!r}", hint=nearest(key, names))
        elif key:
            raise GraphError(f"{topic!r} is not keyed", hint="leave out --key")
        found = [(member, port) for member, port, keyed in ends if not keyed or member.plan.name == key]
        alive = [(member, port) for member, port in found if member.ready and member.process is not None]
        if not alive:
            raise LaunchError(f"none of the nodes that take {topic!r} is there", hint="try again")
        return alive

    def _matching(self, pattern: str) -> list[Member]:
        found = [member for name, member in self._members.items() if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise GraphError(f"there is no node {pattern!r}", hint=nearest(pattern, self._members))
        return found

    def _close(self, number: int) -> None:
        change = self._changes.pop(number)
        self._send(
            change.client, ParamsSet(number=change.number, values=change.values, problems=change.problems)
        )


def params_of(member: Member) -> Params:
    """Return the parameters that are in force in a node."""
    params = validated_params(load_class(member.plan.node), member.plan.params)
    return with_values(params, member.changed) if member.changed else params


def _state(member: Member, now_s: float) -> NodeState:
    plan, process, beats = member.plan, member.process, member.beats
    return NodeState(
        node=plan.name,
        node_class=plan.node,
        state=_state_of(member),
        pid=0 if process is None else process.pid,
        incarnation=member.incarnation,
        restarts=member.budget.restarts,
        heard_s=round(now_s - member.heard_s, 3) if member.heard_s else None,
        beat=beats[-1] if beats else None,
        earlier=beats[0] if len(beats) > 1 else None,
    )


def _state_of(member: Member) -> State:
    if member.process is None:
        return "restarting" if member.restart_at is not None else "ended"
    if member.silent:
        return "silent"
    return "running" if member.running else "starting"

"""The part of the launcher that answers introspection clients, such as ``rtgraph topic``, and forwards requests to nodes.

The service never waits. Answers to a client that does not read are dropped, and questions that cannot be decoded are ignored. If
a client changes parameters, it gets the answer when all the nodes have answered, ended or timed out.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Self

import zmq

from rtgraph.launch.host.runtime_directory import RuntimeDirectory
from rtgraph.launch.process.changes import Changes, SendControl, params_of
from rtgraph.launch.process.supervision import Member
from rtgraph.msgs import Message, Progress
from rtgraph.msgs.errors import DecodeError, GraphError, LaunchError
from rtgraph.msgs.introspection import (
    QUESTIONS,
    AskGraph,
    AskParams,
    Declined,
    Graph,
    NodeParams,
    NodeState,
    ParamsAnswer,
    Publish,
    Published,
    Question,
    SetParams,
    State,
)
from rtgraph.msgs.system import Inject
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.wire.named import NamedReader, named
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.clock import WallClock
from rtgraph.nodes.runtime.interface.changeable import changeable_values
from rtgraph.nodes.runtime.journal import OUTSIDE

WAITING_MOST = 64
QUESTION_MOST_BYTES = 8 << 20
QUESTIONS_AT_ONCE = 16
"""Maximum number of client questions that the launcher answers before it does other work."""


class Service:
    """A context that answers questions of clients such as ``rtgraph topic``. Its socket is closed at the end.

    Args:
        name: name of the graph.
        runtime: the folder for the socket.
        members: the nodes.
        send: sends a control message to a node.
    """

    def __init__(
        self, name: str, runtime: RuntimeDirectory, members: Mapping[str, Member], send: SendControl
    ) -> None:
        self.endpoint = runtime.endpoint("introspect")
        self.clock = WallClock()
        """The clock of the graph, which starts at 0 when the nodes start."""
        self._name = name
        self._members = members
        self._send_control = send
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, WAITING_MOST)
        self.socket.setsockopt(zmq.RCVHWM, WAITING_MOST)
        self.socket.setsockopt(zmq.MAXMSGSIZE, QUESTION_MOST_BYTES)
        self.socket.bind(self.endpoint)
        self._reader = NamedReader(QUESTIONS, "a request to a launcher")
        self._progress: list[Progress] = []
        self.changes = Changes(members, send, self._send)
        self._injected: defaultdict[tuple[str, str], int] = defaultdict(int)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close(0)
        self._context.term()

    def progressed(self, progress: Progress) -> None:
        """Store a progress message of the run. The last two are kept, because clients compute rates from their difference."""
        self._progress = [*self._progress[-1:], progress]

    def attend(self, now_s: float) -> None:
        """Answer at most ``QUESTIONS_AT_ONCE`` questions of clients that have arrived."""
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

    # Questions.

    def _attend_to(self, client: bytes, question: Question, now_s: float) -> None:
        try:
            answer = self._answer(client, question, now_s)
            if answer is not None:
                self._send(client, answer)
        except (GraphError, LaunchError) as error:
            declined = Declined(
                number=question.number,
                problem=error.problem,
                hint=error.hint or "",
                asked_wrongly=isinstance(error, GraphError),
            )
            self._send(client, declined)
        except Exception as error:  # a node's own checks may raise anything, which must not end the launch
            problem = f"{type(error).__name__}: {error}"
            self._send(client, Declined(number=question.number, problem=problem, asked_wrongly=False))

    def _answer(self, client: bytes, question: Question, now_s: float) -> Message | None:
        if isinstance(question, AskGraph):
            return self._graph(question, now_s)
        if isinstance(question, AskParams):
            return self._params(question)
        if isinstance(question, SetParams):
            self.changes.begin(client, question, self._matching(question.nodes), now_s)
        elif isinstance(question, Publish):
            return self._publish(question)
        return None

    def _send(self, client: bytes, answer: Message) -> None:
        # A ROUTER drops messages to a client that is gone or has a full queue.
        self.socket.send_multipart([client, *named(answer)], zmq.NOBLOCK)

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

    def _publish(self, question: Publish) -> Published:
        topics = {source.topic for member in self._members.values() for source in member.plan.inputs.values()}
        if question.topic not in topics:
            raise GraphError(
                f"no node subscribes to {question.topic!r}", hint=nearest(question.topic, topics)
            )
        targets = list(self._targets(question.topic, question.key))
        number = self._injected[question.topic, question.key]
        self._injected[question.topic, question.key] += 1
        for member, port in targets:
            self._send_control(
                member,
                Inject(
                    port=port,
                    source=OUTSIDE,
                    sequence=number,
                    stamp_ns=self.clock.now_ns(),
                    document=question.document,
                ),
            )
        return Published(
            number=question.number, inputs=[f"{member.plan.name}.{port}" for member, port in targets]
        )

    # The nodes and ports that a question names.

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
                raise GraphError(
                    f"{topic!r} is keyed: each of its messages is for one node, which must be named",
                    hint=f"--key {names[0]}",
                )
            if key not in names:
                raise GraphError(f"no node {key!r} subscribes to {topic!r}", hint=nearest(key, names))
        elif key:
            raise GraphError(
                f"{topic!r} is not keyed: its messages are for all subscribers", hint="leave out --key"
            )
        found = [(member, port) for member, port, keyed in ends if not keyed or member.plan.name == key]
        alive = [(member, port) for member, port in found if member.ready and member.process is not None]
        if not alive:
            raise LaunchError(
                f"no subscriber of {topic!r} is running", hint="try again when it has restarted"
            )
        return alive

    def _matching(self, pattern: str) -> list[Member]:
        found = [member for name, member in self._members.items() if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise GraphError(f"there is no node {pattern!r}", hint=nearest(pattern, self._members))
        return found


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
        does=member.does,
        beat=beats[-1] if beats else None,
        earlier=beats[0] if len(beats) > 1 else None,
    )


def _state_of(member: Member) -> State:
    if member.process is None:
        return "restarting" if member.restart_at is not None else "ended"
    if member.silent:
        return "silent"
    return "running" if member.running else "starting"

"""Sends questions about a running graph to its launcher, the process that started the graph."""

from __future__ import annotations

import itertools
from typing import Self, TypeVar

import zmq

from rtgraph.launch.host.descriptors import CLIENT, allow
from rtgraph.launch.introspection.sessions import COMMAND_LINE, LiveSession
from rtgraph.msgs import Message
from rtgraph.msgs.errors import GraphError, LaunchError
from rtgraph.msgs.introspection import ANSWERS, Declined, Question
from rtgraph.msgs.wire.named import NamedReader, named

ANSWER_WITHIN_S = 5.0

A = TypeVar("A", bound=Message)


class Client:
    """A context that is connected to one launcher, and sends questions to it."""

    def __init__(self, session: LiveSession) -> None:
        allow(CLIENT, "looking into a running graph")
        self._session = session
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._reader = NamedReader(ANSWERS, "an answer of a launcher")
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(self._session.description.introspection)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self._context.term()

    def ask(self, question: Question, answer_type: type[A]) -> A:
        """Send a question to the launcher, and return its answer.

        Raises:
            GraphError: the question is invalid; for example, it names an unknown node.
            LaunchError: the launcher refuses the question, has ended, or does not answer.
        """
        number = next(self._numbers)
        self._socket.send_multipart(named(question.model_copy(update={"number": number})))
        while True:
            answer = self._answer()
            if isinstance(answer, Declined) and answer.number == number:
                raise _declined(answer)
            if isinstance(answer, answer_type) and getattr(answer, "number", None) == number:
                return answer

    def _answer(self) -> Message:
        for _ in range(int(ANSWER_WITHIN_S * 10)):
            if self._socket.poll(100):
                return self._reader.read(self._socket.recv_multipart())
            if not self._session.lives():
                raise LaunchError(f"the graph {self._session.description.name} has ended")
        raise LaunchError(
            f"the launcher of {self._session.description.name} does not answer within {ANSWER_WITHIN_S:.0f} s",
            hint=f"look whether process {self._session.description.pid}, the launcher, is stopped or overloaded",
        )


def _declined(answer: Declined) -> Exception:
    hint = answer.hint or None
    if answer.asked_wrongly:
        return GraphError(answer.problem, file=COMMAND_LINE, hint=hint)
    return LaunchError(answer.problem, hint=hint)

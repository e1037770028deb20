"""Subscribes to the topics of a running graph, and publishes on them, from a program that is not a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Self

from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.messages import message_class
from rtgraph.launch.introspection.observer import Observer
from rtgraph.launch.introspection.sessions import LiveSession, pick
from rtgraph.msgs import Message, decode, encode
from rtgraph.msgs.errors import GraphError, LaunchError
from rtgraph.msgs.introspection import Publish, Published

FOREVER_S = 1e9


class Attached:
    """A running graph, seen from a program that is not a node. Not thread-safe: each thread calls ``attach`` itself.

    Args:
        session: the running graph.
    """

    def __init__(self, session: LiveSession) -> None:
        self.session = session
        self.missed = 0
        """Number of messages that this program missed, because it was too slow to take them."""
        self._client = Client(session)
        self._observers: set[Observer] | None = None
        """The open subscriptions; None while this program is not attached."""

    def __enter__(self) -> Self:
        self._client.__enter__()
        self._observers = set()
        return self

    def __exit__(self, *_: object) -> None:
        for observer in tuple(self._observers or ()):
            self._close(observer)
        self._observers = None
        self._client.__exit__()

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the graph, without internal topics of the runtime."""
        return tuple(topic for topic in self.session.description.topics() if not topic.startswith("_"))

    def subscribe(
        self, *topics: str, key: str | None = None, within_s: float | None = None
    ) -> Iterator[Message]:
        """Return an iterator over messages, from now on until the graph ends.

        Up to 1,000 messages of each publisher wait while the program does something else. ZeroMQ then drops further messages to
        this program, and ``missed`` counts the dropped messages.

        Args:
            topics: one or more topics.
            key: on a keyed topic, where each message is for one node: return only the messages for this node.
            within_s: end the iterator after this time in s; None: end it only when the graph ends.

        Raises:
            LaunchError: this program is not attached, a topic has no publisher, its message class cannot be
                imported here, or ``key`` is given and none of the topics is keyed.
            DecodeError: raised by the iterator: a message was published with another version of its class.
        """
        description, observers = self.session.description, self._attached()
        with _without_place():
            classes = {
                topic: message_class(description.published(topic)[0].message, description.modules)
                for topic in topics
            }
            observer = Observer(self.session, *topics, key=key)
            observers.add(observer.__enter__())
        end_ns = observer.now_ns() + round(min(FOREVER_S, FOREVER_S if within_s is None else within_s) * 1e9)
        return self._messages(observer, classes, end_ns)

    def _messages(
        self, observer: Observer, classes: Mapping[str, type[Message]], end_ns: int
    ) -> Iterator[Message]:
        counted = 0
        try:
            for observed in observer.until(end_ns):
                self.missed += observer.losses.missed - counted
                counted = observer.losses.missed
                yield decode(classes[observed.topic], observed.document())
        finally:
            self._close(observer)

    def _close(self, observer: Observer) -> None:
        if self._observers is not None and observer in self._observers:
            self._observers.remove(observer)
            observer.__exit__(None, None, None)

    def _attached(self) -> set[Observer]:
        if self._observers is None:
            raise LaunchError("this program is not attached", hint="use it inside `with attach() as graph:`")
        return self._observers

    def publish(self, topic: str, message: Message, *, key: str | None = None) -> list[str]:
        """Send a message to every node that subscribes to the topic.

        Args:
            topic: the topic.
            message: a message of the class that the subscribers declare.
            key: on a keyed topic, where each message is for one node: the node that this message is for.

        Returns:
            The inputs that get the message, each as ``node.port``.

        Raises:
            LaunchError: this program is not attached, no running node subscribes to the topic, ``key`` does not fit
                the topic, the message is of another class, the graph has ended, or its launcher does not answer.
            EncodeError: the message holds something that the wire format cannot carry.
        """
        description = self.session.description
        self._attached()
        with _without_place():
            wanted = message_class(description.subscribed(topic), description.modules)
            if type(message) is not wanted:
                raise LaunchError(
                    f"{topic!r} carries messages of {wanted.__name__}, not {type(message).__name__}"
                )
            question = Publish(topic=topic, key=key or "", document=encode(message))
            return self._client.ask(question, Published).inputs


def attach(session: str | None = None) -> AbstractContextManager[Attached]:
    """Attach to a running graph of this user on this host.

    Args:
        session: name, process ID or session folder of the launch; None if only one launch runs.

    Raises:
        LaunchError: no launch runs, none matches, or several do.
    """
    return Attached(pick(session))


@contextmanager
def _without_place() -> Iterator[None]:
    """A context that removes the place "command line" from errors.

    The arguments of a program that attaches come from its code.
    """
    try:
        yield
    except GraphError as error:
        raise LaunchError(error.problem, hint=error.hint) from error

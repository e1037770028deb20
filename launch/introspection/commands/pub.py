"""``rtgraph topic pub``: publishes messages from the command line."""

from __future__ import annotations

from pydantic import ValidationError

from rtgraph.launch.console.printing import print_json
from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.messages import message_class
from rtgraph.launch.introspection.rate import Rate
from rtgraph.launch.introspection.sessions import COMMAND_LINE, LiveSession
from rtgraph.msgs import Message, encode
from rtgraph.msgs.errors import GraphError, with_article
from rtgraph.msgs.introspection import Publish, Published
from rtgraph.msgs.typed.json_arrays import message_of
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.typed.strict import complaint, from_json
from rtgraph.msgs.typed.text import shortened


def publish(
    session: LiveSession,
    topic: str,
    key: str | None,
    text: str,
    *,
    rate_hz: float | None,
    count: int | None,
    as_json: bool,
) -> int:
    """Send a message to every node that subscribes to the topic: once, ``count`` times, or without end if only a rate is given.

    Returns:
        The exit code, 0.

    Raises:
        GraphError: the topic has no subscriber, or the message does not fit the topic's class.
    """
    message_type = message_class(session.description.subscribed(topic), session.description.modules)
    document = encode(made(message_type, text))
    wanted = count or (1 if rate_hz is None else None)
    sent = 0
    inputs: list[str] = []
    with Client(session) as client:
        pacer = Rate(rate_hz)
        while wanted is None or sent < wanted:
            pacer.wait()
            inputs = client.ask(Publish(topic=topic, key=key or "", document=document), Published).inputs
            sent += 1
            if sent == 1 and not as_json:
                print(f"publishing {message_type.__name__} to {', '.join(inputs)}", flush=True)
    if as_json:
        print_json({"topic": topic, "message": message_type.__name__, "sent": sent, "inputs": inputs})
    return 0


def made(message_type: type[Message], text: str) -> Message:
    """Return the message of the given class that a JSON text describes.

    In the text an array is a list, or an object with ``dtype``, ``shape`` and ``data``.

    Raises:
        GraphError: the text is not JSON, or does not fit the class.
    """
    name = message_type.__name__
    fields = {field for field in message_type.model_fields if field != "header"}
    try:
        values = from_json(text, finite=False)
    except ValueError as error:
        raise GraphError(
            f"the message is not JSON: {error}", file=COMMAND_LINE, hint="such as '{\"value\": 1}'"
        ) from error
    if not isinstance(values, dict):
        raise GraphError(
            f"the message should be a JSON object with the fields of {name}, not {shortened(text)}",
            file=COMMAND_LINE,
        )
    unknown = sorted(values.keys() - fields)
    if unknown:
        raise GraphError(
            f"{name} has no field {shortened(unknown[0])}",
            file=COMMAND_LINE,
            hint=nearest(unknown[0], fields) or f"{name} has no fields: give {{}}",
        )
    try:
        return message_of(message_type, values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem, hint = complaint(first)
        place = ".".join(map(str, first["loc"]))
        raise GraphError(
            f"the message is not {with_article(name)}: field {place}: {problem}", file=COMMAND_LINE, hint=hint
        ) from error
    except ValueError as error:
        raise GraphError(f"the message is not {with_article(name)}: {error}", file=COMMAND_LINE) from error

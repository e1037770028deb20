"""Message classes by their path, as a running graph names them."""

from __future__ import annotations

import importlib

from rtgraph.msgs import Message
from rtgraph.msgs.errors import LaunchError


def message_class(path: str) -> type[Message]:
    """Import a message class, ``package.module:Class``.

    Raises:
        LaunchError: it is not to be found here.
    """
    module, _, name = path.partition(":")
    try:
        found: type[Message] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LaunchError(
            f"the message class {path} cannot be imported here: {error}",
            hint="give the PYTHONPATH that the graph was launched with",
        ) from error
    return found

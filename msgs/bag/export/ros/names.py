"""Names of ROS topics: letters, digits and underscores between slashes, and no digit first."""

from __future__ import annotations

import re

from rtgraph.msgs.bag.export.columns import UniqueNames

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_]")
_MANY = re.compile(r"_{2,}")


class TopicNames:
    """Chooses a ROS topic for each field, so that no two fields have the same topic."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._unique = UniqueNames()

    def name(self, topic: str, path: str) -> str:
        """Return the ROS topic for a field of the messages on ``topic``. An empty ``path`` stands for the whole message."""
        name = self._names.get((topic, path))
        if name is None:
            plain = "".join(
                f"/{_token(token)}" for token in (*topic.split("/"), *filter(None, path.split(".")))
            )
            name = self._names[topic, path] = self._unique.name(plain)
        return name


def _token(text: str) -> str:
    token = _MANY.sub("_", _FORBIDDEN.sub("_", text)).rstrip("_") or "unnamed"
    return f"n{token}" if token[0].isdigit() else token

"""The journal of a node: everything it consumed, so that it can be re-executed from a recording."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message


class Journal(Message):
    """A part of a node's journal.

    ``entries`` is a msgpack array with one item per event, in order; ``rtgraph.nodes.runtime.journal``
    documents the items. ``digest`` is a hash chain: it covers this part and the digest of the previous part.
    """

    first: int = Field(ge=0)
    """The number of the first entry."""
    entries: array("uint8", None)  # type: ignore[valid-type]
    digest: str

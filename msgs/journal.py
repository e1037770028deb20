"""What a node writes down of its own life, so that it can be run again on a recording."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message


class Journal(Message):
    """A stretch of a node's journal.

    ``entries`` is a msgpack array with one item for each thing that happened, in order; what an item holds is said
    in ``rtgraph.nodes.runtime.journal``. ``digest`` is taken over it and the stretch before, back to the beginning.
    """

    first: int = Field(ge=0)
    """The number of the first entry."""
    entries: array("uint8", None)  # type: ignore[valid-type]
    digest: str

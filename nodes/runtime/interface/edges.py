"""Edges from an output of one node to an input of another, with the counts of their messages."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from pydantic import Field

from rtgraph.msgs import Record


@dataclass(slots=True)
class EdgeCount:
    """The counts of one publisher's messages at one input.

    ``lost`` messages never arrived (a gap in the sequence numbers), or did not fit into the inbox of a lossless input.
    ``overwritten`` messages arrived, but the node did not read them: newer messages replaced them, or the input was paused.
    ``refused`` messages could not be decoded.
    """

    received: int = 0
    lost: int = 0
    overwritten: int = 0
    refused: int = 0
    incarnation: int = -1
    next_sequence: int = 0

    def add(self, incarnation: int, sequence: int) -> None:
        """Count a message that arrived, and the lost messages before it. After a restart, sequence numbers begin at 0."""
        self.received += 1
        if incarnation > self.incarnation:
            self.lost += sequence if self.incarnation >= 0 else 0
            self.incarnation, self.next_sequence = incarnation, sequence + 1
        elif incarnation == self.incarnation and sequence >= self.next_sequence:
            self.lost += sequence - self.next_sequence
            self.next_sequence = sequence + 1


class Tapped(Record):
    """One output that a tap receives. A tap is an input for messages of any class."""

    publisher: str
    node: str
    """The class of the publishing node, ``package.module:Class``."""
    port: str
    topic: str
    message: str = Field(default="", exclude_if=operator.not_)
    """The output's message class, ``package.module:Class``, if the node's parameters determine the class; else empty.

    An empty value is not written to plans (resolved launch files), so older plans stay the same."""

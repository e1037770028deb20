"""File descriptor limits: how many a process of a launch needs, and whether the host allows them.

ZeroMQ aborts a process that reaches the limit, so this is checked before anything starts.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from typing import TYPE_CHECKING

from rtgraph.msgs.errors import LaunchError

if TYPE_CHECKING:
    from rtgraph.graphs import Plan

_OF_LAUNCHER, _PER_NODE = 32, 2
_OF_NODE, _PER_EDGE = 24, 1
"""File descriptors that a node's process needs for itself, and for each edge (a connection to another node).

This is four to nine more than measured in graphs of 4 to 15 nodes.
"""
SMALL_GRAPH = _OF_LAUNCHER + 4 * _PER_NODE
CLIENT = 24
"""File descriptors that a command such as ``rtgraph topic`` needs, which inspects a running launch."""
_SPARE = 200
"""Reserve of file descriptors for files and sockets that nodes open themselves."""


def needed(plan: Plan) -> tuple[int, str]:
    """Return the number of file descriptors of the process that needs the most, and the name of that process."""
    ends = Counter(name for publisher, node, _ in plan.edges() for name in (publisher, node))
    found = [(_OF_NODE + _PER_EDGE * ends[node.name], node.name) for node in plan.nodes]
    most, name = max([(_OF_LAUNCHER + _PER_NODE * len(plan.nodes), "the launcher"), *found])
    return most + len(plan.weights), name


def how_to_raise(count: int) -> str:
    """Return a hint how to raise the hard limit to a number of file descriptors: root uses ``ulimit``, other users change a file."""
    if os.geteuid() == 0:
        return f"run `ulimit -n {count}`"
    return f"raise the hard limit: `hard nofile {count}` for this user in /etc/security/limits.conf, then log in again"


def allow(count: int, user: str) -> None:
    """Raise the limit of this process and its children to a number of file descriptors, plus a reserve.

    Args:
        count: the number of file descriptors.
        user: what the error calls the process that needs them.

    Raises:
        LaunchError: the limit cannot be raised that far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _SPARE
    limited = hard != resource.RLIM_INFINITY
    if limited and hard < count:
        raise LaunchError(
            f"{user} needs {count} open files, and at most {hard} are allowed",
            hint=how_to_raise(wanted),
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if limited else wanted, hard))

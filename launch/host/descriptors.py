"""Limits of file descriptors: how many a process of a launch needs, and whether the system allows that many.

ZeroMQ aborts a process that reaches its limit, so the limit is checked before anything starts.
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
"""Two numbers of file descriptors: what a node's process needs without connections, and what each connection adds.

Processes in graphs of 4 to 15 nodes needed four to nine less than these numbers give.
"""
SMALL_GRAPH = _OF_LAUNCHER + 4 * _PER_NODE
CLIENT = 24
"""Number of file descriptors that a command needs to inspect a running launch, such as ``rtgraph topic``."""
_SPARE = 200
"""Number of additional file descriptors, for files and sockets that nodes open."""


def needed(plan: Plan) -> tuple[int, str]:
    """Return the largest number of file descriptors that one process of the launch needs, and the name of that process."""
    ends = Counter(name for publisher, node, _ in plan.edges() for name in (publisher, node))
    found = [(_OF_NODE + _PER_EDGE * ends[node.name], node.name) for node in plan.nodes]
    most, name = max([(_OF_LAUNCHER + _PER_NODE * len(plan.nodes), "the launcher"), *found])
    return most + len(plan.weights), name


def how_to_raise(count: int) -> str:
    """Return a hint for raising the hard limit of file descriptors: ``ulimit`` for root, a file to change for other users."""
    if os.geteuid() == 0:
        return f"run `ulimit -n {count}`"
    return f"raise the hard limit: `hard nofile {count}` for this user in /etc/security/limits.conf, then log in again"


def allow(count: int, user: str) -> None:
    """Raise the limit of file descriptors of this process and its children.

    Args:
        count: the number of file descriptors needed. A reserve is added as far as the hard limit allows.
        user: name, in the error, of the process that needs them.

    Raises:
        LaunchError: the hard limit is below ``count``.
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

"""How many files and sockets a process of a launch has open at a time, and whether it may.

ZeroMQ aborts the process in which it is refused one, so this is looked at before anything starts.
"""

from __future__ import annotations

import resource
from collections import Counter

from rtgraph.graphs import Plan
from rtgraph.launch.process.endpoints import edges
from rtgraph.msgs.errors import LaunchError

_OF_LAUNCHER, _PER_NODE = 32, 2
_OF_NODE, _PER_EDGE = 24, 1
"""Counted in graphs of 4 to 15 nodes, of which these are four to nine more."""
SMALL_GRAPH = _OF_LAUNCHER + 4 * _PER_NODE
CLIENT = 24
"""What a process needs that looks into a running graph."""
_SPARE = 200
"""What nodes open of their own accord is not known."""


def needed(plan: Plan) -> tuple[int, str]:
    """Return how many descriptors the process needs that needs the most, and which one that is."""
    ends = Counter(name for publisher, node, _ in edges(plan) for name in (publisher, node))
    found = [(_OF_NODE + _PER_EDGE * ends[node.name], node.name) for node in plan.nodes]
    most, name = max([(_OF_LAUNCHER + _PER_NODE * len(plan.nodes), "the launcher"), *found])
    return most + len(plan.weights), name


def allow(count: int, who: str) -> None:
    """Have this process, and those that it starts, be allowed so many descriptors and some to spare.

    Raises:
        LaunchError: the limit cannot be raised that far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _SPARE
    limited = hard != resource.RLIM_INFINITY
    if limited and hard < count:
        raise LaunchError(
            f"{who} needs {count} open files, and at most {hard} are allowed",
            hint=f"ulimit -n {wanted}, or as much for this user in /etc/security/limits.conf",
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if limited else wanted, hard))

"""What a node reports at the end of a launch: its result as JSON values, the counts of messages at its inputs, its errors."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from pydantic import JsonValue

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.system import EdgeReport
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.node import Node

DEEPEST = 32
log = logging.getLogger("rtgraph.world")
_HINT = "return numbers, text, lists and dicts with text keys"
_SHOWN_BITS = 256
"""Maximum size in bits of an integer that errors show. Python refuses to print very large ones."""


def result_of(node: Node[Any]) -> dict[str, JsonValue]:
    """Return a node's result. Numpy's numbers become Python's, and NaN and infinity become None.

    Raises:
        NodeError: the result is not a dict, is nested too deeply, or holds a value that cannot be sent as JSON, such as an
            integer of more than 64 bits.
        Exception: any error that the node's code raises.
    """
    result: object = node.result()
    if not isinstance(result, dict):
        raise NodeError(f"result() returns a {type(result).__name__}, not a dict", hint="return a dict")
    return {
        _key(key, "result()"): _clean(value, f"result()[{key!r}]", DEEPEST) for key, value in result.items()
    }


def results_of(
    executors: Mapping[str, Executor], failed: Set[str], interruption: type[BaseException]
) -> tuple[dict[str, dict[str, JsonValue]], dict[str, str]]:
    """Return two dicts by node name: results, and the reasons why nodes have no result or report a failure.

    A node that returns an empty result and reports no failure is in neither dict.

    Args:
        executors: the executors of the nodes, by name.
        failed: nodes that are already known to have failed. If such a node has no result, no reason is returned.
        interruption: the exception that signal handlers raise. It is raised again, and is not a reason.
    """
    found: dict[str, dict[str, JsonValue]] = {}
    problems: dict[str, str] = {}
    for name, executor in executors.items():
        try:
            result, failure = result_of(executor.node), executor.node.failure()
        except interruption:
            raise
        except BaseException as error:  # whatever a node's code raises
            log.exception("result() of %s failed", name)
            if name not in failed:
                problems[name] = in_one_line(error)
        else:
            if result:
                found[name] = result
            if failure:
                problems[name] = failure
    return found, problems


def edge_reports(executor: Executor) -> list[EdgeReport]:
    """Return how many messages arrived or were lost, for each publisher and each input of a stopped node."""
    found = []
    for name, port in executor.node.inputs.items():
        # Unread messages of other inputs are not a loss: they keep only the newest.
        held = port.inbox if port.depth is None else ()
        unread = Counter(message.header.source for message in held)
        found += [
            EdgeReport(
                port=name,
                publisher=publisher,
                received=edge.received,
                lost=edge.lost,
                overwritten=edge.overwritten,
                refused=edge.refused,
                unread=unread[publisher],
            )
            for publisher, edge in sorted(port.edges.items())
        ]
    return found


def _clean(value: object, place: str, depth: int) -> JsonValue:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, int):
        # Integers of more than 64 bits cannot be sent.
        if not -(2**63) <= value < 2**63:
            shown = value if value.bit_length() <= _SHOWN_BITS else f"a number of {value.bit_length():,} bits"
            raise NodeError(
                f"{place} is {shown}, an integer beyond 64 bits, which cannot be sent", hint="give it as text"
            )
        return int(value)
    if depth and isinstance(value, dict):
        return {_key(key, place): _clean(item, f"{place}[{key!r}]", depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_clean(item, f"{place}[{number}]", depth - 1) for number, item in enumerate(value)]
    if not depth:
        raise NodeError(
            f"{place} is nested too deeply", hint=f"return at most {DEEPEST} levels of lists and dicts"
        )
    raise NodeError(f"{place} is a {type(value).__name__}, which JSON cannot express", hint=_HINT)


def _key(key: object, place: str) -> str:
    if isinstance(key, str):
        return str(key)
    raise NodeError(f"{place} has a key {key!r:.60}, which is not text", hint=_HINT)

"""The statistics that the process of a node reports at its end."""

from __future__ import annotations

import logging
import resource

from pydantic import JsonValue

from rtgraph.msgs.system import Statistics
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.realtime.host import private_bytes
from rtgraph.nodes.runtime.results import edge_reports, result_of

log = logging.getLogger("rtgraph.realtime")


def statistics_of(executor: Executor, scheduling: str, stop_problem: str, *, began: bool) -> Statistics:
    """Return a node's result, its counters, and the processor time and memory that its process has used.

    Args:
        executor: the executor of the node.
        scheduling: the priority that the process was granted.
        stop_problem: why the stop of the node failed; empty if it did not fail.
        began: whether the node has begun. A node that has not begun has no result.
    """
    result, result_problem = _result(executor) if began else ({}, "")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Statistics(
        node=executor.identity.name,
        incarnation=executor.identity.incarnation,
        sent={
            name if key is None else f"{name}:{key}": count
            for name, output in executor.node.outputs.items()
            for key, count in output.sent.items()
        },
        edges=edge_reports(executor),
        scheduling=scheduling,
        memory_bytes=private_bytes(),
        cpu_s=used.ru_utime + used.ru_stime,
        result=result,
        problem=stop_problem or result_problem,
    )


def _result(executor: Executor) -> tuple[dict[str, JsonValue], str]:
    """Return the node's result, and a text: why ``result`` failed, or the failure that the node reports. The text may be empty.

    If ``result`` failed, the result is an empty dict.
    """
    try:
        return result_of(executor.node), executor.node.failure()
    # Whatever a node's code raises: its counters are reported in any case.
    except BaseException as error:
        log.exception("result() of %s failed", executor.identity.name)
        return {}, in_one_line(error)

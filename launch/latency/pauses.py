"""The pauses of workers (nodes that infer actions), from the end of an inference to the beginning of the worker's next inference.

A stagger method may delay a decision, and let the worker sleep. This waiting is not part of the pause. To find how long the
worker waited, the ``WorkerStagger`` of the method runs again on the recorded data. The rest of the time is the pause: in a
pause, a process wakes up late and reads its messages.
"""

from __future__ import annotations

from collections import defaultdict, deque
from operator import itemgetter

from rtgraph.graphs import Plan
from rtgraph.msgs import Decision, StaggerDelay
from rtgraph.msgs.bag.bag import Bag
from rtgraph.nodes.inference.stagger import WorkerStagger, stagger_method


def pauses_of(bag: Bag, plan: Plan) -> dict[str, list[float]]:
    """Return the pauses of workers in ms: a dict by the name of the worker. The pauses of each worker are in order of time.

    A pause is the time from the end of an inference to the beginning of the worker's next inference. The time for which a stagger
    method makes the worker wait is not part of the pause.

    Workers to which a coordinator assigns observations are left out.
    """
    delays: dict[str, list[tuple[int, StaggerDelay]]] = defaultdict(list)
    decisions: dict[str, list[tuple[int, Decision]]] = defaultdict(list)
    for channel in bag.channels:
        if channel.schema_name in (StaggerDelay.schema_name, Decision.schema_name):
            for recorded in bag.messages(publishers=[channel.publisher], topics=[channel.topic]):
                message = recorded.message()
                if isinstance(message, StaggerDelay):
                    delays[channel.key].append((recorded.publish_ns, message))
                elif isinstance(message, Decision):
                    decisions[channel.publisher].append((recorded.publish_ns, message))
    return {
        node.name: _pauses(str(node.params["stagger"]), delays[node.name], decisions[node.name])
        for node in plan.nodes
        if node.name in decisions
        and "stagger" in node.params
        and not stagger_method(node.params["stagger"]).claims
    }


def _pauses(
    stagger: str, delays: list[tuple[int, StaggerDelay]], decisions: list[tuple[int, Decision]]
) -> list[float]:
    method = stagger_method(stagger).worker()
    received = deque(sorted(delays, key=itemgetter(0)))
    pauses: list[float] = []
    last: Decision | None = None
    free_ns = 0
    for published_ns, decision in sorted(decisions, key=itemgetter(0)):
        if last is not None and last.header.incarnation == decision.header.incarnation:
            pauses.append(max(0, decision.began_ns - free_ns) / 1e6)
        last = decision
        finished_ns = decision.began_ns + decision.inference_ns
        _apply(method, received, finished_ns)
        held_ns = method.hold_ns(decision.inference_ns)
        _apply(method, received, published_ns)
        free_ns = finished_ns + held_ns + method.sleep_ns()
    return pauses


def _apply(method: WorkerStagger, received: deque[tuple[int, StaggerDelay]], until_ns: int) -> None:
    while received and received[0][0] <= until_ns:
        method.apply_delay(received.popleft()[1])

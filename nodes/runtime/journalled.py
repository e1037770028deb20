"""Run a node and write its journal (what it consumed), so that the node can be re-executed from a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rtgraph.msgs import Message
from rtgraph.msgs.base import written_header
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.session import Journal
from rtgraph.nodes.runtime.classes.loading import load_class, validated_params
from rtgraph.nodes.runtime.executor import Executor, Host
from rtgraph.nodes.runtime.interface.context import Identity, LaunchContext, Timer
from rtgraph.nodes.runtime.interface.node import Node, Params
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput, Output
from rtgraph.nodes.runtime.journal import OUTPUT, Documents, JournalWriter, Kind
from rtgraph.nodes.runtime.wiring import NodePlan

_TIMER = Kind.TIMER  # members of an enum take five times as long to look up


class JournalledExecutor(Executor):
    """Runs a node and writes its journal: each call of a handler, and the messages that the call consumed and published.

    The journal is published on an output that the runtime adds to the node. ``documents`` is a cache of encoded messages.
    ``options`` are the other arguments of ``Executor``.
    """

    keeps_journal = True

    def __init__(
        self,
        host: Host,
        identity: Identity,
        node_type: type[Node[Any]],
        params: Params,
        *,
        documents: Documents,
        **options: Any,
    ) -> None:
        super().__init__(host, identity, node_type, params, **options)
        port = Output(Journal)
        port.name = OUTPUT
        output = self.node.outputs[OUTPUT] = BoundOutput(port, self.send)
        read_ns = host.clock.now_ns

        def publish(journal: Journal) -> None:
            part = output.sent.get(None, 0)
            output.sent[None] = part + 1
            header = written_header(identity.name, identity.incarnation, part, read_ns(), None)
            host.transmit(self, output, journal.stamped(header), None)

        self._journal = JournalWriter(read_ns, publish, documents, realtime=self.launch_context.realtime)
        self.now_ns = self._journal.now_ns

    def deliver(self, port: BoundInput[Any], message: Any) -> None:
        key = self.identity.name if port.port.keyed else ""
        entered = not port.paused and self._journal.delivered(port.name, key, message)
        super().deliver(port, message)
        if entered:
            self._journal.end()

    def flush_journal(self) -> None:
        self._journal.flush()

    def world_state(self) -> dict[str, Any]:
        return {**super().world_state(), "journal": self._journal.world_state()}

    def load_world_state(self, state: dict[str, Any]) -> None:
        super().load_world_state(state)
        self._journal.load_world_state(state["journal"])

    def _change(self, params: Params, values: Mapping[str, Any], *, quietly: bool) -> None:
        self._journal.begin(Kind.PARAMS, dict(values))
        try:
            super()._change(params, values, quietly=quietly)
        except NodeError:
            self._journal.end()  # the node refuses the values, also if it is run again
            raise
        self._journal.end()

    def _fires(self, timer: Timer) -> None:
        self._journal.begin(_TIMER, timer.number)

    def _fired(self) -> None:
        self._journal.end()

    def _lifecycle(self, kind: Kind, handler: Callable[[], None]) -> None:
        self._journal.begin(kind)
        handler()
        self._journal.end()

    def _published(self, output: BoundOutput[Any], message: Message, key: str | None) -> None:
        self._journal.published(output.name, key, message)


def executor_of(
    host: Host,
    plan: NodePlan,
    incarnation: int,
    *,
    seed: int,
    launch_context: LaunchContext,
    documents: Documents,
    may_drive_hardware: bool = False,
) -> Executor:
    """Make the node of a plan, and return the executor that runs it. The executor writes a journal if ``plan.journal`` is true.

    Raises:
        NodeError: the node cannot be made, or drives a device although ``may_drive_hardware`` is false.
    """
    node_type = load_class(plan.node)
    identity = Identity(plan.name, plan.replica, plan.replicas, incarnation)
    params = validated_params(node_type, plan.params)
    options: dict[str, Any] = {
        "index": plan.index,
        "seed": seed,
        "launch_context": launch_context,
        "taps": plan.taps,
        "may_drive_hardware": may_drive_hardware,
    }
    if plan.journal:
        return JournalledExecutor(host, identity, node_type, params, documents=documents, **options)
    return Executor(host, identity, node_type, params, **options)

"""A learner that learns nothing: it asks for batches, reads them, and reports what it received."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rtgraph.msgs import BatchRequest, Priorities, SampledBatch
from rtgraph.nodes.replay import Batch, BatchReader
from rtgraph.nodes.runtime import Input, Node, Output, Params, queue

AGAIN_NS = 300_000_000


class AskerParams(Params):
    size: int = 8
    update_ns: int = 0
    """Time that it is busy with a batch."""
    by_message: bool = False
    """Receive frames in messages instead of shared memory."""
    writes: bool = False
    """Write and flush a line for each batch, so that a test can read it while the graph runs."""


class Asker(Node[AskerParams]):
    """Asks for a batch, reads it, is busy for a while, publishes the errors of the transitions, and asks again."""

    batch = Input(SampledBatch, queue(16), keyed=True)
    request = Output(BatchRequest)
    priorities = Output(Priorities)

    def on_start(self) -> None:
        directory = self.context.launch_context.directory
        self._reader = BatchReader(self.name, self.context.identity.incarnation, directory)
        self.got: list[tuple[SampledBatch, Batch]] = []
        self.at_ns: list[int] = []
        self._heard_ns = 0
        self._file = None
        if self.params.writes:
            assert directory is not None
            path = directory / f"{self.name}.jsonl"
            self._file = open(path, "a", buffering=1)  # noqa: SIM115 - open for the node's lifetime
        self._ask()
        self.every(AGAIN_NS, self._ask_again)

    def on_batch(self, message: SampledBatch) -> None:
        if not self._reader.answers(message):
            return
        self._heard_ns = self.now_ns
        batch = self._reader.batch(message)
        if batch is None:
            self._ask()
            return
        if self._file is None:
            self.got.append((message, batch))
            self.at_ns.append(self.now_ns)
        else:
            self._file.write(json.dumps(self._told(message, batch)) + "\n")
        self._newest = message
        if self.params.update_ns:
            self.spend(self.params.update_ns, self._learned)
        else:
            self._learned()

    def result(self) -> dict[str, Any]:
        return {"unread": self._reader.unread}

    def _learned(self) -> None:
        indices = self._newest.indices
        self.priorities.publish(
            Priorities(
                indices=indices,
                errors=indices.astype(np.float32),
                drawn_by=self._newest.header.incarnation,
            )
        )
        self._ask()

    def _ask(self) -> None:
        self._publish(self._reader.ask(self.params.size))

    def _ask_again(self) -> None:
        request = self._reader.again()
        if request is not None and self.now_ns - self._heard_ns > AGAIN_NS:
            self._publish(request)

    def _publish(self, request: BatchRequest) -> None:
        self.request.publish(
            request.model_copy(update={"in_place": False}) if self.params.by_message else request
        )

    def _told(self, message: SampledBatch, batch: Batch) -> dict[str, Any]:
        columns = (batch.observations[:, 0], batch.actions, batch.returns, batch.next_observations[:, 0])
        return {
            "replay": message.header.incarnation,
            "learner": self.context.identity.incarnation,
            "ticks": message.ticks,
            "in_place": message.store is not None,
            "rows": {
                int(index): row
                for index, *row in zip(
                    batch.indices.tolist(),
                    *(column.tolist() for column in (*columns, batch.discounts)),
                    strict=True,
                )
            },
        }

"""A node that records learning, so that a test can read it while the graph runs."""

from __future__ import annotations

import json

from rtgraph.msgs import Decision, Learned
from rtgraph.nodes.runtime import Input, Node, Params, lossless


class LearningWitness(Node[Params]):
    """Writes and flushes a line for each update and each decision."""

    learned = Input(Learned, lossless)
    decision = Input(Decision, lossless, many=True)

    def on_start(self) -> None:
        directory = self.context.launch_context.directory
        assert directory is not None
        self._file = open(directory / "witness.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the node's lifetime

    def on_learned(self, learned: Learned) -> None:
        self._write(
            version=learned.version,
            life=learned.header.incarnation,
            learner=learned.learner,
            delay=learned.delay,
            at_s=learned.header.stamp_ns / 1e9,
        )

    def on_decision(self, decision: Decision) -> None:
        self._write(decision=decision.number, acted_with=decision.policy_version, worker=decision.worker)

    def _write(self, **seen: object) -> None:
        self._file.write(json.dumps(seen) + "\n")

"""A convex problem in place of a replay memory: batches of a linear regression, determined by the learner's name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from rtgraph.msgs import BatchRequest, Learned, PlantSpec, Priorities, SampledBatch
from rtgraph.nodes.learner import GradientLearner
from rtgraph.nodes.learner.gradients.memory import GradientMemory
from rtgraph.nodes.runtime import Input, Node, NodePlan, Output, Params, lossless, queue

STATES, ACTIONS, SIZE = 5, 3, 4
SPEC = PlantSpec.model_validate(
    {
        "rate_hz": 60.0,
        "observation": {"dtype": "int64", "shape": [1], "low": 0, "high": STATES - 1},
        "action": {"kind": "discrete", "count": ACTIONS},
    }
)
NETWORK = {"kind": "mlp", "hidden": [], "one_hot": STATES}


def batch_of(learner: str, number: int) -> dict[str, np.ndarray]:
    """Return the batch for a learner's request of that number."""
    digest = hashlib.blake2b(learner.encode(), digest_size=4).digest()
    rng = np.random.default_rng([int.from_bytes(digest, "little"), number])
    observations = rng.integers(STATES, size=(SIZE, 1))
    return {
        "observations": observations,
        "actions": rng.integers(ACTIONS, size=SIZE),
        "returns": rng.standard_normal(SIZE, dtype=np.float32),
        "next_observations": observations,
        "discounts": np.zeros(SIZE, np.float32),
        "weights": rng.uniform(0.5, 1.0, SIZE).astype(np.float32),
        "indices": np.arange(SIZE),
    }


class Source(Node[Params]):
    """Answers every request, and keeps the learners' messages."""

    request = Input(BatchRequest, queue(64), many=True, optional=True)
    priorities = Input(Priorities, queue(64), many=True, optional=True)
    learned = Input(Learned, lossless, many=True, optional=True)
    batch = Output(SampledBatch, keyed=True)

    def on_start(self) -> None:
        self.updates: list[Learned] = []
        self.errors = 0

    def on_request(self, request: BatchRequest) -> None:
        self.batch.publish(
            SampledBatch(
                number=request.number,
                incarnation=request.incarnation,
                ticks=request.number,
                **batch_of(request.learner, request.number),
            ),
            key=request.learner,
        )

    def on_priorities(self, priorities: Priorities) -> None:
        self.errors += len(priorities.errors)

    def on_learned(self, learned: Learned) -> None:
        self.updates.append(learned)


class Sharing(GradientLearner):
    """Leaves gradients in memory, as in real time."""

    def on_prepare(self) -> None:
        super().on_prepare()
        directory = self.context.launch_context.directory
        assert directory is not None
        self._memory = GradientMemory(
            self._updater.weights.numel(),
            self.folder(directory),
            self.name,
            self.context.identity.incarnation,
        )

    def folder(self, session: Path) -> Path:
        return session


class Elsewhere(Sharing):
    """Leaves gradients where the learner does not find them."""

    def folder(self, session: Path) -> Path:
        (session / "elsewhere").mkdir(exist_ok=True)
        return session / "elsewhere"


def plans(
    learners: int,
    order: str,
    latency: dict[str, object],
    algorithm: dict[str, object],
    learner: dict[str, object] | None = None,
    gradients: str = "rtgraph.nodes.learner:GradientLearner",
) -> list[NodePlan]:
    """Return the plans of the source, the learner, and the gradient learners if there are several.

    Args:
        learners: number of learners.
        order: order of their gradients.
        latency: latency of an update.
        algorithm: parameters of DQN.
        learner: other parameters of the learner.
        gradients: class of the gradient learners.
    """
    names = [f"gradient/{number}" for number in range(learners)] if learners > 1 else []
    asking = names or ["learner"]
    params = {
        "weights": "policy",
        "algorithm": {"kind": "dqn"} | algorithm,
        "batch": SIZE,
        "latency": latency,
    }
    found = [
        {
            "name": "source",
            "node": "support.regression:Source",
            "outputs": ["batch"],
            "inputs": {"request": asking, "priorities": asking, "learned": ["learner"]},
        },
        {
            "name": "learner",
            "node": "rtgraph.nodes.learner:Learner",
            "params": {**params, "learners": learners, "order": order, **(learner or {})},
            "outputs": ["request", "priorities", "learned", "weights", "answer"],
            "inputs": {"gradient": names, "learner_state": names} if names else {"batch": ["source"]},
        },
    ]
    found += [
        {
            "name": name,
            "replica": number,
            "replicas": learners,
            "node": gradients,
            "params": params,
            "outputs": ["request", "priorities", "gradient", "learner_state"],
            "inputs": {"weights": ["learner"], "answer": ["learner"], "batch": ["source"]},
        }
        for number, name in enumerate(names)
    ]
    return [
        NodePlan.model_validate(
            {
                **one,
                "index": index,
                "outputs": {port: port for port in one["outputs"]},
                "inputs": {
                    port: {"topic": port, "publishers": publishers}
                    for port, publishers in one["inputs"].items()
                },
            }
        )
        for index, one in enumerate(found)
    ]

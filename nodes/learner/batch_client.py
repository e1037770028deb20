"""The base class of nodes that compute gradients. The node receives the next batch while it still uses the previous one."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt, TypeAdapter

from rtgraph.msgs import BatchRequest, Priorities, SampledBatch
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Discrete
from rtgraph.nodes.algorithms import AnyAlgorithm
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.networks import NetworkSpec
from rtgraph.nodes.replay import Batch, BatchReader
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, queue
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.latency import LatencyParams, Measured, latency_of
from rtgraph.nodes.weights.weights import Weights, weights_named

_SPEC: TypeAdapter[NetworkSpec] = TypeAdapter(NetworkSpec)
ASK_AGAIN_NS = 1_000_000_000
MOST_AT_ONCE = 200
"""Maximum number of updates at one instant of virtual time. More updates are an error: virtual time would never advance."""


class BatchParams(Params):
    """The parameters of all nodes that compute gradients."""

    weights: str
    """The name in the graph of the weights to learn: `${weights:policy}`."""
    algorithm: AnyAlgorithm = DqnParams()
    """The algorithm that computes the loss, and its parameters."""
    batch: PositiveInt = 16
    """Number of transitions per update."""
    correction: float = Field(default=1.0, ge=0, le=1)
    """Initial β of prioritised sampling, the exponent of the importance weights."""
    correction_over: int = Field(default=0, ge=0)
    """Number of updates over which β increases linearly to 1; 0 for a constant β."""
    demonstration_margin: float = Field(
        default=0.0, ge=0, le=1e6, allow_inf_nan=False, exclude_if=operator.not_
    )
    """Margin by which the value of a demonstrated action should exceed the values of all other actions, in every update, as in
    Hester et al. (2018), who use 0.8; 0 to learn only from rewards.
    """
    latency: LatencyParams = Measured()
    """The duration of an update. In real time, an update that finishes earlier waits until this duration is over."""


B = TypeVar("B", bound=BatchParams)


class Batches(Node[B]):
    """The base class of nodes that compute gradients from batches of a replay memory."""

    batch = Input(SampledBatch, queue(4), keyed=True, optional=True)
    request = Output(BatchRequest)
    priorities = Output(Priorities)

    @classmethod
    def check_placement(cls, params: B, placement: Placement) -> None:
        """Check that the weights exist, that algorithm and margins fit them, and that the latency and the device can be used."""
        plan = weights_named(placement.weights, params.weights).plan
        params.algorithm.check(_SPEC.validate_python(plan.network), plan.spec)
        for name, margin in cls.margins(params).items():
            if margin and not isinstance(plan.spec.action, Discrete):
                raise NodeError(
                    f"{name} is for discrete actions, and the plant's are {plan.spec.action.kind}",
                    hint=f"leave {name} out",
                )
        latency = latency_of(params.latency, placement.name)
        latency.draws(generator(0, placement.name, 0), plan.spec.rate_hz)
        if params.algorithm.device != "cpu":
            # Imported here, because a graph is described without torch.
            from rtgraph.nodes.learner.updates.device import device_named  # noqa: PLC0415

            device_named(params.algorithm.device)

    @classmethod
    def margins(cls, params: B) -> Mapping[str, float]:
        """Return the margins of demonstrated actions, by the name of the launch argument."""
        return {"demonstration_margin": params.demonstration_margin}

    def on_prepare(self) -> None:
        """Create the client that requests batches from the replay memory."""
        self._reader = BatchReader(
            self.name, self.context.identity.incarnation, self.context.launch_context.directory
        )
        self._read_ns, self._at_once = -1, 0
        latency = latency_of(self.params.latency, self.name)
        self._draw = latency.draws(self.rng, self.learned_weights().plan.spec.rate_hz)

    def on_stop(self) -> None:
        """Close the shared memory with the replay memory's frames (observations)."""
        self._reader.close()

    def learned_weights(self) -> Weights:
        """Return the weights with the name in the parameters.

        Raises:
            NodeError: the graph has no weights of that name.
        """
        return weights_named(self.context.launch_context.weights, self.params.weights)

    def begun(self) -> int:
        """Return the version (number of updates) of the weights at which learning began.

        The schedule of β in prioritised sampling counts from this version.
        """
        return self.learned_weights().plan.begun

    def begin_requests(self, version: int) -> None:
        """Request the first batch. From now on, also repeat every request that has no answer yet.

        A request has no answer if, for example, the replay memory has restarted.
        """
        self._request(version)
        self.every(ASK_AGAIN_NS, self._retry_request)

    def answers(self, message: SampledBatch) -> bool:
        """Return whether a message answers the last request for a batch. Other answers are outdated."""
        return self._reader.answers(message)

    def read(self, message: SampledBatch, version: int) -> Batch | None:
        """Return the received batch; None if frames of the batch can no longer be read. In both cases, request the next batch.

        Args:
            message: the message with the received batch.
            version: the version (number of updates) of the weights, which determines β of prioritised sampling.
        """
        self._must_take_time()
        batch = self._reader.batch(message)
        self._request(version)
        return batch

    def update_ns(self, began_ns: int) -> int:
        """Return the rest of an update's duration, in ns, for an update that began at the time ``began_ns``."""
        return max(0, self._draw() - (self.now_ns - began_ns))

    def prioritise(
        self, message: SampledBatch, indices: npt.NDArray[np.int64], errors: npt.NDArray[np.float32]
    ) -> None:
        """Send new errors of a batch's transitions to the replay memory, which computes priorities from the errors.

        ``indices`` and ``errors`` have the shape (batch,).
        """
        self.priorities.publish(
            Priorities(indices=indices, errors=errors, drawn_by=message.header.incarnation)
        )

    def _must_take_time(self) -> None:
        """Raise an error if updates take no time in virtual time: virtual time would never advance."""
        self._at_once = self._at_once + 1 if self.now_ns == self._read_ns else 0
        self._read_ns = self.now_ns
        if self._at_once > MOST_AT_ONCE and not self.context.launch_context.realtime:
            raise NodeError(
                f"{self.name}: more than {MOST_AT_ONCE} updates at one instant: updates take no virtual time here, "
                "so virtual time never advances",
                hint="set update_frames (the duration of an update), or updates_per_tick (a limit in the replay memory)",
            )

    def correction_at(self, version: int) -> float:
        """Return β of prioritised sampling at a version (number of updates) of the weights."""
        params = self.params
        made = max(0, version - self.begun())
        risen = min(1.0, made / params.correction_over) if params.correction_over else 0.0
        return params.correction + (1.0 - params.correction) * risen

    def _request(self, version: int) -> None:
        self.request.publish(self._reader.ask(self.params.batch, correction=self.correction_at(version)))

    def _retry_request(self) -> None:
        open_request = self._reader.again()
        if open_request is not None:
            self.request.publish(open_request)

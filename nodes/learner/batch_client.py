"""What every node that computes gradients has in common: batches, asked for one ahead of what it needs."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from rtgraph.msgs import BatchRequest, Priorities, SampledBatch
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.inference.latency import LatencyParams, Measured
from rtgraph.nodes.learner.params import UpdateParams, must_be_discrete
from rtgraph.nodes.replay import Batch, BatchReader
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, queue
from rtgraph.nodes.runtime.context import generator
from rtgraph.nodes.weights.weights import Weights

ASK_AGAIN_NS = 1_000_000_000
MOST_AT_ONCE = 200
"""Updates at one instant of virtual time; more are due at once only where nothing makes them wait."""


class BatchParams(Params):
    """What every node is told that computes gradients."""

    weights: str
    """The weights of the graph that are learned, by name: `${weights:policy}`."""
    update: UpdateParams = UpdateParams()
    """How they are made better."""
    batch: PositiveInt = 16
    """Transitions that an update learns from."""
    correction: float = Field(default=1.0, ge=0, le=1)
    """β of prioritised sampling, how far importance weights make up for it: what it begins with."""
    correction_over: int = Field(default=0, ge=0)
    """Updates over which β rises to 1, linearly; 0 for a β that stays."""
    latency: LatencyParams = Measured()
    """How long an update takes; in real time, what it is padded to."""


B = TypeVar("B", bound=BatchParams)


class Batches(Node[B]):
    """The base of nodes that compute gradients."""

    batch = Input(SampledBatch, queue(4), keyed=True, optional=True)
    request = Output(BatchRequest)
    priorities = Output(Priorities)

    @classmethod
    def check_placement(cls, params: B, placement: Placement) -> None:
        """Check that the weights are there and can be learned, and that there is the device to learn on."""
        plant = placement.weights_named(params.weights).plant
        must_be_discrete(plant)
        params.latency.draws(generator(0, placement.name, 0), plant.rate_hz)
        if params.update.device != "cpu":
            # Only here: to describe a graph takes no torch.
            from rtgraph.nodes.learner.update import device_named  # noqa: PLC0415

            device_named(params.update.device)

    def on_prepare(self) -> None:
        """Get ready to ask for batches."""
        self._reader = BatchReader(
            self.name, self.context.identity.incarnation, self.context.launch_context.directory
        )
        self._read_ns, self._at_once = -1, 0
        self._draw = self.params.latency.draws(self.rng, self.learned_weights().plant.rate_hz)

    def on_stop(self) -> None:
        """Let go of the frames."""
        self._reader.close()

    def learned_weights(self) -> Weights:
        """Return the weights that are learned.

        Raises:
            NodeError: the graph has none of that name.
        """
        return self.context.launch_context.weights_named(self.params.weights)

    def begun(self) -> int:
        """Return the version at which learning began, from which β counts updates."""
        return self.learned_weights().begun

    def begin_asking(self, version: int) -> None:
        """Ask for the first batch, and go on asking while none comes: the replay memory may have been restarted."""
        self._ask(version)
        self.every(ASK_AGAIN_NS, self._ask_again)

    def answers(self, message: SampledBatch) -> bool:
        """Say whether a message is what was asked for last; others are of no use any more."""
        return self._reader.answers(message)

    def read(self, message: SampledBatch, version: int) -> Batch | None:
        """Ask for the next batch, and return this one; None where its frames are gone.

        Args:
            message: what came.
            version: of the weights, which decides how far importance weights correct.
        """
        self._must_take_time()
        batch = self._reader.batch(message)
        self._ask(version)
        return batch

    def update_ns(self, began_ns: int) -> int:
        """Return how much longer an update takes that began then."""
        return max(0, self._draw() - (self.now_ns - began_ns))

    def prioritise(
        self, message: SampledBatch, indices: npt.NDArray[np.int64], errors: npt.NDArray[np.float32]
    ) -> None:
        """Tell the replay memory how far off each transition of a batch was."""
        self.priorities.publish(
            Priorities(indices=indices, errors=errors, drawn_by=message.header.incarnation)
        )

    def _must_take_time(self) -> None:
        """Refuse to learn for ever at one instant."""
        self._at_once = self._at_once + 1 if self.now_ns == self._read_ns else 0
        self._read_ns = self.now_ns
        if self._at_once > MOST_AT_ONCE and not self.context.launch_context.realtime:
            raise NodeError(
                f"{self.name}: more than {MOST_AT_ONCE} updates at one instant: in the virtual world they must take time",
                hint="give them a latency (update_frames), or the replay memory a cadence (updates_per_tick)",
            )

    def _ask(self, version: int) -> None:
        params = self.params
        made = max(0, version - self.begun())
        risen = min(1.0, made / params.correction_over) if params.correction_over else 0.0
        correction = params.correction + (1.0 - params.correction) * risen
        self.request.publish(self._reader.ask(params.batch, correction=correction))

    def _ask_again(self) -> None:
        open_request = self._reader.again()
        if open_request is not None:
            self.request.publish(open_request)

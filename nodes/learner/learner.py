"""The learner: a node that owns the weights and updates them while the graph runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveInt

from rtgraph.msgs import Gradient, GradientAnswer, Learned, LearnerState, SampledBatch
from rtgraph.nodes.learner.gradients.memory import GradientReader
from rtgraph.nodes.learner.gradients.ring import GradientRing
from rtgraph.nodes.learner.learning import Learning, LearningParams
from rtgraph.nodes.runtime import Input, Output, queue

RING_PERIOD_NS = 250_000_000


class LearnerParams(LearningParams):
    """The parameters of a learner."""

    learners: PositiveInt = 1
    """Number of processes that compute gradients. With 1, the learner computes them itself; else, gradient learners do."""
    order: Literal["round_robin", "parallel"] = "round_robin"
    """`round_robin` applies gradients one by one, in cyclic order of the gradient learners; `parallel` applies their mean."""
    silence_s: float = Field(default=3.0, gt=0)
    """Time in s without a message after which a gradient learner is left out. The time is longer if gradients take longer."""


class Learner(Learning[LearnerParams]):
    """Updates the weights with batches of the replay memory, one batch after the other.

    With several ``learners`` this node computes no gradients: it applies the gradients of the gradient learners, in cyclic order or
    as their mean, and sends an answer for each gradient. A gradient learner that dies is left out until it has restarted.
    """

    gradient = Input(Gradient, queue(1024), many=True, optional=True)
    learner_state = Input(LearnerState, queue(1024), many=True, optional=True)
    answer = Output(GradientAnswer, keyed=True)

    def on_start(self) -> None:
        """Publish the first version of the weights. Request batches, unless gradient learners compute the gradients."""
        super().on_start()
        if self.params.learners > 1:
            self._handed = GradientReader(
                self.owner.updater.weights.numel(), self.context.launch_context.directory
            )
            self._ring = GradientRing(
                self.params.learners,
                self.params.order,
                self.owner.updater.version,
                round(self.params.silence_s * 1e9),
                self.now_ns,
                self._draw(),
            )
            self.every(RING_PERIOD_NS, self._drop_silent)
        else:
            self.begin_requests(self.owner.updater.version)

    def on_batch(self, message: SampledBatch) -> None:
        """Update the weights with a batch."""
        if self.answers(message) and self.compute(message):
            self.spend(self.left_ns(), self.computed)

    def on_stop(self) -> None:
        """Save a last checkpoint, and close the shared memory of the gradient learners."""
        super().on_stop()
        if self.params.learners > 1:
            self._handed.close()

    def on_gradient(self, gradient: Gradient) -> None:
        """Store a gradient of a gradient learner. Then make every update that is due.

        An update applies the next gradient in order, or the mean of one gradient of each gradient learner that takes part.
        """
        vector = self._handed.vector(gradient)
        if vector is None:
            # The sender is dead, or on another host: ask it to send the next vector in the message.
            self._answer(gradient, None, in_place=False)
            return
        # Not validated: that would copy the vector, which may be in the learner's shared memory.
        whole = Gradient.unchecked(gradient.__dict__ | {"vector": vector})
        for refused in self._ring.take(whole, self.now_ns):
            self._answer(refused, None)
        self._apply_due()

    def on_learner_state(self, state: LearnerState) -> None:
        """Record that a gradient learner is alive, from its regular message."""
        self._ring.mark_alive(state, self.now_ns)
        if self._ring.returned:
            # It has no weights yet, and the other learners may wait for its gradient.
            self.log.info("gradient learners %s are back", self._ring.returned)
            self._ring.returned.clear()
            self.publish_weights()
        self._apply_due()

    def publishes_target(self) -> bool:
        """Return whether to publish the target network. Only gradient learners need the target network."""
        return self.params.learners > 1

    def versions_per_publication(self) -> int:
        """Return the number of updates per published version: 1 with gradient learners, because they need the newest version."""
        return 1 if self.params.learners > 1 else super().versions_per_publication()

    def result(self) -> dict[str, Any]:
        """Return the results of `Learning`, and with gradient learners the counts of `GradientRing`."""
        found = super().result()
        return found | {"ring": self._ring.figures()} if self.params.learners > 1 else found

    def _apply_due(self) -> None:
        while (due := self._ring.due()) is not None:
            began_ns = self.now_ns
            norm = self.owner.updater.apply_mean([offer.vector for offer in due.offers])
            count = len(due.offers)
            self.publish_update(
                Learned(
                    version=due.version,
                    learner=",".join(offer.learner for offer in due.offers),
                    delay=max(due.delays),
                    loss=sum(offer.loss for offer in due.offers) / count,
                    q_mean=sum(offer.q_mean for offer in due.offers) / count,
                    gradient_norm=norm,
                    samples=sum(offer.samples for offer in due.offers),
                    update_ns=self.now_ns - began_ns,
                    ticks=max(offer.ticks for offer in due.offers),
                )
            )
            for offer in due.offers:
                self._answer(offer, due.version)

    def _answer(self, gradient: Gradient, version: int | None, *, in_place: bool = True) -> None:
        answer = GradientAnswer(
            incarnation=gradient.incarnation, number=gradient.number, version=version, in_place=in_place
        )
        self.answer.publish(answer, key=gradient.learner)

    def _drop_silent(self) -> None:
        for place in self._ring.drop_silent(self.now_ns):
            self.log.warning("gradient learner %d is left out: it sends nothing", place)
        self._apply_due()

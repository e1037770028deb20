"""The learner: owns the weights and improves them while the world runs."""

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
    """Number of processes that compute gradients: with 1 the learner itself, with more the gradient
    learners."""
    order: Literal["round_robin", "parallel"] = "round_robin"
    """Apply gradients one by one, in cyclic order, or all at once as one of a larger batch."""
    silence_s: float = Field(default=3.0, gt=0)
    """Minimum silence after which a gradient learner is left out; longer if gradients take longer."""


class Learner(Learning[LearnerParams]):
    """Makes one update after the other from the batches of the replay memory.

    With several ``learners`` it computes no gradient itself: it applies those of the gradient learners, in
    cyclic order or as one, and answers each. A gradient learner that dies is left out, and rejoins when it is
    back.
    """

    gradient = Input(Gradient, queue(1024), many=True, optional=True)
    learner_state = Input(LearnerState, queue(1024), many=True, optional=True)
    answer = Output(GradientAnswer, keyed=True)

    def on_start(self) -> None:
        """Begin."""
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
            )
            self.every(RING_PERIOD_NS, self._look_for_silent)
        else:
            self.begin_asking(self.owner.updater.version)

    def on_batch(self, message: SampledBatch) -> None:
        """Make an update."""
        if self.answers(message) and self.compute(message):
            self.spend(self.left_ns(), self.computed)

    def on_stop(self) -> None:
        """Save a last checkpoint, and release what gradient learners share."""
        super().on_stop()
        if self.params.learners > 1:
            self._handed.close()

    def on_gradient(self, gradient: Gradient) -> None:
        """Apply the due gradient."""
        vector = self._handed.vector(gradient)
        if vector is None:
            # Its learner is dead, or on another host: request the next one in the message.
            self._answer(gradient, None, in_place=False)
            return
        # Not validated: that would copy the vector, which may be in the learner's shared memory.
        whole = Gradient.unchecked(gradient.__dict__ | {"vector": vector})
        for refused in self._ring.take(whole, self.now_ns):
            self._answer(refused, None)
        self._apply_due()

    def on_learner_state(self, state: LearnerState) -> None:
        """Record that a gradient learner is alive."""
        self._ring.heard(state.place, state.incarnation, self.now_ns)
        if self._ring.returned:
            # It has no weights yet, and the others may be waiting for it.
            self.log.info("gradient learners %s are back", self._ring.returned)
            self._ring.returned.clear()
            self.show()
        self._apply_due()

    def shows_target(self) -> bool:
        """Gradient learners compute with the target network."""
        return self.params.learners > 1

    def versions_between_shows(self) -> int:
        """Gradient learners compute on the newest version, so each version is published."""
        return 1 if self.params.learners > 1 else super().versions_between_shows()

    def result(self) -> dict[str, Any]:
        """Return the number of updates, and of gradients by gradient learner."""
        found = super().result()
        return found | {"ring": self._ring.figures()} if self.params.learners > 1 else found

    def _apply_due(self) -> None:
        while (due := self._ring.due()) is not None:
            began_ns = self.now_ns
            norm = self.owner.updater.apply_mean([offer.vector for offer in due.offers])
            count = len(due.offers)
            self.tell(
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

    def _look_for_silent(self) -> None:
        for place in self._ring.leave_silent(self.now_ns):
            self.log.warning("gradient learner %d is silent: it is left out", place)
        self._apply_due()

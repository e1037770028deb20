"""A gradient learner: one of several processes that compute gradients for one learner, which applies the gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rtgraph.msgs import Gradient, GradientAnswer, LearnerState, SampledBatch, WeightsVersion
from rtgraph.msgs.errors import RegionError
from rtgraph.nodes.learner.batch_client import Batches, BatchParams
from rtgraph.nodes.learner.gradients.memory import GradientMemory
from rtgraph.nodes.learner.gradients.ring import STATE_PERIOD_NS
from rtgraph.nodes.runtime import Input, Output, latest, queue

if TYPE_CHECKING:
    from torch import Tensor

    from rtgraph.nodes.algorithms.algorithm import BatchLoss
    from rtgraph.nodes.replay import Batch


class GradientLearner(Batches[BatchParams]):
    """Computes a gradient with the newest weights, sends it to the learner, and computes the next one when the learner has answered."""

    agrees_on: ClassVar = {"answer": ("weights",)}

    weights = Input(WeightsVersion, latest)
    answer = Input(GradientAnswer, queue(8), keyed=True)
    gradient = Output(Gradient)
    learner_state = Output(LearnerState)

    _made: tuple[SampledBatch, Batch, tuple[Tensor, BatchLoss]]
    """The last gradient, with its batch. It is already computed, but the duration of the computation is not over in the graph's time."""

    def on_prepare(self) -> None:
        """Create the updater, which computes gradients."""
        super().on_prepare()
        # Imported here, because a graph is described without torch.
        from rtgraph.nodes.learner.owner import updater_of  # noqa: PLC0415

        # A noise seed for each learner, so that their noise differs.
        noise_seed = int(self.rng.integers(2**62))
        self._updater = updater_of(self.learned_weights(), self.params.algorithm, noise_seed)
        self._memory = self._shared()

    def on_stop(self) -> None:
        """Close the shared memory of weights and gradients."""
        super().on_stop()
        self._share_no_more()

    def on_start(self) -> None:
        """Announce this gradient learner to the learner, and request the first batch."""
        self._number = 0
        self._waits = False
        self._awaited = 0
        self._pending: SampledBatch | None = None
        self._shown: WeightsVersion | None = None
        self._read: tuple[int, int] | None = None
        self._target: tuple[int, int] | None = None
        self.every(STATE_PERIOD_NS, self._say_state)
        self._say_state()
        self.begin_requests(0)

    def on_weights(self, announced: WeightsVersion) -> None:
        """Use the announced version of the weights for the next gradients."""
        self._on_new_version(announced)
        self._go_on()

    def on_answer(self, answer: GradientAnswer) -> None:
        """Record that the learner has answered the last gradient. Then compute the next one if possible."""
        if (answer.incarnation, answer.number) == (self.context.identity.incarnation, self._number - 1):
            self._waits = False
            if not answer.in_place:
                self._share_no_more()
            elif answer.version is None:
                # Wait for a version other than the one that the gradient was computed with.
                self._awaited = self._updater.version + 1
            else:
                self._awaited = answer.version
            self._go_on()

    def on_batch(self, message: SampledBatch) -> None:
        """Keep the batch until the next gradient is computed."""
        if self.answers(message):
            self._pending = message
            self._go_on()

    def _go_on(self) -> None:
        """Compute the next gradient, if the learner has answered the last one, and both new weights and a batch are available."""
        if (announced := self.weights.take()) is not None:  # received while the learner was busy
            self._on_new_version(announced)
        if self._waits or self._pending is None or not self._has_weights():
            return
        message, self._pending = self._pending, None
        batch = self.read(message, self._updater.version)
        if batch is None:
            return
        self._waits = True
        self._began_ns = self.now_ns
        self._made = message, batch, self._updater.gradients(batch, self.params.demonstration_margin)
        self.spend(self.update_ns(self._began_ns), self._offer)

    def _offer(self) -> None:
        message, batch, (gradient, found) = self._made
        self.prioritise(message, batch.indices, found.td_errors)
        vector = gradient.cpu().numpy()
        if self._memory is not None:
            self._memory.leave(self._number, vector)
        self.gradient.publish(
            Gradient(
                learner=self.name,
                place=self.context.identity.replica,
                incarnation=self.context.identity.incarnation,
                number=self._number,
                based_on=self._updater.version,
                store=None if self._memory is None else self._memory.name,
                vector=vector if self._memory is None else vector[:0],
                loss=found.loss,
                q_mean=found.q_mean,
                samples=len(batch.actions),
                ticks=message.ticks,
            )
        )
        self._number += 1

    def _shared(self) -> GradientMemory | None:
        """Return shared memory for gradients; None if there is no shared memory.

        In virtual time, return None, too: all nodes are in one process.
        """
        launch_context = self.context.launch_context
        if not launch_context.realtime or launch_context.directory is None:
            return None
        try:
            return GradientMemory(
                self._updater.weights.numel(),
                launch_context.directory,
                self.name,
                self.context.identity.incarnation,
            )
        except (RegionError, OSError) as error:
            self.log.warning(
                "gradients are sent in messages, because shared memory is not available: %s", error
            )
            return None

    def _share_no_more(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _on_new_version(self, announced: WeightsVersion) -> None:
        """Record a new version of the weights. If the learner has restarted, stop waiting for its answer to the last gradient.

        A restarted learner does not answer gradients from before its restart.
        """
        if self._shown is None or announced.life > self._shown.life:
            self._waits, self._awaited = False, 0
        self._shown = announced

    def _has_weights(self) -> bool:
        """Read the newest weights. Return whether they are recent enough for the next gradient.

        The learner, i.e. the node that owns the weights, answers each gradient. If its last answer named a version, the weights must
        have this version or a newer version. If the learner refused the last gradient, the weights must be newer than the weights
        that this gradient was computed with. Return False if the weights are older, already overwritten or not announced: the
        learner will announce a newer version.
        """
        announced = self._shown
        if announced is None or announced.target_version is None or announced.target_slot is None:
            return False
        if announced.version < self._awaited:
            return False
        life = announced.life
        if self._target != (life, announced.target_version):
            if not self._copy(announced.target_version, announced.target_slot, target=True):
                return False
            self._target = (life, announced.target_version)
        if self._read != (life, announced.version):
            if not self._copy(announced.version, announced.slot, target=False):
                return False
            self._read = (life, announced.version)
        return True

    def _copy(self, version: int, slot: int, *, target: bool) -> bool:
        versions = self.learned_weights().versions
        held = versions.hold(version, slot)
        if held is None:
            return False
        try:
            if target:
                self._updater.read_target(held)
            else:
                self._updater.read(version, held)
        finally:
            versions.release(slot)
        return True

    def _say_state(self) -> None:
        identity = self.context.identity
        self.learner_state.publish(
            LearnerState(learner=self.name, place=identity.replica, incarnation=identity.incarnation)
        )

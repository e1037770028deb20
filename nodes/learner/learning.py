"""The base class of nodes that own and update weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt, model_validator

from rtgraph.msgs import Learned, SampledBatch, WeightsVersion
from rtgraph.msgs.errors import CheckpointError, NodeError
from rtgraph.nodes.learner.batch_client import Batches, BatchParams
from rtgraph.nodes.learner.pretraining import Pretrained, PretrainingParams, pretrain
from rtgraph.nodes.runtime import Output

if TYPE_CHECKING:
    from rtgraph.nodes.algorithms.algorithm import BatchLoss
    from rtgraph.nodes.learner.owner import Owner


RETRY_PUBLICATION_NS = 20_000_000
ANNOUNCE_AGAIN_NS = 1_000_000_000


class LearningParams(BatchParams):
    """The parameters of all nodes that own weights."""

    publish_every: PositiveInt = 1
    """Number of updates from one published version of the weights to the next; always 1 with several learners."""
    checkpoint_every_s: float | None = Field(default=60.0, gt=0)
    """Seconds of the graph's time between two checkpoints; null to save only at the end, and after pretraining."""
    keep_checkpoints: PositiveInt = 3
    """Number of checkpoints to keep, the newest ones."""
    checkpoints: str = Field(default="checkpoints", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    """The name of the folder for checkpoints, inside the session folder."""
    resume: str | None = None
    """A checkpoint to resume from, or a folder with checkpoints."""
    pretraining: PretrainingParams = PretrainingParams()
    """Updates from demonstrations before the graph starts. There are none if the node resumes from a checkpoint."""

    @model_validator(mode="after")
    def _margin_of_something(self) -> Self:
        replay = self.pretraining.replay
        if self.demonstration_margin and replay is not None and not replay.fill:
            raise NodeError(
                f"demonstration_margin={self.demonstration_margin:g} needs a demonstration to learn from",
                hint="give a recording: demonstration=FILE; `rtgraph play` makes one",
            )
        return self


P = TypeVar("P", bound=LearningParams)


@dataclass(frozen=True, slots=True)
class _Update:
    """A computed update, before its duration is over in the graph's time."""

    message: SampledBatch
    indices: npt.NDArray[np.int64]
    found: BatchLoss
    began_ns: int


class Learning(Batches[P]):
    """The base class of nodes that own weights. After a crash, the restarted node resumes from its newest checkpoint."""

    weights = Output(WeightsVersion)
    learned = Output(Learned)

    owner: Owner
    pretrained: Pretrained | None = None
    shown: WeightsVersion | None = None
    """The version of the weights that was published last; None before the first one, or if the last attempt to publish failed."""

    @classmethod
    def margins(cls, params: P) -> Mapping[str, float]:
        """Return the margins of demonstrated actions, by the name of the launch argument.

        One of them is for the updates before the graph starts.
        """
        return {**super().margins(params), "pretrain_margin": params.pretraining.margin}

    def on_prepare(self) -> None:
        """Make the network. Then resume from a checkpoint if there is one to resume from.

        If there is none, and ``pretraining.updates`` is above 0, learn from demonstrations.
        """
        super().on_prepare()
        self.owner, resumed = self._owned()
        if self.params.pretraining.updates and not resumed:
            self.pretrained = self._pretrain()

    def on_start(self) -> None:
        """Publish the first version of the weights."""
        self._unpublished = self._skipped = self._unsaved = 0
        self.publish_weights()
        self.every(ANNOUNCE_AGAIN_NS, self._announce_again)
        if self.context.launch_context.realtime:
            self.every(RETRY_PUBLICATION_NS, self._retry_publication)
        if self.pretrained is not None:
            self._save()  # a restarted node must not repeat these updates
        if self.params.checkpoint_every_s is not None:
            self.every(round(self.params.checkpoint_every_s * 1e9), self._save)

    def on_stop(self) -> None:
        """Save a last checkpoint. If this fails, the node fails too, because the weights would be lost."""
        super().on_stop()
        self.owner.save(self.now_ns)

    def result(self) -> dict[str, Any]:
        """Return the numbers of updates, ticks and failed attempts to publish or save, and the results of pretraining."""
        version, ticks = self.owner.updater.version, self.owner.ticks(self.now_ns)
        counts: dict[str, Any] = {"version": version, "ticks": ticks, "skipped": self._skipped}
        if self.pretrained is not None:
            counts["pretrained"] = asdict(self.pretrained)
        return counts | ({"checkpoints_failed": self._unsaved} if self._unsaved else {})

    def publish_update(self, made: Learned) -> None:
        """Publish the results of an update. Publish the new weights too, if enough updates were made since the last published version."""
        self.learned.publish(made)
        self._unpublished += 1
        if self._unpublished >= self.versions_per_publication():
            self.publish_weights()

    def compute(self, message: SampledBatch) -> bool:
        """Compute an update from a batch. `computed` applies it later. Return False if the batch can no longer be read."""
        batch = self.read(message, self.owner.updater.version)
        if batch is None:
            return False
        began_ns = self.now_ns
        found = self.owner.updater.prepare(batch, self.params.demonstration_margin)
        self._update = _Update(message, batch.indices, found, began_ns)
        return True

    def left_ns(self) -> int:
        """Return the part of the last update's duration that has not passed yet, in ns. The node stays busy for this time."""
        return self.update_ns(self._update.began_ns)

    def computed(self) -> None:
        """Apply the update that `compute` prepared, and publish its results."""
        made, updater = self._update, self.owner.updater
        norm = updater.finish()
        self.prioritise(made.message, made.indices, made.found.td_errors)
        self.publish_update(
            Learned(
                version=updater.version,
                learner=self.name,
                loss=made.found.loss,
                q_mean=made.found.q_mean,
                gradient_norm=norm,
                samples=len(made.indices),
                update_ns=self.now_ns - made.began_ns,
                ticks=made.message.ticks,
            )
        )

    def publish_weights(self) -> None:
        """Publish the current weights. If other processes still read all slots of the shared memory, nothing is published now.

        A timer then tries again soon.
        """
        self.shown = self.owner.publish_weights(self.context.identity.incarnation)
        if self.shown is None:
            self._skipped += 1
        else:
            self._unpublished = 0
            self._announced_ns = self.now_ns
            self.weights.publish(self.shown)

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the node from a checkpoint of a virtual run. New checkpoints of the weights are saved in the folder of this session."""
        super().load_world_state(state)
        self.owner.keep_in(self._folder(), self.context.launch_context.limits.ticks)

    def begun(self) -> int:
        """Return the version (number of updates) at which learning began, in this run or in an earlier run that this run resumes."""
        return self.owner.updater.begun

    def versions_per_publication(self) -> int:
        """Return the number of updates per published version of the weights."""
        return self.params.publish_every

    def publishes_target(self) -> bool:
        """Return whether other nodes use the target network."""
        return False

    def _pretrain(self) -> Pretrained:
        params = self.params.pretraining
        return pretrain(
            self.owner.updater,
            params,
            batch=self.params.batch,
            correction=self.correction_at,
            rng=np.random.default_rng(int(self.rng.integers(2**62))),
            report=lambda made: self.preparing("updates from demonstrations", made, params.updates),
        )

    def _owned(self) -> tuple[Owner, bool]:
        """Return the object that owns the weights, and whether the weights come from a checkpoint."""
        # Imported here, because a graph is described without torch.
        from rtgraph.nodes.learner.owner import Owner  # noqa: PLC0415

        params = self.params
        owner = Owner(
            self.learned_weights(),
            params.algorithm,
            self._folder(),
            params.keep_checkpoints,
            target=self.publishes_target(),
            noise_seed=int(self.rng.integers(2**62)),
            most_ticks=self.context.launch_context.limits.ticks,
        )
        resumed = bool(self.context.identity.incarnation) and owner.resume_own()
        if not resumed and params.resume is not None:
            owner.resume(Path(params.resume))
            resumed = True
        return owner, resumed

    def _folder(self) -> Path | None:
        directory = self.context.launch_context.directory
        return None if directory is None else directory / self.params.checkpoints

    def _retry_publication(self) -> None:
        """Publish the weights again if the last attempt failed: other nodes may have no weights yet."""
        if self.shown is None:
            self.publish_weights()

    def _announce_again(self) -> None:
        """Repeat the announcement of the current weights, for nodes that started later."""
        if self.shown is not None and self.now_ns - self._announced_ns >= ANNOUNCE_AGAIN_NS:
            self._announced_ns = self.now_ns
            self.weights.publish(self.shown)

    def _save(self) -> None:
        try:
            self.owner.save(self.now_ns)
        except CheckpointError as error:
            # A full disk does not stop learning; the earlier checkpoints are kept.
            self._unsaved += 1
            self.log.warning("%s", error)

"""The owner of weights: it updates the weights, publishes their versions, and saves them to disk."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from rtgraph.msgs import WeightsVersion
from rtgraph.nodes.algorithms import AlgorithmParams
from rtgraph.nodes.learner.updates.checkpoint import Checkpoints, load
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.clock import period_ns
from rtgraph.nodes.weights.checkpoint_reader import checkpoint_parameters
from rtgraph.nodes.weights.versions import hold_newest
from rtgraph.nodes.weights.weights import Weights

_SPEC: TypeAdapter[NetworkSpec] = TypeAdapter(NetworkSpec)


def updater_of(weights: Weights, params: AlgorithmParams, noise_seed: int) -> Updater:
    """Return an updater with initial weights, which come from a seed or from a checkpoint.

    Raises:
        LearningError: the algorithm does not fit the network.
    """
    spec = _SPEC.validate_python(weights.plan.network)
    updater = Updater(spec, weights.plan.spec, params, seed=weights.plan.seed, noise_seed=noise_seed)
    if weights.plan.checkpoint:
        version, slot, memory = hold_newest(weights.versions)
        updater.read(version, memory)
        updater.read_target(memory)
        updater.target_version = version
        updater.begun = weights.plan.begun
        weights.versions.release(slot)
    return updater


def _count(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


class Owner:
    """Owns weights: an updater, the shared memory for published weights, and the checkpoints.

    Args:
        weights: the weights to own.
        params: the parameters of the algorithm and the optimiser.
        folder: the folder of checkpoints; None for no checkpoints.
        keep: number of checkpoints to keep.
        target: whether to publish the target network too, because other nodes use it.
        noise_seed: the seed of all randomness of the loss, such as the noise of noisy layers.
        most_ticks: number of ticks after which the run ends; None without a limit.

    Raises:
        LearningError: the algorithm does not fit the network.
        CheckpointError: the folder cannot be created.
    """

    def __init__(
        self,
        weights: Weights,
        params: AlgorithmParams,
        folder: Path | None,
        keep: int,
        *,
        target: bool,
        noise_seed: int,
        most_ticks: int | None = None,
    ) -> None:
        self.updater = updater_of(weights, params, noise_seed)
        self._ticks_before = 0
        self._weights = weights
        self._keep = keep
        self.keep_in(folder, most_ticks)
        self._publishes_target = target
        self._target: tuple[int, int] | None = None
        """The last published target network: its version, and its slot in the shared memory. None before the first one."""

    def keep_in(self, folder: Path | None, most_ticks: int | None) -> None:
        """Save checkpoints in a folder from now on; None for no checkpoints.

        A virtual run that resumes another run has a new folder, and may have another maximum number of ticks.

        Raises:
            CheckpointError: the folder cannot be created.
        """
        self._most_ticks = most_ticks
        self._checkpoints = None if folder is None else Checkpoints(folder, self._keep)
        self._saved: tuple[int, int] | None = None
        """The newest checkpoint that this process has saved: its version and its number of ticks. None before the first one."""

    def resume(self, path: Path) -> None:
        """Resume from a checkpoint, or from the newest checkpoint in a folder.

        Raises:
            CheckpointError: the checkpoint cannot be read, or belongs to another network or environment.
        """
        checkpoint_parameters(path).must_be_in(self._weights.plan.identity)
        state = load(path)
        self.updater.load_training_state(state)
        self._ticks_before = _count(state.facts.extra.get("ticks"))

    def resume_own(self) -> bool:
        """Resume from the newest checkpoint that this node saved before its restart. Return False if there is no checkpoint.

        Raises:
            CheckpointError: the checkpoint cannot be read.
        """
        if self._checkpoints is None or not self._checkpoints.any():
            return False
        state = load(self._checkpoints.folder)
        self.updater.load_training_state(state)
        self._ticks_before = _count(state.facts.extra.get("ticks_before"))
        return True

    def ticks(self, now_ns: int) -> int:
        """Return the number of ticks (steps) of the environment until ``now_ns``, computed from the environment's rate.

        Ticks of earlier runs that this run resumes are included.
        """
        # One more than the number of finished periods: tick 0 is at 0.
        ticks = now_ns // period_ns(self._weights.plan.spec.rate_hz) + 1
        return self._ticks_before + (ticks if self._most_ticks is None else min(ticks, self._most_ticks))

    def publish_weights(self, life: int) -> WeightsVersion | None:
        """Publish the current weights. Return None if other processes still read all slots of the shared memory.

        Args:
            life: how often the node that owns the weights was restarted.
        """
        updater, versions = self.updater, self._weights.versions
        if self._publishes_target and not self._publish_target():
            return None
        kept = () if self._target is None else (self._target[1],)
        slot = versions.publish(updater.version, updater.write, keep=kept)
        if slot is None:
            return None
        target_version, target_slot = self._target or (None, None)
        return WeightsVersion(
            weights=self._weights.name,
            version=updater.version,
            life=life,
            slot=slot,
            target_version=target_version,
            target_slot=target_slot,
        )

    def save(self, now_ns: int) -> None:
        """Save a checkpoint, unless this version of the weights is already saved with the same number of ticks.

        Raises:
            CheckpointError: the checkpoint cannot be written. Earlier checkpoints are kept.
        """
        saved = self.updater.version, self.ticks(now_ns)
        if self._checkpoints is not None and self._saved != saved:
            counts: dict[str, JsonValue] = {"ticks": saved[1], "ticks_before": self._ticks_before}
            if self._weights.plan.identity:
                counts["identity"] = self._weights.plan.identity
            self._checkpoints.save(self.updater.training_state(counts))
            self._saved = saved

    def _publish_target(self) -> bool:
        """Publish the target network in a slot of the shared memory, unless this version of it is already published.

        The slot keeps this version until the next version of the target network is published. Return False if no slot is free.
        """
        version = self.updater.target_version
        if self._target is not None and self._target[0] == version:
            return True
        slot = self._weights.versions.publish(version, self.updater.write_target, newest=False)
        if slot is not None:
            self._target = (version, slot)
        return slot is not None

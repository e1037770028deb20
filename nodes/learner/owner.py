"""The weights that a node owns: it makes their versions, shows them to others, and keeps them on the disk."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from rtgraph.msgs import WeightsVersion
from rtgraph.nodes.learner.checkpoint import Checkpoints, load
from rtgraph.nodes.learner.params import UpdateParams
from rtgraph.nodes.learner.update import Updater
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.weights import Weights

_SPEC: TypeAdapter[NetworkSpec] = TypeAdapter(NetworkSpec)


def updater_of(weights: Weights, params: UpdateParams) -> Updater:
    """Return an updater of the network that these weights are of, with the weights of version 0.

    Raises:
        LearningError: the weights cannot be learned.
    """
    return Updater(_SPEC.validate_python(weights.network), weights.plant, params, seed=weights.seed)


class Owner:
    """An updater, the shared memory of its weights and its checkpoints.

    Args:
        weights: what is owned.
        params: how updates are made.
        folder: where checkpoints go; None for nowhere.
        keep: how many of them are kept.
        target: whether others compute with the target network, and so have to be shown it.

    Raises:
        LearningError: the weights cannot be learned.
        CheckpointError: the folder cannot be made.
    """

    def __init__(
        self, weights: Weights, params: UpdateParams, folder: Path | None, keep: int, *, target: bool
    ) -> None:
        self.updater = updater_of(weights, params)
        self.ticks = 0
        """Ticks of plants that were learned from, those of earlier runs included."""
        self._ticks_before = 0
        self._weights = weights
        self._keep = keep
        self.keep_in(folder)
        self._shows_target = target
        self._target: tuple[int, int] | None = None
        """Version and slot of the target network that was shown last."""

    def keep_in(self, folder: Path | None) -> None:
        """Keep checkpoints in a folder from now on; None for nowhere.

        Raises:
            CheckpointError: the folder cannot be made.
        """
        self._checkpoints = None if folder is None else Checkpoints(folder, self._keep)
        self._saved: int | None = None

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint, or the newest of a folder of them.

        Raises:
            CheckpointError: it cannot be read, or is that of another network or plant.
        """
        state = load(path)
        self.updater.load_state(state)
        ticks = state.facts.extra.get("ticks", 0)
        self.ticks = self._ticks_before = ticks if isinstance(ticks, int) else 0

    def resume_own(self) -> bool:
        """Go on from the newest checkpoint of an earlier life, if there is one.

        Raises:
            CheckpointError: it cannot be read.
        """
        if self._checkpoints is None or not self._checkpoints.any():
            return False
        self.resume(self._checkpoints.folder)
        return True

    def learned_from(self, ticks: int) -> None:
        """Note how many ticks the replay memory had seen."""
        self.ticks = max(self.ticks, self._ticks_before + ticks)

    def show(self) -> WeightsVersion | None:
        """Put the weights where others read them; None where every slot is being read, and nothing was written."""
        updater, versions = self.updater, self._weights.versions
        if self._shows_target and not self._show_target():
            return None
        kept = () if self._target is None else (self._target[1],)
        slot = versions.publish(updater.version, updater.write, keep=kept)
        if slot is None:
            return None
        target_version, target_slot = self._target or (None, None)
        return WeightsVersion(
            weights=self._weights.name,
            version=updater.version,
            slot=slot,
            target_version=target_version,
            target_slot=target_slot,
        )

    def save(self) -> None:
        """Keep a checkpoint, unless this version is kept already.

        Raises:
            CheckpointError: it cannot be written; the earlier ones are all there.
        """
        if self._checkpoints is not None and self._saved != self.updater.version:
            self._checkpoints.save(self.updater.state({"ticks": self.ticks}))
            self._saved = self.updater.version

    def _show_target(self) -> bool:
        """Put the target network into a slot of its own, where it stays until there is another one."""
        version = self.updater.target_version
        if self._target is not None and self._target[0] == version:
            return True
        slot = self._weights.versions.publish(version, self.updater.write_target, newest=False)
        if slot is not None:
            self._target = (version, slot)
        return slot is not None

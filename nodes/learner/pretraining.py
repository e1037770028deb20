"""Learning from demonstrations before the world runs (Riemer et al., ICLR 2025, section 5: 16,000 updates)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator

from rtgraph.msgs import Record
from rtgraph.msgs.errors import LearningError, NodeError
from rtgraph.nodes.replay import ReplayParams, demonstrations

if TYPE_CHECKING:
    from rtgraph.nodes.learner.updates.update import Updater

REPORT_EVERY = 20
"""Updates between two reports of progress."""


class PretrainingParams(Record):
    """How many updates are made from demonstrations before the world runs."""

    updates: int = Field(default=0, ge=0)
    """Number of updates; 0 for none."""
    replay: ReplayParams | None = None
    """The parameters of the replay memory; its `fill` names the recordings."""

    @model_validator(mode="after")
    def _from_something(self) -> Self:
        if self.updates and (self.replay is None or not self.replay.fill):
            raise NodeError(
                f"{self.updates:,} updates are to be made before the world runs, and there is no demonstration",
                hint="demonstration=FILE, with a recording: see `rtgraph play`",
            )
        return self


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What was learned from demonstrations."""

    updates: int
    transitions: int
    target_version: int
    """The version of the target network at the end."""
    loss: float
    """Mean loss of the last updates."""

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def pretrain(
    updater: Updater,
    params: PretrainingParams,
    *,
    batch: int,
    correction: Callable[[int], float],
    rng: np.random.Generator,
    report: Callable[[int], bool],
) -> Pretrained:
    """Make updates from the transitions of demonstrations; the target network follows as in any other updates.

    Args:
        updater: the weights and their optimiser.
        params: the number of updates, and the demonstrations.
        batch: transitions per update.
        correction: β of prioritised sampling by version.
        rng: draws the batches.
        report: called now and then with the number of updates made; False ends it early.

    Raises:
        LearningError: the demonstrations have no transitions, or learning diverged.
        ReplayError: they cannot be read as this plant's.
    """
    if params.replay is None:
        raise LearningError("there is no demonstration")
    buffer = demonstrations(params.replay, rng)
    try:
        if not len(buffer):
            raise LearningError(
                f"no transition is in {', '.join(params.replay.fill)}", hint="record a longer demonstration"
            )
        losses: list[float] = []
        made = 0
        while made < params.updates:
            if made % REPORT_EVERY == 0 and not report(made):
                break
            sampled = buffer.sample(batch, rng, correction=correction(updater.version))
            result = updater.step(sampled)
            buffer.update_priorities(sampled.indices, result.td_errors)
            losses = [*losses[1 - REPORT_EVERY :], result.loss]
            made += 1
        report(made)
        return Pretrained(
            made, len(buffer), updater.target_version, float(np.mean(losses)) if losses else 0.0
        )
    finally:
        buffer.close()

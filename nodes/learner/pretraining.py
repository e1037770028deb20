"""Learning from demonstrations before the graph starts (Riemer et al., ICLR 2025, section 5: 16,000 updates)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from rtgraph.msgs import Record
from rtgraph.msgs.errors import LearningError, NodeError
from rtgraph.nodes.replay import ReplayParams, demonstrations

if TYPE_CHECKING:
    from rtgraph.nodes.learner.updates.update import Updater

NORMALISED_WITH = 256
"""Number of transitions drawn from the demonstrations. The initial weights are scaled to the observations in them."""
REPORT_EVERY = 20
"""Number of updates between reports of progress."""


class PretrainingParams(Record):
    """Parameters of the updates from demonstrations that precede the start of the graph."""

    updates: int = Field(default=0, ge=0)
    """Number of updates; 0 for none."""
    margin: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)
    """Margin by which the value of a demonstrated action should exceed the values of all other actions; 0 to learn only from rewards.
    Hester et al. (2018) use 0.8.
    """
    normalise: bool = False
    """Whether to scale the initial weights of convolutions to the demonstrations' observations first (Salimans & Kingma, 2016)."""
    replay: ReplayParams | None = None
    """The parameters of the replay memory with the demonstrations. `fill` names the recordings."""

    @model_validator(mode="after")
    def _from_something(self) -> Self:
        if self.updates and (self.replay is None or not self.replay.fill):
            raise NodeError(
                f"pretrain_updates={self.updates} needs a demonstration to learn from",
                hint="give a recording: demonstration=FILE; `rtgraph play` makes one",
            )
        for name, given in (("margin", self.margin), ("normalise", self.normalise)):
            if given and not self.updates:
                raise NodeError(
                    f"pretrain_{name} has no effect without pretrain_updates",
                    hint=f"give pretrain_updates=N, or leave pretrain_{name} out",
                )
        return self


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The result of learning from demonstrations."""

    updates: int
    transitions: int
    target_version: int
    """The version (number of updates) at the last change of the target network."""
    loss: float
    """Mean loss of the last 20 updates; 0 without updates."""


def pretrain(
    updater: Updater,
    params: PretrainingParams,
    *,
    batch: int,
    correction: Callable[[int], float],
    rng: np.random.Generator,
    report: Callable[[int], bool],
) -> Pretrained:
    """Update the weights and the target network with the transitions of demonstrations.

    Args:
        updater: the weights and their optimiser.
        params: the number of updates, and the demonstrations.
        batch: number of transitions per update.
        correction: returns β of prioritised sampling for a version of the weights.
        rng: draws the batches.
        report: called from time to time with the number of updates made. If it returns False, pretraining ends.

    Raises:
        LearningError: the demonstrations have no transitions, or gradients or weights are no longer finite.
        ReplayError: a recording has no plant (environment or robot), or observations of another shape or dtype.
        BagError: a recording cannot be read.
    """
    if params.replay is None:
        raise LearningError(
            "there is no demonstration to learn from", hint="name recordings in pretraining.replay.fill"
        )
    buffer = demonstrations(params.replay, rng)
    try:
        if not len(buffer):
            raise LearningError(
                f"no transition is recorded in {', '.join(params.replay.fill)}",
                hint="record a longer demonstration",
            )
        if params.normalise:
            updater.normalise(buffer.sample(NORMALISED_WITH, rng))
        losses: list[float] = []
        made = 0
        while made < params.updates:
            if made % REPORT_EVERY == 0 and not report(made):
                break
            sampled = buffer.sample(batch, rng, correction=correction(updater.version))
            result = updater.step(sampled, params.margin)
            buffer.update_priorities(sampled.indices, result.td_errors)
            losses = [*losses[1 - REPORT_EVERY :], result.loss]
            made += 1
        report(made)
        return Pretrained(
            made, len(buffer), updater.target_version, float(np.mean(losses)) if losses else 0.0
        )
    finally:
        buffer.close()

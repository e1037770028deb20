"""How much is sampled for what comes in, and who waits for whom."""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.msgs.errors import ReplayError


@dataclass(frozen=True, slots=True)
class LimiterCounts:
    """What a limiter has let through and held up."""

    inserted: int
    sampled: int
    insert_waits: int
    """How often inserting was asked for and refused."""
    sample_waits: int


class Limiter:
    """Keeps what is sampled close to ``samples_per_insert`` times what is inserted.

    Sampling waits until ``minimum`` is inserted, and whenever as much was sampled as is due; inserting waits while
    more than ``slack`` samples are due. At least one of the two may always go on: inserting is held up only while
    sampling is not. So nobody waits for ever unless a side is gone: say so (``inserter_lost``, ``sampler_lost``)
    and the other goes on without it; when it is back, what was missed is not made up for. After ``stop`` nobody
    waits.

    It is told what was done, and never waits itself. Where the one who inserts cannot wait, as a plant cannot, ask
    only ``may_sample``.

    Args:
        samples_per_insert: transitions sampled for each that is inserted; None for no limit but ``minimum``.
        minimum: how many are inserted before the first is sampled.
        slack: samples that may be due before inserting waits.

    Raises:
        ReplayError: an argument is out of range.
    """

    def __init__(
        self, samples_per_insert: float | None, *, minimum: int = 1, slack: float = float("inf")
    ) -> None:
        if samples_per_insert is not None and not 0 < samples_per_insert < float("inf"):
            raise ReplayError(
                f"samples_per_insert is {samples_per_insert}", hint="choose it above 0, or null for no limit"
            )
        if minimum < 1 or not slack >= 0:
            raise ReplayError(
                f"a limiter with minimum {minimum}, slack {slack}", hint="minimum ≥ 1, slack ≥ 0"
            )
        self._ratio = samples_per_insert
        self._minimum = minimum
        self._slack = slack
        self._inserted = self._sampled = self._insert_waits = self._sample_waits = 0
        self._forgiven = 0.0
        """Samples taken out of the account, since they fell due or were drawn while a side was gone."""
        self._stopped = self._inserter_gone = self._sampler_gone = False

    @property
    def due(self) -> float:
        """How many samples are due; negative where more were drawn than that."""
        if self._ratio is None or self._inserted < self._minimum:
            return 0.0
        return (self._inserted - self._minimum + 1) * self._ratio - self._sampled - self._forgiven

    def may_sample(self) -> bool:
        """Say whether a batch, of whatever size, may be sampled now. What it exceeds is waited for afterwards."""
        allowed = self._may_sample()
        self._sample_waits += not allowed
        return allowed

    def may_insert(self) -> bool:
        """Say whether one may be inserted now."""
        allowed = self._stopped or self._sampler_gone or not self._may_sample() or self.due <= self._slack
        self._insert_waits += not allowed
        return allowed

    def _may_sample(self) -> bool:
        if self._stopped:
            return True
        if self._inserter_gone:
            return self._inserted > 0
        return self._inserted >= self._minimum and (self._ratio is None or self.due > 0)

    def inserted(self, count: int = 1) -> None:
        """Note that so many were inserted."""
        self._inserted += count

    def present(self, count: int) -> None:
        """Note that so many were there before, from an earlier run or a recording: nothing falls due for them."""
        self._inserted += count
        self._forgiven += self.due

    def sampled(self, count: int) -> None:
        """Note that so many were sampled."""
        self._sampled += count

    def inserter_lost(self) -> None:
        """Note that nobody inserts any more: sampling goes on with what there is."""
        self._inserter_gone = True

    def inserter_back(self) -> None:
        """Note that somebody inserts again. What was sampled beyond what was due is forgotten."""
        self._inserter_gone = False
        self._forgiven += min(0.0, self.due)

    def sampler_lost(self) -> None:
        """Note that nobody samples any more: inserting goes on."""
        self._sampler_gone = True

    def sampler_back(self) -> None:
        """Note that somebody samples again. What fell due meanwhile beyond the slack is forgotten."""
        self._sampler_gone = False
        if self._slack < float("inf"):
            self._forgiven += max(0.0, self.due - self._slack)

    def stop(self) -> None:
        """Let everybody go on, for good."""
        self._stopped = True

    @property
    def counts(self) -> LimiterCounts:
        """What was let through and held up so far."""
        return LimiterCounts(self._inserted, self._sampled, self._insert_waits, self._sample_waits)

"""How much is sampled for what comes in, and who waits for whom."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rtgraph.msgs.errors import ReplayError

_FINEST = 1_000_000
"""Ratios are taken as the nearest fraction of whole numbers up to this: 0.3333333333333333 is meant as 1/3."""


@dataclass(frozen=True, slots=True)
class LimiterCounts:
    """What a limiter has let through and held up."""

    inserted: int
    sampled: int
    insert_waits: int
    """How often inserting was asked for and refused."""
    sample_waits: int
    forgone: int
    """Samples that fell due beyond the slack and are not made up for."""


class Limiter:
    """Keeps what is sampled close to ``samples_per_insert`` times what is inserted.

    Sampling waits until ``minimum`` is inserted, and whenever as much was sampled as is due; inserting waits while
    more than ``slack`` samples are due. At least one of the two may always go on: inserting is held up only while
    sampling is not. So nobody waits for ever unless a side is gone: say so (``inserter_lost``, ``sampler_lost``)
    and the other goes on without it; when it is back, what was missed is not made up for. After ``stop`` nobody
    waits.

    It is told what was done, and never waits itself. Where the one who inserts cannot wait, as a plant cannot, ask
    only ``may_sample``, and say ``forgo`` after inserting.

    The account is kept in whole numbers: however long it goes on, no sample is let through early or late.

    Args:
        samples_per_insert: transitions sampled for each that is inserted; None for no limit but ``minimum``.
        minimum: how many are inserted before the first is sampled.
        slack: samples that may be due before inserting waits.
        batch: samples that have to be due before any may be drawn. Without it a batch of whatever size may be drawn
            as soon as any is due, and what it exceeds is waited for afterwards.

    Raises:
        ReplayError: an argument is out of range.
    """

    def __init__(
        self,
        samples_per_insert: float | None,
        *,
        minimum: int = 1,
        slack: float = float("inf"),
        batch: int | None = None,
    ) -> None:
        if samples_per_insert is not None and not 0 < samples_per_insert < float("inf"):
            raise ReplayError(
                f"samples_per_insert is {samples_per_insert}", hint="choose it above 0, or null for no limit"
            )
        if minimum < 1 or not slack >= 0:
            raise ReplayError(
                f"a limiter with minimum {minimum}, slack {slack}", hint="minimum ≥ 1, slack ≥ 0"
            )
        if batch is not None and not 1 <= batch <= slack:
            raise ReplayError(
                f"a limiter for batches of {batch}, slack {slack}",
                hint="1 ≤ batch ≤ slack, or none is ever due",
            )
        self._limited = samples_per_insert is not None
        ratio = _fraction(samples_per_insert or 1.0)
        # All in parts of a sample: as many as make its ratio a whole number.
        self._per_insert, self._per_sample = ratio.numerator, ratio.denominator
        self._needed = 1 if batch is None else batch * self._per_sample
        self._slack = slack * self._per_sample
        self._minimum = minimum
        self._inserted = self._sampled = self._insert_waits = self._sample_waits = 0
        self._forgiven = 0
        """Taken out of the account, since it fell due or was drawn while a side was gone."""
        self._forgone = 0
        self._stopped = self._inserter_gone = self._sampler_gone = False

    @property
    def due(self) -> float:
        """How many samples are due; negative where more were drawn than that."""
        return self._due() / self._per_sample

    def may_sample(self) -> bool:
        """Say whether a batch may be sampled now."""
        allowed = self._may_sample()
        self._sample_waits += not allowed
        return allowed

    def may_insert(self) -> bool:
        """Say whether one may be inserted now."""
        allowed = self._stopped or self._sampler_gone or not self._may_sample() or self._due() <= self._slack
        self._insert_waits += not allowed
        return allowed

    def inserted(self, count: int = 1) -> None:
        """Note that so many were inserted."""
        self._inserted += count

    def present(self, count: int) -> None:
        """Note that so many were there before, from an earlier run or a recording: nothing falls due for them."""
        self._inserted += count
        self._forgiven += self._due()

    def sampled(self, count: int) -> None:
        """Note that so many were sampled."""
        self._sampled += count

    def forgo(self) -> None:
        """Forget what is due beyond the slack, where inserting did not wait for it."""
        beyond = self._due() - self._slack
        if beyond > 0:
            self._forgiven += int(beyond)
            self._forgone += int(beyond)

    def inserter_lost(self) -> None:
        """Note that nobody inserts any more: sampling goes on with what there is."""
        self._inserter_gone = True

    def inserter_back(self) -> None:
        """Note that somebody inserts again. What was sampled beyond what was due is forgotten."""
        self._inserter_gone = False
        self._forgiven += min(0, self._due())

    def sampler_lost(self) -> None:
        """Note that nobody samples any more: inserting goes on."""
        self._sampler_gone = True

    def sampler_back(self) -> None:
        """Note that somebody samples again. What fell due meanwhile beyond the slack is forgotten."""
        self._sampler_gone = False
        self.forgo()

    def stop(self) -> None:
        """Let everybody go on, for good."""
        self._stopped = True

    @property
    def counts(self) -> LimiterCounts:
        """What was let through and held up so far."""
        return LimiterCounts(
            self._inserted,
            self._sampled,
            self._insert_waits,
            self._sample_waits,
            self._forgone // self._per_sample,
        )

    def _due(self) -> int:
        """Return what is due, in parts of a sample."""
        if not self._limited or self._inserted < self._minimum:
            return 0
        inserted = (self._inserted - self._minimum + 1) * self._per_insert
        return inserted - self._sampled * self._per_sample - self._forgiven

    def _may_sample(self) -> bool:
        if self._stopped:
            return True
        if self._inserter_gone:
            return self._inserted > 0
        return self._inserted >= self._minimum and (not self._limited or self._due() >= self._needed)


def _fraction(ratio: float) -> Fraction:
    exact = Fraction(ratio)
    return exact.limit_denominator(_FINEST) or exact

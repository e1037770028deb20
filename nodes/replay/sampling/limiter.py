"""The limiter: keeps a ratio between sampled and inserted transitions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rtgraph.msgs.errors import ReplayError

_FINEST = 1_000_000
"""Ratios are rounded to the nearest fraction with parts up to this: 0.3333333333333333 means 1/3."""


@dataclass(frozen=True, slots=True)
class LimiterCounts:
    """The counts of a limiter."""

    inserted: int
    sampled: int
    insert_waits: int
    """Number of times that inserting was refused."""
    sample_waits: int
    forgone: int
    """Number of samples due beyond the slack, which are skipped."""


class Limiter:
    """Keeps the number of samples close to ``samples_per_insert`` times the number of inserts.

    Sampling waits until ``minimum`` transitions are inserted, and whenever no sample is due. Inserting waits
    while more than ``slack`` samples are due. At least one of the two is always allowed: inserting waits only
    while sampling does not. So neither waits forever unless one side is gone: then call ``inserter_lost`` or
    ``sampler_lost``, and the other side continues without it; what is missed meanwhile is skipped. After
    ``stop`` neither side waits.

    The limiter only counts; it never blocks. If the inserter cannot wait (a plant cannot), use only
    ``may_sample``, and call ``forgo`` after inserting.

    The counts are integers: however long it runs, no sample is allowed early or late.

    Args:
        samples_per_insert: samples for each insert; None for no limit except ``minimum``.
        minimum: number of inserts before the first sample.
        slack: number of samples that may be due before inserting waits.
        batch: number of samples that must be due before sampling is allowed. Without it, a batch of any size
            is allowed as soon as one sample is due, and the excess delays later batches.

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
        # All counts are in fractions of a sample, chosen so that the ratio is an integer.
        self._per_insert, self._per_sample = ratio.numerator, ratio.denominator
        self._needed = 1 if batch is None else batch * self._per_sample
        self._slack = slack * self._per_sample
        self._minimum = minimum
        self._inserted = self._sampled = self._insert_waits = self._sample_waits = 0
        self._forgiven = 0
        """Removed from the balance, because it was due or sampled while a side was gone."""
        self._forgone = 0
        self._stopped = self._inserter_gone = self._sampler_gone = False

    @property
    def due(self) -> float:
        """Number of samples due; negative if more were taken."""
        return self._due() / self._per_sample

    def may_sample(self) -> bool:
        """Return whether a batch may be sampled now."""
        allowed = self._may_sample()
        self._sample_waits += not allowed
        return allowed

    def may_insert(self) -> bool:
        """Return whether a transition may be inserted now."""
        allowed = self._stopped or self._sampler_gone or not self._may_sample() or self._due() <= self._slack
        self._insert_waits += not allowed
        return allowed

    def inserted(self, count: int = 1) -> None:
        """Count inserts."""
        self._inserted += count

    def present(self, count: int) -> None:
        """Count transitions from an earlier run or a recording: they make no samples due."""
        self._inserted += count
        self._forgiven += self._due()

    def sampled(self, count: int) -> None:
        """Count samples."""
        self._sampled += count

    def forgo(self) -> None:
        """Skip the samples due beyond the slack, for an inserter that does not wait."""
        beyond = self._due() - self._slack
        if beyond > 0:
            self._forgiven += int(beyond)
            self._forgone += int(beyond)

    def inserter_lost(self) -> None:
        """Declare the inserter gone: sampling continues with the current contents."""
        self._inserter_gone = True

    def inserter_back(self) -> None:
        """Declare the inserter back. Samples taken beyond those due are forgiven."""
        self._inserter_gone = False
        self._forgiven += min(0, self._due())

    def sampler_lost(self) -> None:
        """Declare the sampler gone: inserting continues."""
        self._sampler_gone = True

    def sampler_back(self) -> None:
        """Declare the sampler back. Samples due beyond the slack are skipped."""
        self._sampler_gone = False
        self.forgo()

    def stop(self) -> None:
        """Allow both sides to continue from now on."""
        self._stopped = True

    @property
    def counts(self) -> LimiterCounts:
        """The counts so far."""
        return LimiterCounts(
            self._inserted,
            self._sampled,
            self._insert_waits,
            self._sample_waits,
            self._forgone // self._per_sample,
        )

    def _due(self) -> int:
        """Return the number of samples due, in fractions of a sample."""
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

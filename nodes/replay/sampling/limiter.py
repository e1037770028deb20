"""The limiter: limits how many samples are taken from a replay memory for each inserted item."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rtgraph.msgs.errors import ReplayError

_FINEST = 1_000_000
"""Largest denominator of the fraction that approximates a ratio: 0.3333333333333333 becomes 1/3."""


@dataclass(frozen=True, slots=True)
class LimiterCounts:
    """The counts of a limiter."""

    inserted: int
    sampled: int
    sample_waits: int
    """Number of times that sampling was refused."""
    forgone: int
    """Number of due samples that were skipped, because more than ``slack`` samples were due."""


class Limiter:
    """Keeps the number of samples at most ``samples_per_insert`` times the number of inserts.

    A sample is *due* when the ratio allows it. Sampling waits while no sample is due. Inserting never waits, since an environment
    in real time cannot wait. After inserting, call ``skip_excess`` to skip the samples due beyond ``slack``. The limiter only
    counts; it never blocks. The counts are integers: however long the limiter runs, no sample is allowed early or late.

    Args:
        samples_per_insert: number of samples per insert; None for no limit.
        slack: maximum number of due samples that are not skipped.

    Raises:
        ReplayError: an argument is out of range.
    """

    def __init__(self, samples_per_insert: float | None, *, slack: float = float("inf")) -> None:
        if samples_per_insert is not None and not 0 < samples_per_insert < float("inf"):
            raise ReplayError(
                f"samples_per_insert must be above 0 and finite, not {samples_per_insert}",
                hint="use None for no limit",
            )
        if not slack >= 1:
            raise ReplayError(f"slack must be at least 1, not {slack}", hint="below 1, no sample is ever due")
        self._limited = samples_per_insert is not None
        ratio = _fraction(samples_per_insert or 1.0)
        # All counts are in fractions of a sample, chosen so that the ratio is an integer.
        self._per_insert, self._per_sample = ratio.numerator, ratio.denominator
        self._slack = slack * self._per_sample
        self._inserted = self._sampled = self._sample_waits = 0
        self._forgiven = 0
        """Skipped samples, and samples for items of earlier runs, which are not due. In units of 1 / ``_per_sample``."""
        self._forgone = 0
        self._stopped = False

    @property
    def due(self) -> float:
        """Number of samples due; negative if more samples were taken than allowed; 0 without a limit."""
        return self._due() / self._per_sample

    def may_sample(self) -> bool:
        """Return whether one sample may be taken now."""
        due = not self._limited or self._due() >= self._per_sample
        allowed = self._stopped or (self._inserted > 0 and due)
        self._sample_waits += not allowed
        return allowed

    def inserted(self, count: int = 1) -> None:
        """Count new transitions."""
        self._inserted += count

    def present(self, count: int) -> None:
        """Count transitions from an earlier run or a recording. These transitions make no samples due."""
        self._inserted += count
        self._forgiven += self._due()

    def sampled(self, count: int) -> None:
        """Count samples that were taken."""
        self._sampled += count

    def skip_excess(self) -> None:
        """Skip the due samples beyond ``slack``."""
        beyond = self._due() - self._slack
        if beyond > 0:
            self._forgiven += int(beyond)
            self._forgone += int(beyond)

    def stop(self) -> None:
        """Allow all sampling from now on."""
        self._stopped = True

    @property
    def counts(self) -> LimiterCounts:
        """The numbers of inserts, samples and skipped samples so far."""
        forgone = self._forgone // self._per_sample
        return LimiterCounts(self._inserted, self._sampled, self._sample_waits, forgone)

    def _due(self) -> int:
        """Return the number of samples due, multiplied by ``_per_sample``, so that the result is an integer."""
        if not self._limited:
            return 0
        return self._inserted * self._per_insert - self._sampled * self._per_sample - self._forgiven


def _fraction(ratio: float) -> Fraction:
    exact = Fraction(ratio)
    return exact.limit_denominator(_FINEST) or exact

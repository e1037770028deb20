"""The order in which the gradients of several learners are applied to one set of weights.

Learners compute at the same time and *offer* their gradients. The node that owns the weights applies the *due* gradients. Each
application makes the next version of the weights. This module does not depend on the form of a gradient, on time, or on messages.

>>> ring = RoundRobin(["learner/0", "learner/1"])
>>> ring.offer("learner/1", gradient, based_on=0)
True
>>> ring.due()                                      # None: it is learner/0's turn
>>> ring.leave("learner/0")                         # it died; the ring closes
>>> ring.due()
Update(version=1, offers=(Offer(learner='learner/1', ...),))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class Offer(Generic[G]):
    """A gradient offered by a learner, and the version of the weights with which it was computed."""

    learner: str
    gradient: G
    based_on: int


@dataclass(frozen=True, slots=True)
class Update(Generic[G]):
    """The gradients to apply next (their mean, if there are several), and the version that the weights then have."""

    version: int
    offers: tuple[Offer[G], ...]

    @property
    def delays(self) -> tuple[int, ...]:
        """Return the staleness of each gradient: the number of versions from its computation to its application."""
        return tuple(self.version - 1 - offer.based_on for offer in self.offers)


class _Ring(Generic[G]):
    """Learners in cyclic order. Some may have left the ring. Also holds the gradients that learners have offered.

    ``refused`` counts gradients that were offered but not accepted. ``discarded`` counts accepted gradients that were removed
    before they were applied.
    """

    def __init__(self, learners: Sequence[str], version: int = 0) -> None:
        if not learners or len(set(learners)) != len(learners):
            raise ValueError(f"expected one or more distinct learners, got {list(learners)}")
        self._learners = tuple(learners)
        self._alive = set(learners)
        self._offers: dict[str, Offer[G]] = {}
        self.version = version
        self.refused = 0
        self.discarded = 0

    @property
    def alive(self) -> tuple[str, ...]:
        """Return the learners in the ring, in cyclic order."""
        return tuple(learner for learner in self._learners if learner in self._alive)

    @property
    def waiting(self) -> frozenset[str]:
        """Return the learners with an offered gradient that has not been applied yet."""
        return frozenset(self._offers)

    def offer(self, learner: str, gradient: G, based_on: int) -> bool:
        """Add a learner's gradient, computed with the version ``based_on``. Return False if the learner is not in the ring.

        Raises:
            ValueError: The learner's previous gradient has not been applied yet, or there is no such version.
        """
        if learner not in self._alive:
            self.refused += 1
            return False
        if learner in self._offers:
            raise ValueError(
                f"{learner!r} offers a gradient, and its previous one is not applied yet: withdraw the previous one first"
            )
        if not 0 <= based_on <= self.version:
            raise ValueError(
                f"{learner!r} used version {based_on} of the weights, which does not exist: the versions are 0 to {self.version}"
            )
        self._offers[learner] = Offer(learner, gradient, based_on)
        return True

    def withdraw(self, learner: str) -> None:
        """Remove a learner's gradient that has not been applied yet, if there is one."""
        if self._offers.pop(learner, None) is not None:
            self.discarded += 1

    def leave(self, learner: str) -> None:
        """Remove a learner from the ring, and drop the gradient that it has offered.

        Raises:
            ValueError: There is no such learner.
        """
        self._known(learner)
        self._alive.discard(learner)
        self.withdraw(learner)

    def join(self, learner: str) -> None:
        """If a learner has left the ring, add the learner again at its former position.

        Raises:
            ValueError: There is no such learner.
        """
        self._known(learner)
        self._alive.add(learner)

    def _known(self, learner: str) -> int:
        try:
            return self._learners.index(learner)
        except ValueError:
            raise ValueError(
                f"there is no learner {learner!r}: the learners are {', '.join(self._learners)}"
            ) from None

    def _made(self, learners: Sequence[str]) -> Update[G]:
        self.version += 1
        return Update(self.version, tuple(self._offers.pop(learner) for learner in learners))


class RoundRobin(_Ring[G]):
    """Gradients applied one by one, in cyclic order (Langford et al., 2009; Riemer et al., 2025, section 3).

    Assume that each of N learners computes with the version that its last gradient has made. Then the staleness of every gradient
    is N − 1 versions.

    Args:
        learners: The learners in cyclic order. At first all of them take part; ``leave`` removes a learner, and ``join`` puts
            the learner back.
        version: The current version.
        turn: The learner with the first turn; by default the first learner.

    Raises:
        ValueError: There are no learners, one occurs twice, or ``turn`` is not one of them.
    """

    def __init__(self, learners: Sequence[str], version: int = 0, turn: str | None = None) -> None:
        super().__init__(learners, version)
        self._next = 0 if turn is None else self._known(turn)

    @property
    def turn(self) -> str | None:
        """Return the learner with the next turn; None if the ring is empty."""
        around = self._learners[self._next :] + self._learners[: self._next]
        return next((learner for learner in around if learner in self._alive), None)

    def due(self) -> Update[G] | None:
        """Return the gradient to apply now, and count it as applied; None if the learner with the next turn has offered no gradient."""
        learner = self.turn
        if learner is None or learner not in self._offers:
            return None
        self._next = (self._learners.index(learner) + 1) % len(self._learners)
        return self._made([learner])


class Parallel(_Ring[G]):
    """The mean of the gradients of all N learners, applied as one update. This baseline equals one batch N times as large.

    Arguments and errors are those of `RoundRobin`, without ``turn``.
    """

    def offer(self, learner: str, gradient: G, based_on: int) -> bool:
        """Add a learner's gradient. Return False if the learner is not in the ring, or ``based_on`` is older than ``version``.

        The gradients of all learners are averaged, so all of them must have been computed with the same version of the weights.
        """
        if learner in self._alive and learner not in self._offers and 0 <= based_on < self.version:
            self.refused += 1
            return False
        return super().offer(learner, gradient, based_on)

    def due(self) -> Update[G] | None:
        """Return one gradient of each learner in the ring, and count these gradients as applied.

        The mean of these gradients is to be applied now, as one update. Return None until each learner has offered a gradient.
        """
        alive = self.alive
        if not alive or any(learner not in self._offers for learner in alive):
            return None
        return self._made(alive)

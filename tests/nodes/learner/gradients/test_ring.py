"""The ring of gradient learners as seen by one learner, without nodes."""

from __future__ import annotations

import numpy as np
import pytest

from rtgraph.msgs import Gradient
from rtgraph.nodes.learner.gradients.ring import GradientRing

SECOND = 1_000_000_000


def gradient(place, number=0, *, based_on=0, incarnation=0):
    return Gradient(
        learner=f"gradient/{place}",
        place=place,
        incarnation=incarnation,
        number=number,
        based_on=based_on,
        vector=np.full(2, number, np.float32),
        loss=0.0,
        q_mean=0.0,
        samples=4,
        ticks=0,
    )


@pytest.mark.parametrize("order", ["round_robin", "parallel"])
def test_of_two_gradients_that_one_has_offered_only_the_newest_is_used(order):
    """After a restart of the learner, an earlier offer and a newer one from the same gradient learner both arrive."""
    ring = GradientRing(2, order, 0, SECOND, 0)
    for number in (0, 1):
        assert ring.take(gradient(1, number), 0) == ()
    assert ring.take(gradient(0), 0) == ()
    offers = []
    while (due := ring.due()) is not None:
        offers += due.offers
    assert [(offer.place, offer.number) for offer in offers] == [(0, 0), (1, 1)]


def test_what_cannot_be_used_is_given_back_or_ignored():
    ring = GradientRing(2, "round_robin", 5, SECOND, 0)
    newer, nobody, former = gradient(0, based_on=6), gradient(2), gradient(1, incarnation=0)
    assert list(ring.take(newer, 0)) == [newer]
    assert ring.take(nobody, 0) == ()
    assert ring.mark_alive(1, 1, 0)
    assert ring.take(former, 0) == ()
    assert ring.due() is None


def test_one_that_is_silent_for_long_is_left_out_unless_all_take_that_long():
    ring = GradientRing(2, "round_robin", 0, SECOND, 0)
    assert ring.drop_silent(SECOND) == []
    assert ring.drop_silent(SECOND + 1) == [0, 1]
    ring.take(gradient(0), 3 * SECOND)  # it takes three seconds, which is known from now on
    assert ring.returned == [0]
    assert ring.due().offers[0].place == 0
    assert ring.drop_silent(15 * SECOND) == []
    assert ring.drop_silent(15 * SECOND + 1) == [0]

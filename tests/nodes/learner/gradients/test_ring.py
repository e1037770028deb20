"""The ring of gradient learners as seen by one learner, without nodes."""

from __future__ import annotations

import numpy as np
import pytest

from rtgraph.msgs import Gradient, Header, LearnerState
from rtgraph.nodes.learner.gradients.ring import GradientRing

SECOND = 1_000_000_000


def gradient(place, number=0, *, based_on=0, incarnation=0, sent_ns=0):
    made = Gradient(
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
    return made.stamped(header(place, incarnation, sent_ns))


def state(place, *, incarnation=0, sent_ns=0):
    made = LearnerState(learner=f"gradient/{place}", place=place, incarnation=incarnation)
    return made.stamped(header(place, incarnation, sent_ns))


def header(place, incarnation, sent_ns):
    return Header(source=f"gradient/{place}", incarnation=incarnation, sequence=0, stamp_ns=sent_ns)


def longest_silence_ns(ring, place, heard_ns):
    """Return for how long a learner, last heard at ``heard_ns``, may be silent before it is left out, in ns."""
    tenths = (at for at in range(1, 10_000) if place in ring.drop_silent(heard_ns + at * SECOND // 10))
    return (next(tenths) - 1) * SECOND // 10


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
    assert ring.mark_alive(state(1, incarnation=1), 0)
    assert ring.take(former, 0) == ()
    assert ring.due() is None


def test_one_that_is_silent_for_long_is_left_out_unless_all_take_that_long():
    ring = GradientRing(2, "round_robin", 0, SECOND, 0)
    assert ring.drop_silent(SECOND) == []
    assert ring.drop_silent(SECOND + 1) == [0, 1]
    ring.take(
        gradient(0, sent_ns=3 * SECOND), 3 * SECOND
    )  # it takes three seconds, which is known from now on
    assert ring.returned == [0]
    assert ring.due().offers[0].place == 0
    assert ring.drop_silent(15 * SECOND) == []
    assert ring.drop_silent(15 * SECOND + 1) == [0]


@pytest.mark.parametrize("overtaken", [False, True])
def test_how_long_a_gradient_takes_is_known_also_if_a_later_message_arrives_first(overtaken):
    ring = GradientRing(1, "round_robin", 0, SECOND, 0)
    ring.mark_alive(state(0, sent_ns=SECOND), SECOND)
    later = state(0, sent_ns=4 * SECOND + 1)
    if overtaken:
        ring.mark_alive(later, 4 * SECOND)
    ring.take(gradient(0, sent_ns=4 * SECOND), 4 * SECOND)
    assert ring.due() is not None
    if not overtaken:
        ring.mark_alive(later, 4 * SECOND)
    assert longest_silence_ns(ring, 0, 4 * SECOND) == 12 * SECOND


def test_an_outage_is_not_the_time_that_a_gradient_takes():
    ring = GradientRing(2, "round_robin", 0, SECOND, 0)
    assert ring.drop_silent(60 * SECOND) == [0, 1]
    ring.mark_alive(state(0, sent_ns=60 * SECOND), 60 * SECOND)
    assert longest_silence_ns(ring, 0, 60 * SECOND) == SECOND


def test_how_long_a_gradient_takes_is_not_forgotten_while_its_learner_waits():
    ring = GradientRing(1, "round_robin", 0, SECOND, 0)
    ring.take(gradient(0, sent_ns=3 * SECOND), 3 * SECOND)
    assert ring.due() is not None
    for half in range(7, 200):
        ring.mark_alive(state(0, sent_ns=half * SECOND // 2), half * SECOND // 2)
    assert longest_silence_ns(ring, 0, 199 * SECOND // 2) == 12 * SECOND


def test_the_slowest_of_many_learners_is_waited_for():
    ring = GradientRing(50, "round_robin", 0, SECOND, 0)
    now_ns = 0
    for number in range(3):
        started_ns, now_ns = now_ns, now_ns + 3 * SECOND
        for place in range(49):
            for sent_ns in range(started_ns, now_ns, SECOND // 2):
                ring.mark_alive(state(place, sent_ns=sent_ns), sent_ns)
                if sent_ns == started_ns:
                    ring.take(gradient(place, number, sent_ns=sent_ns + 1), sent_ns + 1)
        assert ring.drop_silent(now_ns - 1) == ([49] if number == 0 else [])
        ring.take(gradient(49, number, sent_ns=now_ns), now_ns)
        while ring.due() is not None:
            pass


def test_the_time_until_a_restart_is_not_how_long_a_gradient_takes():
    ring = GradientRing(1, "round_robin", 0, SECOND, 0)
    ring.take(gradient(0, incarnation=1, sent_ns=60 * SECOND), 60 * SECOND)
    assert ring.due() is not None
    assert longest_silence_ns(ring, 0, 60 * SECOND) == SECOND

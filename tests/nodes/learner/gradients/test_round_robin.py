import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.learner.gradients.round_robin import Parallel, RoundRobin

RATE = 0.05


def names(count):
    return [f"learner/{number}" for number in range(count)]


class Regression:
    """Least squares, a convex problem: each gradient uses one sample, drawn from its learner's own generator."""

    def __init__(self, size=6, samples=40):
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(samples, size, generator=generator)
        self.wanted = self.inputs @ torch.randn(size, generator=generator)
        self.start = torch.zeros(size)

    def gradient(self, weights, sample):
        return self.inputs[sample] * (self.inputs[sample] @ weights - self.wanted[sample])

    def loss(self, weights):
        return float(((self.inputs @ weights - self.wanted) ** 2).mean())


def in_rounds(problem, count, updates, order):
    """Learn with learners that compute whenever they may; ``order`` chooses the next among the idle ones."""
    ring = RoundRobin(names(count))
    weights = {0: problem.start}
    holds = dict.fromkeys(ring.alive, 0)
    offered = set()
    made = dict.fromkeys(ring.alive, 0)
    delays = []
    while ring.version < updates:
        idle = [learner for learner in ring.alive if learner not in offered]
        learner = order(idle)
        number = ring.alive.index(learner)
        sample = (made[learner] * count + number) % len(problem.inputs)
        made[learner] += 1
        gradient = problem.gradient(weights[holds[learner]], sample)
        assert ring.offer(learner, gradient, holds[learner])
        offered.add(learner)
        while (update := ring.due()) is not None:
            (offer,) = update.offers
            weights[update.version] = weights[update.version - 1] - RATE * offer.gradient
            holds[offer.learner] = update.version
            offered.discard(offer.learner)
            delays += update.delays
    return weights[updates], delays


def by_hand(problem, delay, updates):
    """Delayed SGD (Langford et al., 2009): each gradient uses the weights of ``delay`` updates ago."""
    weights = [problem.start]
    for update in range(updates):
        gradient = problem.gradient(weights[max(0, update - delay)], update % len(problem.inputs))
        weights.append(weights[-1] - RATE * gradient)
    return weights[-1]


@pytest.mark.parametrize("order", [lambda idle: idle[0], lambda idle: idle[-1]], ids=["first", "last"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_it_is_delayed_sgd_bit_for_bit(count, order):
    problem = Regression()
    weights, delays = in_rounds(problem, count, 400, order)
    assert torch.equal(weights, by_hand(problem, count - 1, 400))
    assert delays[:400] == [min(update, count - 1) for update in range(400)]
    assert problem.loss(weights) < problem.loss(problem.start) / 50


def test_delays_make_a_difference():
    problem = Regression()
    assert not torch.equal(by_hand(problem, 0, 400), by_hand(problem, 3, 400))


@given(
    count=st.integers(1, 5),
    events=st.lists(
        st.tuples(st.sampled_from(["offer", "offer", "offer", "leave", "join"]), st.integers(0, 4)),
        max_size=80,
    ),
)
def test_order_holds_whoever_dies_and_comes_back(count, events):
    learners = names(count)
    ring = RoundRobin(learners)
    waiting, accepted, applied, discarded = set(), 0, [], 0
    for event, which in events:
        learner = learners[which % count]
        if event == "leave":
            discarded += learner in waiting
            waiting.discard(learner)
            ring.leave(learner)
        elif event == "join":
            ring.join(learner)
        elif learner not in waiting:
            before = ring.refused
            if ring.offer(learner, object(), ring.version):
                accepted += 1
                waiting.add(learner)
            else:
                assert learner not in ring.alive
                assert ring.refused == before + 1
        while True:
            turn, version = ring.turn, ring.version
            update = ring.due()
            if update is None:
                assert (
                    turn not in waiting
                )  # the learner next in turn lives and has offered nothing, or all are dead
                assert (turn is None) == (not ring.alive)
                break
            assert [offer.learner for offer in update.offers] == [turn]
            assert update.version == version + 1 == ring.version
            waiting.discard(turn)
            applied.append(turn)
            # The turn passed to the next living learner in the cycle.
            around = learners[learners.index(turn) + 1 :] + learners[: learners.index(turn) + 1]
            assert ring.turn == next(learner for learner in around if learner in ring.alive)
    assert ring.version == len(applied) == accepted - discarded - len(waiting)
    assert ring.discarded == discarded


def test_the_ring_closes_when_a_learner_dies():
    ring = RoundRobin(["a", "b", "c"])
    for learner in ("c", "b"):
        ring.offer(learner, learner, 0)
    assert ring.due() is None
    ring.leave("a")
    assert [ring.due().offers[0].learner, ring.due().offers[0].learner] == ["b", "c"]
    assert (ring.version, ring.turn) == (2, "b")
    ring.join("a")
    assert ring.turn == "a"


def test_who_left_is_not_listened_to_and_what_it_offered_is_not_applied():
    ring = RoundRobin(["a", "b"])
    ring.offer("b", "late", 0)
    ring.leave("b")
    assert not ring.offer("b", "later", 0)
    assert (ring.discarded, ring.refused) == (1, 1)
    ring.offer("a", "x", 0)
    assert ring.due().offers[0].gradient == "x"
    ring.join("b")
    assert ring.turn == "b"
    assert ring.due() is None


def test_no_gradient_overwrites_another():
    ring = RoundRobin(["a", "b"])
    ring.offer("b", "first", 0)
    with pytest.raises(ValueError, match="not applied yet"):
        ring.offer("b", "second", 0)
    with pytest.raises(
        ValueError, match="used version 1 of the weights, which does not exist: the versions are 0 to 0"
    ):
        ring.offer("a", "from the future", 1)


def test_going_on_from_a_version_and_a_turn():
    ring = RoundRobin(["a", "b"], version=7, turn="b")
    ring.offer("a", "x", 7)
    assert ring.due() is None
    ring.offer("b", "y", 6)
    update = ring.due()
    assert (update.version, update.offers[0].learner, update.delays) == (8, "b", (1,))
    assert ring.due().delays == (1,)


@pytest.mark.parametrize("learners", [[], ["a", "a"]])
def test_learners_are_some_and_different(learners):
    with pytest.raises(ValueError, match="expected one or more distinct learners"):
        RoundRobin(learners)


@pytest.mark.parametrize(
    "call", [lambda r: r.leave("z"), lambda r: r.join("z"), lambda _: RoundRobin(["a"], turn="z")]
)
def test_a_stranger_is_told(call):
    with pytest.raises(ValueError, match="there is no learner 'z': the learners are "):
        call(RoundRobin(["a"]))


def test_parallel_waits_for_all_and_keeps_the_order():
    group = Parallel(["a", "b", "c"])
    group.offer("c", 3, 0)
    group.offer("a", 1, 0)
    assert group.due() is None
    group.offer("b", 2, 0)
    update = group.due()
    assert [offer.gradient for offer in update.offers] == [1, 2, 3]
    assert (update.version, update.delays) == (1, (0, 0, 0))
    assert group.due() is None


def test_parallel_goes_on_without_the_dead_and_takes_nothing_old():
    group = Parallel(["a", "b"])
    group.offer("a", 1, 0)
    group.leave("b")
    assert group.due().offers[0].gradient == 1
    group.join("b")
    assert not group.offer("b", 2, 0)
    assert group.refused == 1
    assert group.offer("b", 2, 1)
    assert group.due() is None
    assert group.offer("a", 3, 1)
    assert group.due().version == 2


def test_nobody_left_is_nobodys_turn():
    for ring in (RoundRobin(["a"]), Parallel(["a"])):
        ring.leave("a")
        assert ring.due() is None
        assert ring.alive == ()

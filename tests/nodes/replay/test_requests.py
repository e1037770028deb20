from hypothesis import given
from hypothesis import strategies as st

from rtgraph.msgs import BatchRequest
from rtgraph.nodes.replay.requests import Requests


def request(learner="a", number=0, incarnation=0, **more):
    return BatchRequest(learner=learner, incarnation=incarnation, number=number, size=4, **more)


def open_ones(requests):
    found = []
    while requests.first is not None:
        found.append(requests.first)
        requests.answered(requests.first)
    return [(each.learner, each.number) for each in found]


def test_requests_are_answered_in_the_order_they_came():
    requests = Requests()
    for learner in "cab":
        assert not requests.take(request(learner))
    assert len(requests) == 3
    assert open_ones(requests) == [("c", 0), ("a", 0), ("b", 0)]
    assert requests.first is None


def test_one_that_is_made_again_keeps_its_place_and_a_newer_one_goes_to_the_end():
    requests = Requests()
    requests.take(request("a"))
    requests.take(request("b"))
    requests.take(request("a", in_place=False))
    assert requests.first == request("a", in_place=False), "as it was made last"
    requests.take(request("a", 1))
    assert open_ones(requests) == [("b", 0), ("a", 1)]
    assert requests.replaced == 1


def test_an_answer_that_must_have_been_lost_is_told():
    requests = Requests()
    requests.take(request())
    requests.answered(request())
    assert requests.take(request())
    assert not requests
    assert requests.as_json()["a"]["answers"] == 1


def test_what_an_earlier_life_or_request_asked_for_is_passed_over():
    requests = Requests()
    requests.take(request(number=5, unread=3))
    requests.take(request(number=0, incarnation=1, unread=1))
    requests.take(request(number=6))
    requests.take(request(number=0, incarnation=1, unread=2))
    assert requests.passed_over == 1
    assert requests.as_json() == {"a": {"requests": 2, "answers": 0, "unread": 5, "restarts": 1}}
    assert open_ones(requests) == [("a", 0)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 3), st.booleans())))
def test_of_each_learner_only_the_newest_is_ever_open(events):
    requests, newest = Requests(), {}
    for learner, incarnation, number, answers in events:
        before = newest.get(learner, (-1, -1))
        requests.take(request(learner, number, incarnation))
        newest[learner] = max(before, (incarnation, number))
        for each in requests._open.values():
            assert (each.incarnation, each.number) == newest[each.learner]
        if (incarnation, number) > before:
            assert learner in requests._open
        if answers and (first := requests.first) is not None:
            requests.answered(first)

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtgraph.msgs.bag import ledger as module
from rtgraph.msgs.bag.ledger import Ledger, Losses


def account(numbers, *, from_start=True, declared=None):
    found = Ledger(from_start=from_start)
    for number in numbers:
        found.see("plant", 0, "observation", number)
    return found.losses(None if declared is None else {"plant": {"observation": declared}})


def figures(losses):
    (row,) = losses.streams
    return row.first, row.last, row.count, row.lost, row.duplicates


@pytest.mark.parametrize(
    ("numbers", "from_start", "declared", "wanted"),
    [
        (range(10), True, None, (0, 9, 10, 0, 0)),
        ([0, 1, 4], True, None, (0, 4, 3, 2, 0)),
        ([3, 4], True, None, (3, 4, 2, 3, 0)),
        ([3, 4], False, None, (3, 4, 2, 0, 0)),
        ([0, 2, 1], True, None, (0, 2, 3, 0, 0)),
        ([5, 3], False, None, (3, 5, 2, 1, 0)),
        ([0, 0, 1, 1, 0], True, None, (0, 1, 2, 0, 3)),
        ([0, 5, 3, 3], True, None, (0, 5, 3, 3, 1)),
        (range(10), True, 10, (0, 9, 10, 0, 0)),
        (range(10), True, 13, (0, 9, 10, 3, 0)),
        (range(10), True, 8, (0, 9, 10, 0, 0)),
        ([], True, 4, (None, None, 0, 4, 0)),
    ],
)
def test_what_came_and_what_did_not(numbers, from_start, declared, wanted):
    assert figures(account(numbers, from_start=from_start, declared=declared)) == wanted


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.booleans(), st.none() | st.integers(0, 40))
def test_it_is_what_sets_say(numbers, from_start, declared):
    seen = set(numbers)
    first = 0 if from_start else min(seen)
    expected = set(range(first, max(max(seen) + 1, declared or 0)))
    wanted = (min(seen), max(seen), len(seen), len(expected - seen), len(numbers) - len(seen))
    assert figures(account(numbers, from_start=from_start, declared=declared)) == wanted


def test_gaps_kept_open_are_bounded_and_nothing_is_forgotten(monkeypatch):
    monkeypatch.setattr(module, "MOST_GAPS", 5)
    assert figures(account(range(0, 100, 2))) == (0, 98, 50, 49, 0)
    assert figures(account([*range(0, 100, 2), 97, 95])) == (0, 98, 52, 47, 0)


def test_publishers_lives_and_channels_are_kept_apart():
    found = Ledger()
    for publisher, incarnation, channel, number in [
        ("a", 0, "x", 0),
        ("a", 0, "x", 2),
        ("a", 1, "x", 0),
        ("a", 0, "x/k", 0),
        ("b", 0, "x", 1),
    ]:
        found.see(publisher, incarnation, channel, number)
    losses = found.losses({"a": {"x": 3, "x/k": 1, "y": 2, "z": 0}, "c": {"x": 5}})
    assert [(r.publisher, r.incarnation, r.channel, r.lost, r.declared) for r in losses.streams] == [
        ("a", 0, "x", 1, None),  # an earlier life: its number of sent messages is unknown
        ("a", 0, "x/k", 0, None),
        ("a", 1, "x", 2, 3),
        ("a", 1, "x/k", 1, 1),
        ("a", 1, "y", 2, 2),
        ("b", 0, "x", 1, None),
        ("c", 0, "x", 5, 5),
    ]
    assert (losses.lost, losses.duplicates) == (12, 0)


def test_what_another_account_saw_is_expected():
    before = account([0, 1, 4, 5])
    found = Ledger(from_start=False)
    found.expect(before)
    for number in (1, 4):
        found.see("plant", 0, "observation", number)
    assert figures(found.losses()) == (1, 4, 2, 4, 0)


def test_it_travels_as_json():
    losses = account([0, 2, 2], declared=9)
    assert Losses.from_json(json.loads(json.dumps(losses.as_json()))) == losses
    assert losses.as_json()["lost"] == 7


@pytest.mark.parametrize("values", [None, 5, [], {}, {"streams": 3}, {"streams": [{"publisher": "x"}]}])
def test_what_is_no_account_is_none(values):
    assert Losses.from_json(values) is None

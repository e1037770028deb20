"""A run in virtual time collects garbage less often, and leaves the program's settings as they were."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from support.staggered import staggered_world

from rtgraph.nodes.runtime.virtual.collection import NEW_OBJECTS, rare_collection


@pytest.fixture(autouse=True)
def threshold() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 9, 8)
    yield
    gc.set_threshold(*before)


def test_collection_is_rare_in_a_run_and_as_before_after_it() -> None:
    seen = []
    staggered_world("paced", [{"kind": "empirical", "values_ms": [20.0]}], 3_000).run(
        lambda _: seen.append(gc.get_threshold())
    )
    assert set(seen) == {(NEW_OBJECTS, 9, 8)}
    assert gc.get_threshold() == (700, 9, 8)


@pytest.mark.parametrize("own", [0, 50_000])
def test_a_program_that_collects_less_or_never_is_left_alone(own: int) -> None:
    gc.set_threshold(own, 9, 8)
    with rare_collection():
        assert gc.get_threshold() == (own, 9, 8)

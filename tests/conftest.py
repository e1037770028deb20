"""Fixtures shared by several folders of tests."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Generator

import pytest
from hypothesis import settings
from support.examples import VARIABLE

# A busy machine takes longer for a case than hypothesis' 200 ms. The cases are the same in each run, so that a run fails
# because of a change; ``make soak`` draws others each time.
settings.register_profile("rtgraph", deadline=None, derandomize=VARIABLE not in os.environ)
settings.load_profile("rtgraph")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Lift the file size limit right after a test, because pytest may write its report to a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full_disk() -> Callable[[int], None]:
    """Limit the size of every file, as a full disk does in the middle of a write."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    return lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

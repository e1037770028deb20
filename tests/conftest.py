"""Fixtures shared by several folders of tests."""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator

import pytest
from hypothesis import settings

# A busy machine takes longer for a case than hypothesis' 200 ms.
settings.register_profile("rtgraph", deadline=None)
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

import itertools

import pytest
from support.recorded import Session


@pytest.fixture
def session(tmp_path):
    """Begin a new recording at each call."""
    numbers = itertools.count()
    return lambda **more: Session(tmp_path / f"session_{next(numbers)}.mcap", **more)


@pytest.fixture
def out(tmp_path):
    """Return the path of an export; a failed export must leave nothing there."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder

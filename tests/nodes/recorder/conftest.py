import resource

import pytest


@pytest.fixture
def full_disk():
    """Make every file end at so many bytes, as a full disk does (in the middle of a write)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)

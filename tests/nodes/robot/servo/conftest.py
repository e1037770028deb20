"""One peer for all tests of a module, put back to its first state for each."""

from __future__ import annotations

import pytest
from support.servo_bus import ServoBus


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    with ServoBus(tmp_path_factory.mktemp("bus")) as made:
        yield made


@pytest.fixture
def bus_peer(peer):
    peer.ask("reset")
    return peer

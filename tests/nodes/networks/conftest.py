import pytest

from rtgraph.msgs.spaces import ArraySpec, Discrete, PlantSpec


@pytest.fixture
def plant() -> PlantSpec:
    """Return a plant with one grey 84x84 frame and six actions."""
    frame = ArraySpec(dtype="uint8", shape=(84, 84))
    return PlantSpec(rate_hz=60, observation=frame, action=Discrete(count=6))

import numpy as np
import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.plant.default import make_default

OBSERVATION = np.zeros(1)


def test_noop_does_nothing_whatever_was_done():
    default = make_default("noop")
    default.begin(4)
    assert [default.act(OBSERVATION, last) for last in (None, 3)] == [4, 4]


def test_repeat_last_does_nothing_before_the_first():
    default = make_default("repeat_last")
    default.begin(4)
    assert [default.act(OBSERVATION, last) for last in (None, 3)] == [4, 3]
    vector = np.ones(2)
    assert default.act(OBSERVATION, vector) is vector


def test_a_behaviour_of_ones_own_is_named_by_its_path():
    assert type(make_default("support.fading:CountDown")).__name__ == "CountDown"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hold", "unknown default behaviour 'hold'. hint: use noop, repeat_last or package.module:Class"),
        ("support.fading:CountUp", "default behaviour 'support.fading:CountUp' cannot be loaded"),
        (
            "nowhere.at_all:CountUp",
            "cannot be loaded: module 'nowhere.at_all' cannot be imported: No module named 'nowhere'",
        ),
    ],
)
def test_what_is_none_is_refused(name, says):
    with pytest.raises(NodeError, match=says):
        make_default(name)

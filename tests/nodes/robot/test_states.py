import itertools

import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.states import ALWAYS, STATES, TRANSITIONS, States


def at(state):
    states = States(0)
    paths = {"connecting": [], "holding": ["holding"], "fault": ["fault"], "stopped": ["stopped"]}
    for step in paths.get(state, ["holding", state]):
        states.enter(step, "", 0)
    return states


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(STATES, 2)))
def test_the_table_decides_which_state_may_follow(first, second):
    states = at(first)
    if second in TRANSITIONS[first] | ALWAYS:
        states.enter(second, "why", 5)
        assert (states.state, states.reason, states.since_ns) == (second, "why", 5)
    else:
        with pytest.raises(NodeError, match=f"cannot go from {first} to {second}"):
            states.enter(second, "why", 5)


def test_the_time_in_each_state_is_counted():
    states = States(0)
    states.enter("holding", "connected", 2_000_000_000)
    states.enter("holding", "another reason", 3_000_000_000)
    states.enter("running", "", 5_000_000_000)
    assert states.changes == 3
    assert states.time_s(6_500_000_000) == {"connecting": 2.0, "holding": 3.0, "running": 1.5}

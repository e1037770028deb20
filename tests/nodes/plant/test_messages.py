"""The messages that a plant makes without validation are those that validation would have made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.fading import PERIOD_NS, Fading, FadingEnvironment
from support.host import HandHost

from rtgraph.msgs import ArraySpec, Decision, Discrete, PlantSpec, encode
from rtgraph.msgs.array import on_bytes
from rtgraph.msgs.errors import EncodeError
from rtgraph.nodes.plant import Step

FLAGS = st.booleans() | st.sampled_from([np.True_, np.False_, 0, 1])
NUMBERS = (
    st.floats()
    | st.integers(-(2**60), 2**60)
    | st.sampled_from([np.float32(0.5), np.int8(3), np.array(2.5), True])
)
NAMES = st.sampled_from([(), ("speed",), ("speed", "Höhe")])
STEPS = st.lists(st.tuples(NUMBERS, FLAGS, FLAGS, NUMBERS, st.integers(0, 8)), min_size=1, max_size=4)
SHAPES = st.sampled_from([(), (2,), (1,) * 8])


class ScriptedEnvironment(FadingEnvironment):
    """Returns the outcomes of a list, always in the same array and the same dict, which it overwrites."""

    def __init__(self, params, spec, outcomes):
        super().__init__(params)
        self.spec, self._outcomes = spec, iter(outcomes)
        self._array, self._measured = np.zeros(spec.observation.shape, np.float32), {}

    def _observe(self):
        self._array += 1
        return self._array

    def step(self, action):
        reward, terminated, truncated, measured, _ = next(self._outcomes)
        self._measured.clear()
        self._measured.update(dict.fromkeys(self.spec.measurements, measured))
        self.steps += 1
        return Step(self._observe(), reward, terminated, truncated, self._measured)


class Captured(ScriptedEnvironment):
    def captured_ns(self):
        return {"": np.int64(self.steps)}


class Scripted(Fading):
    environment_type = ScriptedEnvironment
    script = (FadingEnvironment.spec, ())

    def environment(self):
        return self.environment_type(self.params, *self.script)


def types(value):
    """Return the type of a value and of all in it."""
    if isinstance(value, dict):
        return dict, {name: types(item) for name, item in value.items()}
    return type(value)


def ran(environment_type, spec, outcomes):
    """Return the messages of a plant that runs as many ticks as there are outcomes; decisions act at some of them."""
    host = HandHost(Scripted, {}, name="plant")
    host.node.environment_type, host.node.script = environment_type, (spec, outcomes)
    host.begin()
    host.run_until(0)
    for number, (*_, action) in enumerate(outcomes, start=1):
        decision = Decision(worker="w/0", number=number, action=action, began_ns=0, inference_ns=0)
        if action % 2:
            host.deliver(
                "decision",
                decision,
                source="w/0",
                sequence=number,
                of=host.messages("observation")[-1],
            )
        host.run_until(number * PERIOD_NS)
    return [message for *_, message in host.sent]


@given(
    environment_type=st.sampled_from([ScriptedEnvironment, Captured]),
    shape=SHAPES,
    names=NAMES,
    outcomes=STEPS,
)
@examples(40)
def test_a_plant_publishes_valid_messages(environment_type, shape, names, outcomes):
    spec = PlantSpec(
        rate_hz=100.0,
        observation=ArraySpec(dtype="float32", shape=shape),
        action=Discrete(count=9),
        measurements=names,
    )
    messages = ran(environment_type, spec, outcomes)
    assert len(messages) >= 2 * (len(outcomes) + 1)
    for message in messages:
        validated = type(message)(**message.__dict__)
        assert encode(message) == encode(validated)
        assert types(message.__dict__) == types(validated.__dict__)
        assert message.model_fields_set <= set(type(message).model_fields)
    observations = [message for message in messages if message.schema_name == "Observation"]
    assert all(on_bytes(each.value) for each in observations)
    # Each has the numbers of its own tick, though the environment overwrites them.
    assert [each.value.max() for each in observations] == sorted({each.value.max() for each in observations})


@pytest.mark.parametrize("action", [2**64, -(2**63) - 1])
def test_an_action_of_the_default_behaviour_that_cannot_be_sent_is_refused(action):
    host = HandHost(Fading, {}, name="plant")
    host.begin()
    host.node._default_action = lambda: action
    with pytest.raises(EncodeError, match=r"Applied.action: an integer of more than 64 bits"):
        host.run_until(PERIOD_NS)

from support.collecting import listening
from support.staggered import staggered_plans

from rtgraph.msgs import decode, encode
from rtgraph.msgs.plant import Observation
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld

LATENCIES = [{"kind": "constant", "frames": 5.3}] * 3


def ran(plans, ticks=200):
    world = VirtualWorld(plans, seed=4, launch_context=LaunchContext(limits=RunLimits(ticks=ticks)))
    world.run()
    return world


def test_a_tap_hears_everything_as_it_travelled():
    plans = staggered_plans("paced", LATENCIES)
    world = ran(listening(plans, journal=False))
    taken = world.node("collector").taken
    sent = {
        (plan.name, f"{plan.outputs[port]}/{key}" if key else plan.outputs[port]): count
        for plan in plans
        for port, output in world.node(plan.name).outputs.items()
        if port in plan.outputs
        for key, count in output.sent.items()
    }
    heard = {}
    for message in taken:
        stream = message.header.publisher, message.channel
        assert message.header.sequence == heard.get(stream, 0)
        heard[stream] = message.header.sequence + 1
    assert heard == sent
    assert {channel for _, channel in heard} >= {"observation", "decision", "claim/worker/1"}
    observed = next(message for message in taken if message.topic == "observation")
    message = decode(Observation, observed.data)
    assert encode(message) == observed.data
    assert (message.header.source, message.header.stamp_ns) == ("plant", observed.taken_ns)


def test_a_tap_changes_nothing():
    plans = staggered_plans("paced", LATENCIES)
    alone, heard = ran(plans), ran(listening(plans))
    assert alone.node("monitor").result() == heard.node("monitor").result()


def test_what_a_tap_did_not_hear_is_counted_from_the_very_first_message():
    world = ran(listening(staggered_plans("paced", LATENCIES)))
    edges = world.node("collector").everything.edges
    assert edges["plant:observation"].received == 200
    assert sum(edge.lost for edge in edges.values()) == 0

"""A node run again on its journal publishes the same bytes; every change is found and named."""

from contextlib import nullcontext

import msgpack
import pytest
from support.collecting import listening
from support.observed import REFUSED
from support.staggered import staggered_plans

from rtgraph.msgs import decode
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.session import Journal
from rtgraph.nodes.recorder.reexecution import Difference, MessageId, Rerun
from rtgraph.nodes.runtime import LaunchContext, NodePlan, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.journal import Kind

LATENCIES = [{"kind": "lognormal", "frames": 5.3}] * 4
SEED = 6
SURROUNDINGS = LaunchContext(limits=RunLimits(ticks=300))


@pytest.fixture(scope="module", params=["none", "maximum_time", "expected_time", "paced"])
def recorded(request):
    plans = listening(staggered_plans(request.param, LATENCIES))
    world = VirtualWorld(plans, seed=SEED, launch_context=SURROUNDINGS)
    world.run()
    return recorded_by(world, plans)


def recorded_by(world, plans):
    documents, entries = {}, {}
    for taken in world.node("collector").taken:
        head = taken.header
        if taken.topic == "_journal":
            stretch = decode(Journal, taken.data)
            assert stretch.first == len(entries.setdefault(head.publisher, []))
            entries[head.publisher] += msgpack.unpackb(stretch.entries.tobytes())
        else:
            found = MessageId(taken.topic, taken.key, head.publisher, head.incarnation, head.sequence)
            documents[found] = taken.data
    return {plan.name: plan for plan in plans}, documents, entries


def run_again(recorded, name, *, seed=SEED, documents=None, entries=None):
    plans, all_documents, all_entries = recorded
    rerun = Rerun(plans[name], 0, seed, SURROUNDINGS, entries or all_entries[name])
    steps = rerun.run()
    documents = documents or all_documents
    try:
        wanted = next(steps)
        while True:
            wanted = steps.send(documents.get(wanted))
    except StopIteration:
        return rerun.progress


def test_every_node_publishes_the_same_again(recorded):
    plans, documents, _ = recorded
    for name in plans:
        if name != "collector":
            progress = run_again(recorded, name)
            assert progress.published == sum(message.publisher == name for message in documents)
            assert progress.entries > 50
    assert run_again(recorded, "plant").consumed > 50


def test_a_node_that_refused_parameters_refuses_them_again():
    plans = listening(
        [NodePlan(name="metronome", index=0, node="support.observed:Metronome", outputs={"beat": "beat"})]
    )
    world = VirtualWorld(
        plans, seed=SEED, launch_context=LaunchContext(limits=RunLimits(duration_ns=1_100_000_000))
    )
    world._begin()
    for gain, wanted in (
        (REFUSED, pytest.raises(NodeError)),
        (2.0, nullcontext()),
        (REFUSED, pytest.raises(NodeError)),
    ):
        at_ns = world.clock.time_ns + 200_000_000
        world.advance(lambda at_ns=at_ns: world.clock.time_ns > at_ns)
        with wanted:
            world.executors["metronome"].change({"gain": gain})
    world.run()
    assert world.node("metronome").params.gain == 2.0
    recorded = recorded_by(world, plans)
    _, documents, entries = recorded
    assert [what for kind, _, what, _ in entries["metronome"] if kind == Kind.PARAMS] == [
        {"gain": REFUSED},
        {"gain": 2.0},
        {"gain": REFUSED},
    ]
    assert run_again(recorded, "metronome").published == len(documents) > 60


def test_another_seed_is_told(recorded):
    with pytest.raises(Difference, match=r"decision 0 of worker/2 differs from the recording"):
        run_again(recorded, "worker/2", seed=SEED + 1)


def test_a_changed_byte_is_told(recorded):
    _, documents, _ = recorded
    changed = dict(documents)
    consumed = [message for message in documents if message.topic == "decision"][20]
    data = bytearray(documents[consumed])
    data[-1] ^= 1
    changed[consumed] = bytes(data)
    with pytest.raises(Difference, match=f"{consumed} is not the message that plant consumed"):
        run_again(recorded, "plant", documents=changed)


def test_a_missing_message_is_told(recorded):
    _, documents, _ = recorded
    consumed = [message for message in documents if message.topic == "decision"][20]
    fewer = {message: data for message, data in documents.items() if message != consumed}
    with pytest.raises(Difference, match=f"{consumed}, which plant consumed, is not in the recording"):
        run_again(recorded, "plant", documents=fewer)


def test_a_timer_that_never_was_is_told(recorded):
    _, _, entries = recorded
    changed = [list(entry) for entry in entries["plant"]]
    place = next(number for number, entry in enumerate(changed) if number > 50 and entry[0] == 3)
    changed[place][2] += 5000
    with pytest.raises(Difference, match="has no timer"):
        run_again(recorded, "plant", entries=changed)


def test_a_clock_that_said_something_else_is_told(recorded):
    _, _, entries = recorded
    changed = [list(entry) for entry in entries["plant"]]
    place = next(number for number, entry in enumerate(changed) if number > 50 and entry[3])
    changed[place][1] += 1000
    with pytest.raises(Difference, match="of plant differs from the recording"):
        run_again(recorded, "plant", entries=changed)

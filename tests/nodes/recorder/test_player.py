"""Players that replace nodes: in virtual time everything else happens as in the recording."""

from __future__ import annotations

import gc

import pytest
from support.sessions import RECORDING, recorded, rewritten

from rtgraph.graphs import load_launch
from rtgraph.graphs.resolving import played
from rtgraph.graphs.resolving.recording import stand_ins
from rtgraph.launch.bags.verification import verify
from rtgraph.launch.file_options import FOLDERS
from rtgraph.msgs import Message
from rtgraph.msgs.bag import Bag, BagWriter
from rtgraph.msgs.errors import BagError, GraphError
from rtgraph.nodes.emulator import Atari
from rtgraph.nodes.recorder.recorded import recorded_nodes, recorded_types

BOXING = {"k": "0.0625", "workers": "3", "latency_frames": "2.3"}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    out = tmp_path_factory.mktemp("played") / "session"
    recorded("boxing", out, BOXING)
    return out / RECORDING


def messages(file, topic):
    return [message.data for message in Bag.open(file).messages(topics=[topic])]


def replayed(file, out, *nodes, **options):
    recorded("boxing", out, BOXING, replace=stand_ins(str(file), nodes), **options)
    return out / RECORDING


@pytest.mark.parametrize("node", ["plant", "worker", "coordinator"])
def test_the_others_do_what_they_did(session, tmp_path, node):
    again = replayed(session, tmp_path / "again", node)
    for topic in ("observation", "decision", "applied", "state", "claim/*"):
        assert messages(again, topic) == messages(session, topic), topic
    assert verify(Bag.open(again)).passed


@pytest.mark.parametrize(
    ("file", "arguments", "node", "says"),
    [
        ("boxing", {}, "plant", ""),
        ("boxing", {}, "worker", ""),
        ("krull", {}, "plant", "its settings here have no effect: game is 'boxing' there, 'krull' here"),
        ("boxing", {"observation": "ram"}, "plant", "observation is 'grey84' there, 'ram' here"),
        ("boxing", {"latency_frames": "4"}, "worker", "its settings here have no effect: latency is "),
        (
            "catch",
            {"k": None},
            "plant",
            "class is 'rtgraph.nodes.emulator:Atari' there, 'rtgraph.nodes.emulator:Catch'",
        ),
        ("krull", {}, "worker", "where plant was another environment: game is boxing there, krull here"),
    ],
)
def test_settings_that_a_recording_overrides_are_told(session, caplog, file, arguments, node, says):
    given = {name: value for name, value in (BOXING | arguments).items() if value is not None}
    replace = stand_ins(str(session), [node])
    load_launch(file, given, world="virtual", replace=replace, folders=FOLDERS)
    assert len(caplog.messages) == bool(says)
    assert says in caplog.text


def test_decisions_for_other_actions_are_refused(session):
    replace = stand_ins(str(session), ["worker"])
    with pytest.raises(GraphError, match=r"where 'plant' had other actions: count is 18 there, 3 here"):
        load_launch("catch", world="virtual", replace=replace, folders=FOLDERS)


def test_a_replaced_node_may_be_wrong_and_is_compared_with_the_one_it_replaces(session, tmp_path, caplog):
    file = tmp_path / "other.yaml"
    file.write_text(
        "graphs: [{graph: atari, arguments: {game: boxing, k: 0.0625, workers: 3, latency_frames: 2.3}}]\n"
        "replace: {plant: {class: rtgraph.nodes.emulator:Atari, params: {game: boxing, rate: 1}}}\n"
    )
    replace = stand_ins(str(session), ["plant"])
    load_launch(file, world="virtual", replace=replace)
    assert not caplog.messages
    file.write_text(file.read_text().replace("rate: 1", "noop_max: 7"))
    load_launch(file, world="virtual", replace=replace)
    assert "noop_max is 30 there, 7 here" in caplog.text


def test_what_cannot_be_compared_with_the_recording_gives_no_error_and_no_warning(
    session, tmp_path, caplog, monkeypatch
):
    def unknown(params):
        raise ValueError(f"no game {params}")

    with monkeypatch.context() as patched:  # the recorded game is missing here
        patched.setattr(Atari, "spec", classmethod(lambda cls, params: unknown(params)))
        assert played._spec(recorded_nodes(Bag.open(session))["plant"]) is None
    file = tmp_path / "other.yaml"
    file.write_text(
        "nodes:\n"
        "  plant: {class: 'rtgraph.nodes.emulator:Endless'}\n"
        "  monitor: {class: 'rtgraph.nodes.monitor:Monitor', replicas: 0}\n"
    )
    load_launch(file, world="virtual", replace=stand_ins(str(session), ["monitor"]))
    file.write_text(
        "graphs: [{graph: atari, arguments: {game: boxing, k: 0.0625, workers: 3, latency_frames: 2.3}}]\n"
        "replace: {plant: {class: 'rtgraph.nodes.emulator:Atari', params: {game: boxing}}}\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr(played, "validated", lambda *args, **more: unknown("here"))
        load_launch(file, world="virtual", replace=stand_ins(str(session), ["plant"]))
    assert not caplog.messages


def test_the_replay_of_a_replay_is_compared_with_nothing(session, tmp_path, caplog):
    again = replayed(session, tmp_path / "again", "plant", ticks=30)
    load_launch("boxing", BOXING, world="virtual", replace=stand_ins(str(again), ["worker"]), folders=FOLDERS)
    assert not caplog.messages


def test_latencies_by_worker_are_compared_with_those_of_the_recorded_worker(tmp_path, caplog):
    file = tmp_path / "latency.yaml"
    file.write_text("rtgraph_latency: 1\nworkers: {worker/*: {kind: constant, ms: 40}}\n")
    arguments = {"workers": "2", "latency_file": str(file)}
    recorded("endless", tmp_path / "session", arguments, ticks=20)
    replace = stand_ins(str(tmp_path / "session" / RECORDING), ["worker"])
    load_launch("endless", arguments, world="virtual", replace=replace)
    assert not caplog.messages
    file.write_text(file.read_text().replace("ms: 40", "ms: 50"))
    load_launch("endless", arguments, world="virtual", replace=replace)
    assert "latency is " in caplog.text


@pytest.mark.parametrize("node", ["plant", "worker"])
def test_a_launch_with_delays_and_faults_is_replayed(tmp_path, node):
    file = tmp_path / "remote.yaml"
    file.write_text(
        "graphs: [{graph: endless, arguments: {workers: 2, latency_frames: 2.5}}]\n"
        "faults: [{kind: edge, target: plant, port: decision, drop: 0.1}]\n"
        "delays:\n"
        "  - {source: plant, target: worker/*, port: observation, latency: {kind: lognormal, ms: 4, sigma: 0.5}}\n"
        "  - {target: plant, port: decision, latency: {kind: normal, ms: 3, sd: 0.2}}\n"
    )
    recorded(file, tmp_path / "session", ticks=60)
    session = tmp_path / "session" / RECORDING
    recorded(file, tmp_path / "again", ticks=60, replace=stand_ins(str(session), [node]))
    for topic in ("observation", "decision", "applied"):
        assert messages(tmp_path / "again" / RECORDING, topic) == messages(session, topic), topic


def test_all_but_the_monitor_can_be_played(session, tmp_path):
    again = replayed(session, tmp_path / "again", "plant", "worker", "coordinator")
    assert messages(again, "progress") == messages(session, "progress")


def test_two_classes_of_one_name_are_an_error_with_a_way_out(session):
    def clash():
        twins = [type("Twin", (Message,), {"__module__": module}) for module in ("one", "other")]
        with pytest.raises(BagError, match=r"two message classes are named Twin.* `rtgraph bag export`"):
            recorded_types(Bag.open(session))
        del twins

    clash()
    gc.collect()
    assert "Observation" in recorded_types(Bag.open(session))


def test_a_player_ends_the_launch_when_the_recording_is_over(session, tmp_path):
    result = recorded(
        "boxing", tmp_path / "again", BOXING, replace=stand_ins(str(session), ["plant"]), ticks=None
    )
    assert result.summary["ended"] == "plant: the recording is over"
    assert result.summary["ticks"] == 240


def test_a_limit_of_ticks_ends_it_before(session, tmp_path):
    again = replayed(session, tmp_path / "again", "plant", ticks=100)
    assert len(messages(again, "observation")) == len(messages(again, "applied")) == 100


def test_a_damaged_recording_and_one_that_is_over_early_give_warnings(session, tmp_path):
    file = tmp_path / "cut.mcap"
    file.write_bytes(session.read_bytes()[: session.stat().st_size // 2])
    result = recorded("boxing", tmp_path / "p", BOXING, replace=stand_ins(str(file), ["plant"]), record=False)
    ticks = result.summary["ticks"]
    assert 0 < ticks < 240
    *damage, early = result.summary["nodes"]["plant"]["warnings"]
    assert early == f"the recording was over after {ticks} of 240 ticks"
    assert any("unfinished" in warning for warning in damage)


@pytest.mark.parametrize(
    ("limits", "early"), [({"ticks": 240}, 0), ({"duration_s": 4}, 0), ({"duration_s": 5}, 1)]
)
def test_only_a_recording_that_ends_before_the_limit_is_over_early(session, tmp_path, limits, early):
    options = {"ticks": None, "record": False} | limits
    result = recorded("boxing", tmp_path / "p", BOXING, replace=stand_ins(str(session), ["plant"]), **options)
    assert len(result.summary["nodes"]["plant"].get("warnings", ())) == early


def test_a_part_of_it_can_be_played_at_another_rate(session, tmp_path):
    replace = stand_ins(str(session), ["plant"])
    replace["plant"]["params"] |= {"start_s": 1.0, "duration_s": 2.0, "rate": 2.0}
    recorded("boxing", tmp_path / "part", BOXING, replace=replace, ticks=None)
    bag = Bag.open(tmp_path / "part" / RECORDING)
    observed = [message.message() for message in bag.messages(topics=["observation"])]
    assert [message.tick for message in observed] == list(range(60, 180)), "tick 180 is 60 ns after 3 s"
    assert observed[60].header.stamp_ns == pytest.approx(0.5e9, abs=2e7)


@pytest.mark.parametrize(("start_s", "first"), [(0.0, 60), (0.5, 90)])
def test_a_recording_that_begins_later_is_played_from_its_start(session, tmp_path, start_s, first):
    late = rewritten(
        session, tmp_path / "late.mcap", lambda message: message.data if message.log_ns >= 10**9 else None
    )
    replace = stand_ins(str(late), ["plant"])
    replace["plant"]["params"] |= {"start_s": start_s, "duration_s": 1.0}
    recorded("boxing", tmp_path / "part", BOXING, replace=replace, ticks=None)
    found = Bag.open(tmp_path / "part" / RECORDING).messages(topics=["observation"])
    observed = [message.message() for message in found]
    assert [message.tick for message in observed] == list(range(first, first + 60))
    assert observed[0].header.stamp_ns < 1000


@pytest.mark.parametrize(
    ("params", "crash_s", "limit", "ticks"),
    [
        ({}, 1.01, None, [*range(61), *range(91, 240)]),
        ({}, 1.01, 100, [*range(61), *range(91, 100)]),
        ({}, 3.8, None, [*range(228)]),
        ({}, 1.01, 80, [*range(61)]),
        ({"start_s": 1.0, "rate": 2.0}, 0.305, None, [*range(60, 97), *range(157, 240)]),
        ({"start_s": 1.0, "rate": 2.0}, 1.01, None, [*range(60, 182)]),
        ({"loop": True, "duration_s": 1.005}, 1.51, 200, [*range(61), *range(31), *range(61), *range(17)]),
    ],
)
def test_a_player_that_crashes_goes_on_where_the_recording_is_by_then(
    session, tmp_path, params, crash_s, limit, ticks
):
    file = tmp_path / "crash.yaml"
    file.write_text(
        "graphs: [{graph: atari, arguments: {game: boxing, k: 0.0625, workers: 3, latency_frames: 2.3}}]\n"
        f"faults: [{{kind: crash, node: plant, at_ns: {round(crash_s * 1e9)}, restart_after_ns: 500000000}}]\n"
    )
    replace = stand_ins(str(session), ["plant"])
    replace["plant"]["params"] |= params
    out = tmp_path / "session"
    recorded(file, out, replace=replace, ticks=limit)
    before, after = (
        [message.message() for message in Bag.open(each).messages(topics=["observation"])]
        for each in (session, out / RECORDING)
    )
    assert [message.tick for message in after] == list(ticks)
    assert "restarted: continuing at" in (out / "logs" / "world.log").read_text()
    origins = {message.header.sequence: message.origin() for message in after if message.header.incarnation}
    applied = [message.message() for message in Bag.open(out / RECORDING).messages(topics=["applied"])]
    based = [message.origin() for message in applied if message.header.incarnation and message.origin()]
    assert [each for each in based if each.incarnation] == [
        origins[each.sequence] for each in based if each.incarnation
    ]
    assert sum(each.incarnation == 0 for each in based) <= 10, "based on observations from before the crash"
    assert verify(Bag.open(out / RECORDING)).passed
    if not params:
        stamps = {message.tick: message.header.stamp_ns for message in before}
        assert all(message.header.stamp_ns == stamps[message.tick] for message in after)


@pytest.mark.parametrize(
    ("params", "faults"),
    [
        ({}, ""),
        ({"start_s": 0.5}, ""),
        ({}, "faults: [{kind: crash, node: plant, at_ns: 1010000000, restart_after_ns: 500000000}]\n"),
    ],
)
def test_an_agent_learns_from_a_played_plant_wherever_it_begins(tmp_path, params, faults):
    recorded("catch", tmp_path / "before", record=True)
    file = tmp_path / "learn.yaml"
    file.write_text(f"graphs: [{{graph: catch, arguments: {{learn: true, minimum: 10}}}}]\n{faults}")
    replace = stand_ins(str(tmp_path / "before" / RECORDING), ["plant"])
    replace["plant"]["params"] |= params
    result = recorded(file, tmp_path / "after", replace=replace, ticks=None)
    counts = result.summary["nodes"]["replay"]["assembled"]["plant"]
    assert counts["transitions"] > 150
    # Only decisions on observations that were not published are left out.
    assert counts["unknown"] <= 4


def test_what_has_no_duration_is_not_played_in_a_loop(session, tmp_path):
    one = rewritten(
        session,
        tmp_path / "one.mcap",
        lambda message: (
            message.data if message.channel.topic == "observation" and not message.sequence else None
        ),
    )
    replace = stand_ins(str(one), ["plant"])
    recorded("boxing", tmp_path / "once", BOXING, replace=replace, ticks=None)
    replace["plant"]["params"] |= {"loop": True}
    result = recorded("boxing", tmp_path / "loop", BOXING, replace=replace, ticks=3)
    assert "one.mcap has no duration, so it cannot be played in a loop" in str(result.failures)


def test_a_node_that_was_not_recorded_cannot_be_played(session, tmp_path):
    with pytest.raises(GraphError, match="did you mean 'plant'"):
        stand_ins(str(session), ["plnt"])
    with pytest.raises(BagError):
        stand_ins(str(tmp_path / "nothing.mcap"), ["plant"])


def test_a_recording_without_a_plan_replaces_no_plant(session, tmp_path):
    file = tmp_path / "planless.mcap"
    BagWriter(file, info={}, attachments=[]).close()
    replace = {"plant": {**stand_ins(str(session), ["plant"])["plant"], "params": {"file": str(file)}}}
    with pytest.raises(
        GraphError, match=r"holds no plan of its launch.* hint: only recordings of `rtgraph launch`"
    ):
        recorded("boxing", tmp_path / "out", BOXING, replace=replace)


def test_a_player_needs_the_ports_of_what_it_stands_in_for(session, tmp_path):
    with pytest.raises(GraphError, match="cannot replace"):
        recorded(
            "boxing",
            tmp_path / "wrong",
            BOXING,
            replace={"plant": stand_ins(str(session), ["monitor"])["monitor"]},
        )

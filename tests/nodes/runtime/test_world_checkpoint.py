"""A resumed world continues exactly as the original; what cannot be saved is refused by name."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import mmap
import struct
import threading
from array import array
from collections import defaultdict

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import keeping
from support.staggered import plan, staggered_plans

from rtgraph.msgs import Header, encode
from rtgraph.msgs.base import UNSENT
from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.checkpoint.files import MAGIC, SnapshotFile, SnapshotFolder
from rtgraph.nodes.runtime.checkpoint.reader import MAKERS, Reader, Reference, unpacked
from rtgraph.nodes.runtime.checkpoint.saveable import Names, WorldState, refuse_foreign
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver, anchors_of, load, names_of
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault

SECOND = 1_000_000_000


class Listening(VirtualWorld):
    """A world that records everything published."""

    def __init__(self, *args, **kwargs):
        self.heard = []
        super().__init__(*args, **kwargs)

    def transmit(self, executor, output, message, key):
        self.heard.append((self.clock.time_ns, executor.identity.name, output.name, key, encode(message)))
        super().transmit(executor, output, message, key)


def first_file(folder):
    return SnapshotFile(SnapshotFolder(folder).files()[0])


def assert_goes_on(make, folder, every_ns=SECOND):
    """Run to the end; run with checkpoints; resume from the oldest one left: all three give the same result."""
    whole, kept, resumed = make(), make(), make()
    whole.run()
    kept.run(keeper=WorldSaver(folder, every_ns, {}))
    assert kept.heard == whole.heard
    file = first_file(folder)
    load(resumed, file)
    assert 0 < resumed.clock.time_ns == file.head["time_ns"] < whole.clock.time_ns
    resumed.run()
    after = [item for item in whole.heard if item[0] > file.head["time_ns"]]
    assert 0 < len(after) < len(whole.heard)
    assert resumed.heard == after
    assert resumed.results() == whole.results()
    assert (resumed.events, resumed.reason, resumed.restarts) == (whole.events, whole.reason, whole.restarts)
    for name, executor in whole.executors.items():
        assert resumed.executors[name].rng.bit_generator.state == executor.rng.bit_generator.state
        for port, bound in executor.node.inputs.items():
            assert resumed.node(name).inputs[port].edges == bound.edges
    return resumed, whole


LATENCIES = [
    {"kind": "lognormal", "frames": 5},
    {"kind": "normal", "frames": 4},
    {"kind": "mixture", "frames": 6},
    {"kind": "spikes", "frames": 3},
    {"kind": "empirical", "values_ms": [40, 70, 90]},
    {"kind": "empirical", "values_ms": [40, 70, 90], "order": "sequence"},
    {"kind": "constant", "frames": 4.5},
]


@pytest.mark.parametrize("method", ["paced", "maximum_time", "expected_time"])
def test_staggered_workers_go_on_as_they_would_have(tmp_path, method):
    faults = (
        EdgeFault(drop=0.02, duplicate=0.05, delay_most_ns=30_000_000),
        CrashFault(node="worker/2", at_ns=SECOND, restart_after_ns=SECOND // 2),
        CrashFault(node="worker/[34]", at_ns=round(3.3 * SECOND), restart_after_ns=SECOND // 3),
        CrashFault(node="coordinator", at_ns=round(3.4 * SECOND), restart_after_ns=SECOND // 4),
        CrashFault(node="worker/6", at_ns=round(2.95 * SECOND)),
    )

    delays = (
        EdgeDelay(target="plant", latency={"kind": "lognormal", "ms": 20}),
        EdgeDelay(source="plant", port="observation", latency={"kind": "empirical", "values_ms": [1, 9]}),
    )

    def make():
        limits = LaunchContext(limits=RunLimits(ticks=250))
        nodes = staggered_plans(method, LATENCIES)
        return Listening(nodes, seed=4, launch_context=limits, faults=faults, delays=delays)

    resumed, whole = assert_goes_on(make, tmp_path)
    assert resumed.restarts["worker/2"] == 1
    columns = [world.node("monitor").trace.decisions() for world in (resumed, whole)]
    assert all(np.array_equal(columns[0][name], columns[1][name]) for name in columns[1])


SPECS = {
    "GameBoy": {"game": "blocks", "sticky": 0.25, "max_frames": 100},
    "Gymnasium": {"id": "CartPole-v1", "rate_hz": 60},
    "Atari": {"game": "boxing", "sticky": 0.25, "max_frames": 100},
    "Delay": {"lanes": 3, "episode_ticks": 50},
    "Inaction": {"default": "repeat_last"},
}


@pytest.mark.parametrize("plant", SPECS)
def test_plants_go_on_as_they_would_have(tmp_path, plant):
    emulators = __import__("rtgraph.nodes.emulator", fromlist=[plant])
    params = SPECS[plant] | {"gate": {"kind": "playout"}}
    spec = getattr(emulators, plant).spec(getattr(emulators, plant).params_type(**params))

    def make():
        nodes = staggered_plans("paced", [{"kind": "lognormal", "frames": 3}] * 3)
        nodes[0] = nodes[0].model_copy(
            update={"node": f"rtgraph.nodes.emulator:{plant}", "params": params, "journal": True}
        )
        for number, node in enumerate(nodes[1:-1], start=1):
            changed = node.params | {"plant": spec.model_dump(mode="json")}
            nodes[number] = node.model_copy(update={"params": changed, "journal": True})
        return Listening(nodes, seed=1, launch_context=LaunchContext(limits=RunLimits(ticks=200)))

    assert_goes_on(make, tmp_path)


def test_an_interrupted_world_leaves_a_checkpoint_and_goes_on(tmp_path):
    class Stopping(Listening):
        def transmit(self, *message):
            super().transmit(*message)
            if len(self.heard) == 500:
                self.interrupt("SIGINT")

    def make(kind=Listening):
        launch_context = LaunchContext(limits=RunLimits(ticks=200))
        return kind(staggered_plans("paced", LATENCIES), launch_context=launch_context)

    whole, stopped, resumed = make(), make(Stopping), make()
    whole.run()
    stopped.run(keeper=WorldSaver(tmp_path, 100 * SECOND, {}))
    assert (stopped.reason, len(SnapshotFolder(tmp_path).files())) == ("SIGINT", 1)
    load(resumed, first_file(tmp_path))
    resumed.run()
    assert resumed.results() == whole.results()
    assert resumed.heard == whole.heard[-len(resumed.heard) :]


# ---- what is saved -------------------------------------------------------------------------------------------------


def kept_again(tmp_path, make=keeping.everything, node="KeeperNode"):
    """Return what a node keeps, and what it has in a world resumed from a checkpoint in another folder."""
    before, after = tmp_path / "before", tmp_path / "after"
    world, again = (keeping.world(make, folder, node) for folder in (before, after))
    world._begin()
    WorldSaver(tmp_path, SECOND, {}).write(world)
    load(again, first_file(tmp_path))
    return world.node("keeper"), again.node("keeper")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    return kept_again(tmp_path_factory.mktemp("kept"))


def test_values_come_back(nodes):
    was, now = (node.kept for node in nodes)
    for name in (
        "plain",
        "shared",
        "sets",
        "containers",
        "enum",
        "frozen",
    ):
        assert now[name] == was[name], name
        assert type(now[name]) is type(was[name])
    assert list(map(type, now["containers"])) == list(map(type, was["containers"]))
    assert now["containers"][0].maxlen == 3
    assert list(now["containers"][2]) == ["b", "a"]
    assert now["header"] == was["header"]
    assert now["log"] is was["log"]


def test_two_references_to_one_object_stay_one(nodes):
    now = nodes[1].kept
    one, two, (three,) = now["shared"]
    assert one is two is three is now["pair"].left
    assert type(now["pair"]) is keeping.Pair
    assert now["pair"].right is keeping.Colour
    ring = now["ring"]
    assert ring.next.next is ring
    assert ring.next.others == [ring]


def test_arrays_come_back_with_their_memory_and_layout(nodes):
    was, now = (node.kept for node in nodes)
    for before, after in zip(was["arrays"], now["arrays"], strict=True):
        assert after.dtype == before.dtype
        assert after.shape == before.shape
        assert np.array_equal(before, after)
    whole, part, turned, *_ = now["arrays"]
    whole[3, 0] = -1
    assert part[0, 0] == turned[0, 3] == -1
    assert now["fortran"].flags.f_contiguous
    assert np.array_equal(now["fortran"], was["fortran"])
    assert now["structured"].dtype == was["structured"].dtype
    assert now["tensor"].dtype == was["tensor"].dtype
    assert now["tensor"].equal(was["tensor"])


def test_arrays_and_scalars_without_bytes_come_back(nodes):
    was, now = (node.kept["no bytes"] for node in nodes)
    for before, after in zip(was, now, strict=True):
        assert type(after) is type(before)
        assert (after.dtype, after.shape, after.strides) == (before.dtype, before.shape, before.strides)
    assert now[:2] == ["", b""]


def test_generators_go_on_and_spawn_as_they_would_have(nodes):
    was, now = (node.kept["rng"] for node in nodes)
    assert now[0] is nodes[1].rng
    for before, after in zip(was[1:], now[1:], strict=True):
        assert before.integers(2**60, size=5).tolist() == after.integers(2**60, size=5).tolist()
    assert was[3].spawn(1)[0].integers(2**60) == now[3].spawn(1)[0].integers(2**60)


def test_what_can_be_called_comes_back(nodes):
    was, now = nodes
    method, function = now.kept["calls"]
    assert method.__self__ is now is not was
    assert (method(1), function(5)) == (2, 10)
    assert now.kept["slotted"].private() == 1
    assert not hasattr(now.kept["slotted"], "unset")


def test_what_is_there_already_is_not_made_again(nodes):
    now = nodes[1]
    assert now.kept["message"].header is UNSENT
    assert now.kept["ports"][0] is now.ping
    assert now.kept["ports"][1] is now.context
    assert now.kept["ports"][2] is now.context.launch_context


def test_the_session_folder_is_the_new_one(nodes):
    elsewhere, folder = nodes[1].kept["paths"]
    assert str(elsewhere) == "elsewhere"
    assert folder == nodes[1].context.launch_context.directory != nodes[0].context.launch_context.directory


def test_objects_with_a_state_of_their_own_are_made_after_what_they_refer_to(nodes):
    now = nodes[1].kept["stateful"]
    assert now.seen_of_owner == 6
    assert (now.take(), now.owner.take()) == (21, 6)


# ---- what is refused -----------------------------------------------------------------------------------------------


class Elsewhere:
    """A class in no package of the plan."""


def memory_mapped(_):
    return np.frombuffer(mmap.mmap(-1, 4096), np.uint8)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: [lambda: 1], "keeper: kept[0]: "),
        (lambda _: {"gen": (n for n in ())}, "keeper: kept.gen: a builtins:generator"),
        (lambda _: io.StringIO(), "keeper: kept: a _io:StringIO"),
        (lambda _: threading.Lock(), "keeper: kept: a _thread:lock"),
        (lambda _: keeping.Linked("x", Elsewhere()), "keeper: kept.next: a "),
        (lambda _: np.array([object()]), "keeper: kept: an array of Python objects"),
        (
            lambda _: np.zeros(2, "i4,f8")[["f1", "f0"]],
            "keeper: kept: an array of dtype dtype({'names': ['f1', 'f0'], ",
        ),
        (lambda _: [np.rec.array([(1, 2.0)])[0]], "keeper: kept[0]: an array of dtype dtype((numpy.record, "),
        (memory_mapped, "keeper: kept: a writable array that shares the memory of a memoryview"),
        (lambda _: keeping.torch.zeros(4)[:2], "keeper: kept: a tensor that is a view of another"),
        (lambda _: keeping.torch.nn.Linear(1, 1), "keeper: kept: a torch.nn.modules.linear:Linear"),
        (lambda _: ValueError("x"), "keeper: kept: a builtins:ValueError"),
        (lambda _: [].append, "keeper: kept: a builtins:builtin_function_or_method"),
        (lambda _: functools.partial(print), "keeper: kept: a functools:partial cannot be saved"),
        (
            lambda _: {"calls": [keeping.Bound(print, 1)]},
            "keeper: kept.calls[0]: a support.keeping:Bound cannot be saved: its class, or a base of it, is not written in",
        ),
        (
            lambda _: {"rows": defaultdict(list)},
            "keeper: kept.rows: a collections:defaultdict cannot be saved",
        ),
        (lambda _: [bytearray(b"x")], "keeper: kept[0]: a builtins:bytearray cannot be saved"),
        (lambda _: array("q", [1]), "keeper: kept: a array:array cannot be saved"),
        (lambda _: range(3), "keeper: kept: a builtins:range cannot be saved"),
        (lambda _: 1j, "keeper: kept: a builtins:complex cannot be saved"),
        (
            lambda _: keeping.world(lambda _: None).executors["sink"].node,
            "keeper: kept: a Sink that is not a node of this launch cannot be saved. hint: do not keep nodes",
        ),
        (lambda _: "a\udcff", "a node holds the text 'a\\udcff', which UTF-8 cannot encode"),
    ],
)
def test_what_cannot_be_saved_is_named_with_its_node_and_attribute(tmp_path, make, told):
    world = keeping.world(make)
    with pytest.raises(CheckpointError) as caught:
        world.run(keeper=WorldSaver(tmp_path, SECOND, {}))
    assert str(caught.value).startswith(f"the world cannot be saved: {told}")
    assert "hint: " in str(caught.value)
    assert not SnapshotFolder(tmp_path).files()
    assert world.executors["sink"].alive is False  # the others were stopped in order


@pytest.mark.parametrize("kind", [keeping.Bound, type(None), struct.Struct, np.random.Generator])
def test_a_class_written_in_c_is_refused(kind):
    with pytest.raises(CheckpointError, match="not written in Python"):
        refuse_foreign(kind)


@pytest.mark.parametrize(
    "kind", [keeping.Slotted, keeping.Linked, keeping.Frozen, keeping.KeeperNode, Header]
)
def test_a_class_written_in_python_is_not_refused(kind):
    refuse_foreign(kind)


def test_attributes_of_a_node_in_slots_come_back(tmp_path):
    was, now = kept_again(tmp_path, lambda _: [2, 3], "SlottedNode")
    assert now.private() == was.private() == [1]
    assert now.plain is now.kept
    assert now.kept == [2, 3]
    assert not hasattr(now, "unset")


def test_a_node_with_a_base_written_in_c_is_refused(tmp_path):
    world = keeping.world(lambda _: None, node="LocalNode")
    world._begin()
    with pytest.raises(
        CheckpointError, match=r"^the world cannot be saved: keeper: a support\.keeping:LocalNode cannot be"
    ):
        WorldSaver(tmp_path, SECOND, {}).write(world)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "subprocess:Popen",
        "builtins:eval",
        "support.keeping:np",
        "rtgraph.nodes.runtime.realtime.host:os.system",
        "rtgraph.launch.nothing:There",
        "support.keeping:Nothing",
        "rtgraph.nodes.nowhere:Class",
        ":",
        "",
    ],
)
def test_only_what_belongs_to_the_plan_can_be_named(name):
    names = Names(["support"])
    for find in (names.type_at, names.at):
        with pytest.raises(CheckpointError):
            find(name)


def test_a_class_that_no_module_imports_is_named_with_both_ways_out():
    with pytest.raises(CheckpointError) as caught:
        Names(["camera"]).at("camera:Head")
    assert str(caught.value) == (
        "the checkpoint needs 'camera:Head', which no module of this launch's nodes defines or imports. "
        "hint: import it in one of these modules, or use the code that wrote the checkpoint"
    )


def read(*records):
    """Make objects from records; the first record refers to a node."""
    world = keeping.world(lambda _: None)
    reader = Reader(names_of(world.plans), anchors_of(world), records, lambda *_: np.empty(0, np.uint8))
    reader.make()
    return reader.value(Reference(0))


@pytest.mark.parametrize(
    "records",
    [
        [["instance", "support.keeping:KeeperNode", {}, {}]],
        [["stateful", "support.keeping:KeeperNode", {}]],
        [["stateful", "rtgraph.nodes.runtime.executor:Executor", {}]],
        [["stateful", "support.keeping:Linked", {}]],
        [["instance", "support.keeping:Colour", {}, {}]],
        [["instance", "rtgraph.msgs.errors:WorldError", {}, {}]],
        [["enum", "support.keeping:Linked", 1]],
        [["enum", "support.keeping:Colour", "green"]],
        [["dict", "builtins:list", []]],
        [["model", "support.keeping:Linked", {}, None, None, None]],
        [["tuple", "support.keeping:Pair", [1]]],
        [["method", Reference(1), "__init__"], ["anchor", "node:keeper"]],
        [["method", Reference(1), "nothing"], ["anchor", "node:keeper"]],
        [["method", Reference(1), "context"], ["anchor", "node:keeper"]],
        [["named", "os:system"]],
        [["tuple", None, [Reference(0)]]],
        [["path", True, "../../etc/passwd"]],
        [["array", ["'|O'", [1], "C", True, b"12345678"]]],
        [["array", ["'<f8'", [10**12], "C", True, b"12345678"]]],
        [["array", ["'<f8'", [-1, -1], "C", True, b"12345678"]]],
        [
            ["view", Reference(1), ["'<f8'", [9], [8], 0, True]],
            ["array", ["'<f8'", [1], "C", True, b"12345678"]],
        ],
        [["bits", ["PCG64", {}, [[1], True, [], 2, 0]]]],
        [["bits", ["os", {}, None]]],
        [["unknown", 1]],
        [["tensor", ["ones", [1], b"1234"]]],
    ],
    ids=lambda records: f"{records[0][0]}-{records[0][1]!r:.30}",
)
def test_records_that_are_none_are_refused(records):
    with pytest.raises((CheckpointError, KeyError, ValueError)):
        read(*records)


# ---- files ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    world = keeping.world(keeping.everything, folder)
    world._begin()
    return WorldSaver(folder, SECOND, {}).write(world)


def test_two_are_kept_and_numbers_go_on(tmp_path):
    folder = SnapshotFolder(tmp_path / "new")
    for number in range(4):
        folder.write({"number": number}, [], [])
    assert sorted(path.name for path in folder.folder.iterdir()) == ["000003.world", "000004.world"]
    assert SnapshotFile(folder.files()[-1]).head == {"number": 3}


def test_a_disk_that_does_not_take_it_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        SnapshotFolder(tmp_path / "file").write({}, [], [])


LINKED = {"name": "x", "next": None}
"""A saved ``Linked`` of an older version: it has no ``others``."""


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (
            ["model", "support.chatter:Ping", {}, None, None, None],
            "a Ping without the field 'header', which the class needs now",
        ),
        (
            [
                "model",
                "support.chatter:Ping",
                {"header": None, "number": 1, "said": "", "old": 2},
                None,
                None,
                None,
            ],
            "a Ping with the field 'old', which the class does not have now",
        ),
        (
            ["instance", "support.keeping:Linked", LINKED, {}],
            "a Linked without the field 'others', which the class needs now",
        ),
        (
            ["instance", "support.keeping:Frozen", {}, {"number": 1}],
            "a Frozen without the field 'inner', which the class needs now",
        ),
    ],
)
def test_objects_of_another_version_of_their_class_are_refused(tmp_path, record, problem):
    """Otherwise the world would go on, and fail where the field is first used."""
    world = keeping.world(lambda _: None)
    states = {name: None for name, anchor in anchors_of(world).items() if isinstance(anchor, WorldState)}
    path = SnapshotFolder(tmp_path).write({"incarnations": world.incarnations()}, [states, [record]], [])
    with pytest.raises(CheckpointError) as caught:
        load(world, SnapshotFile(path))
    assert str(caught.value) == f"the checkpoint has {problem}. hint: use the code that wrote the checkpoint"


def test_another_plan_is_refused(tmp_path, written):
    other = VirtualWorld([plan(0, "other", "support.chatter:Sink", {}, "", {})])
    with pytest.raises(CheckpointError, match="other nodes: keeper, sink; the nodes here are other"):
        load(other, SnapshotFile(written))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_changed_anywhere_is_damaged(written, tmp_path_factory, data):
    whole = written.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(st.sampled_from(["cut", "flip"]))
    path = tmp_path_factory.getbasetemp() / "changed.world"
    flipped = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    path.write_bytes(whole[:place] if changed == "cut" else flipped)
    with pytest.raises(CheckpointError):
        SnapshotFile(path)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_file_holds_there_is_one_error_at_most(written, tmp_path_factory, data):
    """The document's bytes are changed and the digest is adapted: it is read, or refused with the documented error."""
    whole = bytearray(written.read_bytes()[:-32])
    head, document = struct.unpack_from("<QQ", whole, len(MAGIC))
    start = len(MAGIC) + 16 + head
    for _ in range(data.draw(st.integers(1, 4))):
        place = start + data.draw(st.integers(0, document - 1))
        whole[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "hostile.world"
    path.write_bytes(bytes(whole) + hashlib.blake2b(whole, digest_size=32).digest())
    world = keeping.world(keeping.everything, path.parent)
    with contextlib.suppress(CheckpointError):
        load(world, SnapshotFile(path))


REFERENCES = st.builds(lambda number: msgpack.ExtType(1, number.to_bytes(4, "big")), st.integers(0, 3))
VALUES = st.one_of(st.integers(-9, 9), st.text(max_size=8), st.binary(max_size=8), REFERENCES, st.none())
RECORDS = st.lists(
    st.tuples(
        st.sampled_from(sorted(MAKERS)), VALUES | st.lists(VALUES, max_size=4), VALUES | st.lists(VALUES)
    ),
    max_size=6,
)


@given(RECORDS)
@settings(max_examples=100, deadline=None)
def test_whatever_records_there_are_there_is_one_error(tmp_path_factory, records):
    world = keeping.world(lambda _: None)
    folder = SnapshotFolder(tmp_path_factory.getbasetemp() / "records")
    path = folder.write({"incarnations": world.incarnations()}, [{}, records], [])
    with pytest.raises(CheckpointError):
        load(world, SnapshotFile(path))


def test_integers_of_any_size_and_unknown_values():
    assert unpacked(2, (-(2**90)).to_bytes(12, "big", signed=True)) == -(2**90)
    with pytest.raises(CheckpointError):
        unpacked(9, b"")

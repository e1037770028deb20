"""A session recorded in the virtual world with known models: the fit recovers them, and a launch with the file agrees."""

import json

import numpy as np
import pytest

from rtgraph.graphs import load_launch
from rtgraph.graphs.reading.latency_file import read_latency_file, write_latency_file
from rtgraph.graphs.reading.positions import Document
from rtgraph.launch.cli import main
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.latency.analysis import latencies_of, latency_file
from rtgraph.launch.latency.samples import durations_of
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import GraphError

TICKS = 1_000
EDGES = """
  - {source: plant, target: "*", port: observation, latency: {kind: lognormal, ms: 6, sigma: 0.4}}
  - {source: worker/0, target: plant, port: decision, latency: {kind: constant, ms: 2}}
  - {source: worker/1, target: plant, port: decision, latency: {kind: normal, ms: 9, sd: 0.2}}
"""
KNOWN = f"""\
rtgraph_latency: 1
workers:
  worker/0: {{kind: lognormal, ms: 140, sigma: 0.3}}
  worker/1: {{kind: mixture, ms: 150, epsilon: 0.3, cost: 0.2, sigma: 0.05, cost_sigma: 0.1}}
  worker/2: {{kind: normal, ms: 120, sd: 0.15}}
edges:{EDGES}"""
FIGURES = ("inaction", "age_ticks")


def launched(out, stagger, file, *more):
    arguments = ["rate_hz=20", "workers=3", f"stagger={stagger}", f"latency_file={file}"]
    asked = ["launch", "endless", *arguments, "--world", "virtual", "--no-plots", "--out", str(out), *more]
    assert main([*asked, "--ticks", str(TICKS)]) == 0
    return json.loads((out / "summary.json").read_text())


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Return a folder with the known file and recordings made with it; their summaries and latencies, by stagger method."""
    folder = tmp_path_factory.mktemp("latency")
    (folder / "known.yaml").write_text(KNOWN)
    summaries, latencies = {}, {}
    for stagger in ("none", "paced"):
        summaries[stagger] = launched(folder / stagger, stagger, folder / "known.yaml")
        durations = durations_of(Bag.open(folder / stagger / "session.mcap"))
        latencies[stagger] = found = latencies_of(durations)
        write_latency_file(latency_file(durations, found, "empirical", 20.0), folder / f"{stagger}.yaml")
    return folder, summaries, latencies


@pytest.mark.parametrize("stagger", ["none", "paced"])
def test_the_fit_recovers_the_models_of_the_world(known, stagger):
    fitted = {latency.name: latency for latency in known[2][stagger]}
    expected = {
        "worker/0": ("lognormal", {"ms": 140, "sigma": 0.3}),
        "worker/1": ("mixture", {"ms": 150, "epsilon": 0.3, "cost": 0.2, "sigma": 0.05, "cost_sigma": 0.1}),
        "worker/2": ("normal", {"ms": 120, "sd": 0.15}),
        "worker/0 → plant: decision": ("constant", {"ms": 2}),
        "worker/1 → plant: decision": ("normal", {"ms": 9, "sd": 0.2}),
        "worker/2 → plant: decision": ("constant", {"ms": 0}),
    }
    # Without claims the workers listen to observations, with claims the coordinator does.
    listener = "worker/2" if stagger == "none" else "coordinator"
    expected[f"plant → {listener}: observation"] = ("lognormal", {"ms": 6, "sigma": 0.4})
    for name, (kind, parameters) in expected.items():
        best = fitted[name].best
        assert best.model.kind == kind, name
        for parameter, value in parameters.items():
            found, error = best.parameters[parameter]
            assert found == pytest.approx(value, abs=3.5 * error + 1e-6), (name, parameter)


def test_the_verb_prints_draws_and_writes(known, tmp_path, capsys):
    recording = str(known[0] / "paced" / "session.mcap")
    assert (
        main(["bag", "latency", recording, "--out", str(tmp_path / "fit"), "--json", "--model", "best"]) == 0
    )
    printed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in printed["latencies"]][:3] == ["worker/0", "worker/1", "worker/2"]
    assert {path.name for path in (tmp_path / "fit").iterdir()} == {
        "latency.yaml", "inference.png", "transport.png",
    }  # fmt: skip
    file = read_latency_file(printed["file"], Document("", {}, {}).top)
    assert {name: model.kind for name, model in file.workers.items()} == {
        "worker/0": "lognormal",
        "worker/1": "mixture",
        "worker/2": "normal",
    }


@pytest.mark.parametrize("stagger", ["none", "paced"])
def test_a_launch_with_the_fitted_file_acts_as_the_recorded_one(known, stagger):
    folder, found, _ = known
    again = launched(folder / f"{stagger}-rerun", stagger, folder / f"{stagger}.yaml", "--seed", "5")
    recorded = found[stagger]
    assert again["inaction"] == pytest.approx(recorded["inaction"], abs=0.02)
    assert again["age_ticks"]["mean"] == pytest.approx(recorded["age_ticks"]["mean"], abs=0.1)


PAUSES_MS = [3.0, 9.0, 0.0, 30.0, 5.0]


@pytest.mark.parametrize("stagger", ["none", "maximum_time", "expected_time"])
def test_pauses_are_what_a_stagger_method_does_not_ask_for(tmp_path, stagger):
    """The method's sleeps and held decisions are in the recorded times; the pauses come out in their order."""
    pause = f"{{kind: empirical, order: sequence, values_ms: {PAUSES_MS}}}"
    (tmp_path / "known.yaml").write_text(
        "rtgraph_latency: 1\nworkers:\n  worker/*: {kind: cycle, inference: "
        f"{{kind: spikes, ms: 130, sd: 0.1, probability: 0.01, factor: 1.5}}, pause: {pause}}}\n"
    )
    recorded = launched(tmp_path / "recorded", stagger, tmp_path / "known.yaml")
    durations = durations_of(Bag.open(tmp_path / "recorded" / "session.mcap"))
    for values in durations.pauses.values():
        assert len(values) > 200
        assert values == pytest.approx((PAUSES_MS * len(values))[: len(values)], abs=1e-5)
    file = latency_file(durations, latencies_of(durations), "sequence", 20.0)
    write_latency_file(file, tmp_path / "fitted.yaml")
    again = launched(tmp_path / "again", stagger, tmp_path / "fitted.yaml", "--seed", "5")
    assert [again[figure] for figure in FIGURES] == [recorded[figure] for figure in FIGURES]


def test_the_timing_matters(known):
    """Without the edges, or with the mean of the inference times, a launch acts otherwise."""
    folder, found, _ = known
    (folder / "inferences.yaml").write_text(KNOWN.partition("edges:")[0])
    without = launched(folder / "without", "none", folder / "inferences.yaml", "--seed", "5")
    assert without["age_ticks"]["mean"] < found["none"]["age_ticks"]["mean"] - 0.1


def test_the_durations_of_a_recording(known):
    folder = known[0]
    found = durations_of(Bag.open(folder / "paced" / "session.mcap"))
    assert set(found.workers) == {"worker/0", "worker/1", "worker/2"}
    assert all(min(values) >= 0 for values in found.edges.values())
    assert not any(edge.target == "monitor" for edge in found.edges)
    assert set(found.seen_by.values()) == {"receiver"}
    observed = next(
        values
        for edge, values in found.edges.items()
        if edge.target == "coordinator" and edge.port == "observation"
    )
    assert len(observed) == pytest.approx(TICKS, abs=3)
    assert np.mean(observed) == pytest.approx(6, rel=0.05)


# ---- the argument --------------------------------------------------------------------------------------------------


def plan_of(world="virtual", launch="endless", **arguments):
    return load_launch(launch, arguments, world=world, folders=FOLDERS, effective=True)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "times.yaml"
    path.write_text(KNOWN)
    return path


def latencies(plan):
    return {node.name: node.params["latency"]["kind"] for node in plan.nodes if "latency" in node.params}


def test_a_file_gives_each_worker_its_own_model_and_edges_in_virtual_time_alone(file):
    kinds = {"worker/0": "lognormal", "worker/1": "mixture", "worker/2": "normal"}
    virtual, realtime = (
        plan_of(world, workers="3", latency_file=str(file)) for world in ("virtual", "realtime")
    )
    assert latencies(virtual) == latencies(realtime) == kinds
    assert [(edge.source, edge.port) for edge in virtual.delays] == [
        ("plant", "observation"), ("worker/0", "decision"), ("worker/1", "decision"),
    ]  # fmt: skip
    assert realtime.delays == ()


def test_edges_that_a_launch_does_not_have_are_passed_over(file):
    plan = plan_of(workers="1", latency_file=str(file))
    assert [(edge.source, edge.port) for edge in plan.delays] == [
        ("plant", "observation"),
        ("worker/0", "decision"),
    ]


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        ({}, {"kind": "padded", "frames": 5.3, "ms": None}),
        ({"latency": "padded", "latency_frames": "2"}, {"kind": "padded", "frames": 2.0, "ms": None}),
        ({"latency": "measured"}, {"kind": "measured"}),
    ],
)
def test_the_choice_of_a_latency(arguments, model):
    plan = plan_of("realtime", workers="1", **arguments)
    assert [node.params["latency"] for node in plan.nodes if "latency" in node.params] == [model]


@pytest.mark.parametrize("launch", ["boxing", "catch", "delay", "sequential"])
def test_launch_files_with_workers_take_a_latency_file(file, launch):
    plan = plan_of(
        launch=launch, latency_file=str(file), **({"workers": "1"} if launch != "sequential" else {})
    )
    assert set(latencies(plan).values()) >= {"lognormal"}


def test_one_process_that_learns_takes_its_time_from_the_file(tmp_path):
    (tmp_path / "times.yaml").write_text(
        "rtgraph_latency: 1\nrecording: {rate_hz: 60}\nworkers:\n  agent: {kind: constant, ms: 50}\n"
    )
    plan = plan_of(launch="catch", agent="infer_learn", latency_file=str(tmp_path / "times.yaml"))
    (agent,) = [node for node in plan.nodes if node.name == "agent"]
    assert agent.params["inference"]["kind"] == "constant"
    assert agent.params["pretraining"]["replay"]["fill_latency_frames"] == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"latency": "file"}, "latency=file needs a latency file"),
        ({"latency_file": "nowhere.yaml"}, "there is no latency file nowhere.yaml"),
        ({"latency": "measured"}, "inferences need a duration in the virtual world"),
        ({"latency": "guessed"}, "'guessed' is not among the choices"),
        ({"latency_frames": "0"}, "0.0 is below the minimum"),
    ],
)
def test_wrong_choices_are_refused(arguments, says):
    with pytest.raises(GraphError, match=says):
        plan_of(workers="1", **arguments)


def test_an_argument_without_effect_is_refused(file):
    for arguments in (
        {"latency": "padded", "latency_file": str(file)},
        {"latency_frames": "2", "latency_file": str(file)},
    ):
        with pytest.raises(GraphError, match="has no effect"):
            plan_of("realtime", workers="1", **arguments)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("graphs: []\n", 1, "is not a latency file"),
        (KNOWN.replace("rtgraph_latency: 1", "rtgraph_latency: 2"), 1, "has version 2, not 1"),
        (KNOWN.replace("kind: normal, ms: 120", "kind: normol, ms: 120"), 5, "workers.worker/2: unknown kind 'normol'"),
        (KNOWN.replace("ms: 120", "ms: -1"), 5, "should be ≥ 0"),
        (KNOWN.replace("edges:", "edgs:"), 6, "unknown key 'edgs'"),
        (KNOWN.replace("kind: constant, ms: 2", "kind: constant, frames: 2"), 8, "an edge has no frame rate"),
        (KNOWN.replace("worker/2", "worker/9"), None, "has no inference time of 'worker/2'; it has those of worker/0, worker/1, worker/9"),
        ("rtgraph_latency: 1\nworkers: {}\n", 2, "must not be empty"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_at_their_line(file, text, line, says):
    file.write_text(text)
    with pytest.raises(GraphError) as raised:
        plan_of(workers="3", latency_file=str(file))
    assert says in str(raised.value)
    assert line is None or f"times.yaml:{line}:" in str(raised.value)


def test_a_recording_without_decisions_is_refused(tmp_path, capsys):
    assert (
        main(
            [
                "launch",
                "endless",
                "workers=1",
                "--world",
                "virtual",
                "--ticks",
                "20",
                "--recorder",
                "topics=applied",
                "--no-plots",
                "--out",
                str(tmp_path / "s"),
            ]
        )
        == 0
    )
    assert main(["bag", "latency", str(tmp_path / "s" / "session.mcap"), "--out", str(tmp_path / "o")]) == 1
    assert "holds no decisions" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()

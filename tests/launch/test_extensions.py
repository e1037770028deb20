"""A package in ``tests/toy`` adds one of each to rtgraph: each is one file and one line of its entry points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtgraph.launch.cli import VERBS, main
from rtgraph.msgs.bag import Bag
from rtgraph.nodes import extensions

TOY = Path(__file__).parents[1] / "toy"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    extensions._warn.cache_clear()
    yield
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "rtgraph_toy"]:
        del sys.modules[name]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TOY)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A second package: nothing in it can be imported, and some of its names are taken."""
    info = tmp_path / "broken_toy-2.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(
        "[rtgraph.nodes]\nWorker = broken_toy:Worker\nPump = broken_toy:Pump\n"
        "[rtgraph.stagger]\npaced = broken_toy:Paced\nwild = broken_toy:Wild\n"
        "[rtgraph.exporters]\nnpz = broken_toy:NPZ\nwax = broken_toy:WAX\n"
        "[rtgraph.verbs]\nlaunch = broken_toy.launch\nhum = broken_toy.hum\nonly a name\n"
        "[rtgraph.launch]\nfiles = broken_toy.files\n"
        "[rtgraph.studies]\nsurvey = broken_toy:STUDY\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def ran(*arguments: object) -> int:
    try:
        return main([*map(str, arguments)])
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.usefixtures("toy")
def test_its_launch_file_its_plant_and_its_stagger_method_run(tmp_path: Path) -> None:
    out = tmp_path / "session"
    arguments = ["metronome", "stagger=steady", "workers=2", "latency_frames=1", "--ticks", 60]
    assert ran("launch", *arguments, "--world", "virtual", "--no-plots", "--out", out) == 0
    plan = (out / "plan.yaml").read_text()
    assert plan.count("stagger: steady") == 4, "the argument, the coordinator and two workers"
    assert "kind: latest" in plan, "the gate that the method needs"
    decisions = [
        recorded.fields() for recorded in Bag.open(out / "session.mcap").messages(topics=("decision",))
    ]
    assert len(decisions) > 20
    held = {fields["header"]["stamp_ns"] - fields["began_ns"] for fields in decisions}
    assert held == {250_000_000}

    assert ran("bag", "export", out / "session.mcap", "--to", "counts", "--out", tmp_path / "counts.txt") == 0
    assert f"decision {len(decisions)}\n" in (tmp_path / "counts.txt").read_text()


@pytest.mark.usefixtures("toy")
def test_its_algorithm_learns(tmp_path: Path) -> None:
    out = tmp_path / "session"
    learner = ["minimum=20", "replay_mib=8", "algorithm=greed", "algorithm_options={taste: 2.0}"]
    arguments = ["delay_learning", "states=4", "workers=1", "latency_frames=1", *learner, "--ticks", 80]
    assert ran("launch", *arguments, "--record", "--no-plots", "--out", out) == 0
    learned = [recorded.fields() for recorded in Bag.open(out / "session.mcap").messages(topics=("learned",))]
    assert len(learned) > 5
    facts = json.loads((out / "checkpoints/000000/facts.json").read_text())
    assert (facts["algorithm"]["kind"], facts["algorithm"]["taste"]) == ("greed", 2.0)


@pytest.mark.usefixtures("toy")
def test_a_world_with_its_stagger_method_is_saved_and_resumed(tmp_path: Path) -> None:
    out, arguments = tmp_path / "session", ["endless", "stagger=steady", "workers=2", "latency_frames=1"]
    assert (
        ran(
            "launch",
            *arguments,
            "--world",
            "virtual",
            "--ticks",
            90,
            "--checkpoint-every",
            1,
            "--no-plots",
            "--out",
            out,
        )
        == 0
    )
    forget()  # as in a new process
    again = tmp_path / "again"
    assert ran("launch", "--resume-world", out, "--ticks", 120, "--no-plots", "--out", again) == 0
    assert json.loads((again / "summary.json").read_text())["ticks"] > 0


@pytest.mark.usefixtures("toy")
def test_its_names_are_listed_and_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--help") == 0
    assert "from rtgraph_toy 1.0" in capsys.readouterr().out
    assert ran("beats", 3) == 0
    assert capsys.readouterr().out == "tick tock tick\n"
    assert ran("beats", "--help") == 0
    assert "Print N beats." in capsys.readouterr().out
    assert ran("beat") == 2
    assert "did you mean 'beats'?" in capsys.readouterr().err
    assert ran("node", "list", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["Metronome"]["from"], rows["Metronome"]["plant"]) == ("rtgraph_toy 1.0", True)
    assert ran("node", "info", "Metronome") == 0
    assert "beats_per_s" in capsys.readouterr().out
    assert ran("node", "info", "Worker") == 0
    assert "paced | steady" in capsys.readouterr().out
    assert ran("check", "boxing", "stagger=stedy") == 2
    assert "'stedy' is not among the choices. hint: did you mean 'steady'?" in capsys.readouterr().err


def test_without_the_package_none_of_them_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("beats", 3) == 2
    assert ran("launch", "metronome") == 2
    assert ran("check", "boxing", "stagger=steady") == 2
    assert "rtgraph_toy" not in capsys.readouterr().out


@pytest.mark.usefixtures("toy", "broken")
def test_a_broken_package_breaks_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert ran("--help") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in (*VERBS.values(), "from rtgraph_toy 1.0", "from broken_toy 2.0"))
    assert ran("check", "metronome", "stagger=steady", "--world", "virtual") == 0
    assert ran("check", "boxing", "stagger=paced", "--world", "virtual") == 0
    assert ran("bag", "export", "--help") == 0
    assert ran("node", "list", "--json") == 0
    assert caplog.messages == [
        "'only a name' (rtgraph.verbs) of broken_toy 2.0 is ignored: the line is not name = target",
        "'launch' (rtgraph.verbs) of broken_toy 2.0 is ignored: rtgraph has one of that name",
        "'files' (rtgraph.launch) of broken_toy 2.0 is ignored: there is no package broken_toy.files",
        "'paced' (rtgraph.stagger) of broken_toy 2.0 is ignored: rtgraph has one of that name",
        "'npz' (rtgraph.exporters) of broken_toy 2.0 is ignored: rtgraph has one of that name",
        "'Worker' (rtgraph.nodes) of broken_toy 2.0 is ignored: rtgraph has one of that name",
    ]


NOT_THERE = "ModuleNotFoundError: No module named 'broken_toy'. hint: repair or uninstall broken_toy\n"


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["hum"],
            "error: entry point 'hum' (rtgraph.verbs) of broken_toy 2.0 cannot be used: broken_toy.hum: ",
        ),
        (
            ["check", "boxing", "stagger=wild"],
            "entry point 'wild' (rtgraph.stagger) of broken_toy 2.0 cannot be used: broken_toy:Wild: ",
        ),
        (
            ["bag", "export", "no.mcap", "--to", "wax"],
            "error: entry point 'wax' (rtgraph.exporters) of broken_toy 2.0 cannot be used: broken_toy:WAX: ",
        ),
    ],
)
def test_what_cannot_be_imported_is_one_error_that_names_the_package(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(*arguments) in (1, 2)
    assert capsys.readouterr().err.endswith(said + NOT_THERE)


@pytest.mark.usefixtures("broken")
def test_a_node_class_that_cannot_be_imported_is_listed_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ran("node", "list", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert "No module named 'broken_toy'" in rows["Pump"]["problem"]
    assert rows["Worker"]["class"] == "rtgraph.nodes.inference:Worker"


@pytest.mark.usefixtures("toy")
def test_a_name_that_two_packages_bring_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    info = tmp_path / "other_toy-3.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[rtgraph.stagger]\nsteady = other_toy:Steady\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert extensions.extensions("rtgraph.stagger") == {}
    assert caplog.messages == [
        "'steady' (rtgraph.stagger) is ignored: other_toy 3.0 and rtgraph_toy 1.0 both provide it. hint: uninstall one"
    ]


@pytest.mark.usefixtures("toy")
def test_a_launch_file_of_another_package_does_not_replace_ours(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "shadow" / "files").mkdir(parents=True)
    (tmp_path / "shadow" / "files" / "endless.yaml").write_text("nodes: {}\n")
    info = tmp_path / "shadow-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[rtgraph.launch]\nfiles = shadow.files\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert ran("check", "endless") == 0
    assert caplog.messages == [
        "'endless.yaml' (rtgraph.launch) of shadow 1.0 is ignored: rtgraph has a launch file 'endless' too, which is used"
    ]


@pytest.mark.usefixtures("toy")
def test_its_study_is_listed_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("reproduce", "--list") == 0
    assert "how often random workers act" in " ".join(capsys.readouterr().out.split())
    assert ran("reproduce", "beats", "--jobs", 1, "--out", tmp_path) == 0
    assert "Seen here: 2 rows" in capsys.readouterr().out


@pytest.mark.usefixtures("toy", "broken")
def test_a_study_that_cannot_be_imported_is_one_warning_and_the_others_are_listed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert ran("reproduce", "--list", "--json") == 0
    names = [line["study"] for line in json.loads(capsys.readouterr().out)]
    assert {"fig7", "beats"} <= set(names)
    assert "survey" not in names
    said = caplog.messages[-1]
    wanted = "entry point 'survey' (rtgraph.studies) of broken_toy 2.0 cannot be used: broken_toy:STUDY: "
    assert said == wanted + NOT_THERE.strip()
    assert [each for each in caplog.messages if "rtgraph.studies" in each] == [said]

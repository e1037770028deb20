"""Summaries side by side, and in one line."""

import pytest
from rich.console import Console
from support.staggered import staggered_world, trace_of

from rtgraph.launch.console.numbers import percent, rounded, signed
from rtgraph.launch.report.tables import headline, summary_table
from rtgraph.nodes.monitor import Trace

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
FIGURES = {
    "ticks": 3600,
    "tick_rate_hz": 59.9991,
    "tick_rate_error": -15e-6,
    "tick_lateness_ms": {"p50": 0.0623, "p99": 0.3147, "max": 4.218},
    "tick_work_ms": {"p50": 1.0, "p99": 2.0},
    "overruns": 2,
    "slipped": 1,
    "missed": 4,
    "inaction": 0.004,
    "inaction_start": 7,
    "age_ticks": {"mean": 6.13, "sd": 0.22, "p50": 6.0, "p99": 7.0},
    "age_ms": {"mean": 102.2, "sd": 3.71, "p50": 100.0, "p99": 116.7},
    "delay_ticks": 6,
    "decisions": {"made": 3600, "applied": 3580, "overwritten": 12, "late": 5, "dropped": 3, "refused": 9},
    "interval_ticks": {"mean": 1.004, "sd": 0.063},
    "inference_ms": {
        "worker/0": {"p50": 88.0, "p99": 99.0, "count": 600},
        "worker/1": {"p50": 90.0, "p99": 93.0, "count": 600},
        "worker/2": {"p50": 104.0, "p99": 121.5, "count": 600},
    },
    "reward": {"sum": 1234.0, "mean": 0.34},
    "episodes": {"count": 3, "return_mean": 411.33, "length_mean": 1199.0},
    "lost": {"plant -> recorder.observation": 0, "worker/0 -> recorder.decision": 0},
    "unread": {},
    "restarts": {},
}
SLOWER = FIGURES | {"inaction": 0.81, "reward": {"sum": 200.0, "mean": 0.05}}


def shown(figures, width=200, *, colours=False):
    console = Console(width=width, force_terminal=colours, color_system="truecolor" if colours else None)
    with console.capture() as capture:
        console.print(summary_table(figures))
    return capture.get()


def rows(figures):
    """Return the cells of the table, by label."""
    lines = [line.strip("│┃ ").replace("┃", "│").split("│") for line in shown(figures).splitlines()]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines if len(cells) > 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, DASH),
        (0, "0"),
        (7.0, "7"),
        (0.3147, "0.315"),
        (0.4, "0.4"),
        (0.000012345, "0.0000123"),
        (0.9996, "1"),
        (9.999, "10"),
        (59.9991, "60"),
        (100.4, "100"),
        (1234567, "1,234,567"),
        (1234.5678, "1,235"),
        (-3.14159, f"{MINUS}3.14"),
    ],
)
def test_numbers_are_rounded_for_reading(value, text):
    assert rounded(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(81.13, "81.1 %"), (1.17, "1.2 %"), (0.337, "0.34 %"), (None, DASH)]
)
def test_percentages(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(2.5, "+2.5"), (-2.5, f"{MINUS}2.5"), (0.0, "0")])
def test_signs(value, text):
    assert signed(value) == text


@pytest.mark.parametrize(
    ("label", "cell"),
    [
        ("ticks", "3,600"),
        ("tick rate (Hz)", "60"),
        ("tick rate error", f"{MINUS}15 ppm"),
        ("lateness p50 / p99 / max (ms)", "0.0623 / 0.315 / 4.22"),
        ("overruns", "2"),
        ("ticks given up", "1"),
        ("ticks missed", "4"),
        ("inaction", "0.4 %"),
        ("age, mean ± sd, p99 (ticks)", "6.1 ± 0.2, 7"),
        ("age, mean ± sd, p99 (ms)", "102.2 ± 3.7, 117"),
        ("interval, mean ± sd (ticks)", "1.0 ± 0.1"),
        ("decisions made", "3,600"),
        ("applied", "3,580, 99.4 %"),
        ("overwritten", "12, 0.33 %"),
        ("late", "5, 0.14 %"),
        ("dropped", "3, 0.083 %"),
        ("refused", "9, 0.25 %"),
        ("inference p50 / worst p99 (ms)", "90 / 122"),
        ("reward", "1,234"),
        ("reward per second", "20.6"),
        ("episodes", "3"),
        ("return, mean", "411"),
        ("messages lost", "0"),
        ("messages unread", "0"),
        ("restarts", "0"),
    ],
)
def test_one_summary(label, cell):
    assert rows({"paced": FIGURES})[label] == [cell]


def test_every_row_of_the_table_is_tested():
    labels = set(rows({"paced": FIGURES})) - {""}
    tested = {case[0] for case in test_one_summary.pytestmark[0].args[1]}
    assert labels == tested


def test_a_rate_that_is_far_off_is_told_in_percent():
    assert rows({"slow": FIGURES | {"tick_rate_error": -0.0213}})["tick rate error"] == [f"{MINUS}2.13 %"]


def test_what_matters_is_compared_with_the_first():
    found = rows({"sequential": SLOWER, "paced": FIGURES, "again": SLOWER})
    assert found["inaction"] == ["81 %", f"0.4 % ({MINUS}80.6 points)", "81 %"]
    assert found["reward"] == ["200", "1,234 (+1,034)", "200"]
    assert found["reward per second"] == ["3.33", "20.6 (+17.2)", "3.33"]
    assert found["age, mean ± sd, p99 (ticks)"] == ["6.1 ± 0.2, 7"] * 3
    assert "in parentheses: the difference from sequential" in shown({"sequential": SLOWER, "paced": FIGURES})
    assert "in parentheses" not in shown({"paced": FIGURES})


@pytest.mark.parametrize(
    ("first", "second", "colour"), [(SLOWER, FIGURES, "\x1b[1;32m"), (FIGURES, SLOWER, "\x1b[1;31m")]
)
def test_what_matters_stands_out(first, second, colour):
    lines = shown({"first": first, "second": second}, colours=True).splitlines()
    coloured = [line for line in lines if colour in line]
    assert [line.split("│")[1].strip("\x1b[0m1 ") for line in coloured] == [
        "inaction",
        "reward",
        "reward per second",
    ]


@pytest.mark.parametrize(
    "figures", [{}, Trace().figures(), Trace().figures(60.0) | {"lost": {}, "restarts": {}}]
)
def test_figures_that_are_not_there_are_a_dash(figures):
    found = rows({"paced": FIGURES, "nothing": figures})
    for label in ("tick rate (Hz)", "tick rate error", "lateness p50 / p99 / max (ms)", "inaction"):
        assert found[label][1] == DASH, label
    for label in (
        "age, mean ± sd, p99 (ticks)",
        "interval, mean ± sd (ticks)",
        "inference p50 / worst p99 (ms)",
    ):
        assert found[label][1] == DASH, label
    assert found["reward per second"][1] == DASH
    assert headline(figures) == f"inaction {DASH}, age {DASH}, tick lateness p99 {DASH}"


def test_losses_and_restarts_are_named_with_the_worst_first():
    lost = {f"worker/{number} -> recorder.decision": number for number in range(6)}
    unread = {"src -> sink.tick": 9}
    text = shown({"paced": FIGURES | {"lost": lost, "unread": unread, "restarts": {"worker/3": 2}}})
    lines = [line.split("│")[2].strip() for line in text.splitlines() if line.count("│") == 3]
    assert lines[lines.index("15") :] == [
        "15",
        "worker/5 -> recorder.decision: 5",
        "worker/4 -> recorder.decision: 4",
        "worker/3 -> recorder.decision: 3",
        "and 2 more",
        "9",
        "src -> sink.tick: 9",
        "2",
        "worker/3: 2",
    ]


def test_names_are_not_markup():
    figures = FIGURES | {"lost": {"[red]plant[/red] -> x": 1}}
    assert "[red]plant[/red] -> x: 1" in shown({"[bold]paced": figures})
    assert "[bold]paced" in shown({"[bold]paced": figures})


def test_no_summaries_make_an_empty_table():
    assert "inaction" in shown({})


def test_two_summaries_fit_a_terminal():
    lines = shown({"sequential": SLOWER, "paced": FIGURES}, width=84).splitlines()
    assert len(lines) == len(shown({"sequential": SLOWER, "paced": FIGURES}).splitlines())


def test_a_headline():
    assert headline(FIGURES) == "inaction 0.4 %, age 6.1 ± 0.2 ticks, tick lateness p99 0.315 ms"


def test_the_figures_of_a_real_run():
    columns = {}
    for method, workers in (("none", 1), ("paced", 6)):
        world = staggered_world(method, [{"kind": "constant", "frames": 5.3}] * workers, 300)
        world.run()
        columns[method] = trace_of(world).figures(60.0)
    found = rows(columns)
    assert found["ticks"] == ["300", "300"]
    assert found["inaction"][0] == "81 %"
    assert found["inaction"][1].endswith("points)")
    assert headline(columns["paced"]).endswith("age 6.0 ± 0.0 ticks, tick lateness p99 0 ms")


LEARNING = {
    "ticks": 6000,
    "version": 875,
    "episodes": 600,
    "episodes_here": 600,
    "return_last": -0.6,
    "return_best": 1.0,
    "positive": 0.2,
    "updates": 875,
    "loss": 0.0699,
    "q_mean": -0.325,
    "gradient_norm": 0.2,
    "delay": 0.0,
    "staleness": 0.729,
    "explored": 0.852,
    "samples_per_s": 140.0,
    "updates_per_s": 8.75,
    "updates_per_tick": 0.1458,
}


def test_what_was_learned_is_told_where_something_did():
    found = rows({"learned": FIGURES | {"learning": LEARNING}, "played": FIGURES})
    told = {
        label: cells for label, cells in found.items() if label not in {*rows({"played": FIGURES}), "learned"}
    }
    assert told == {
        "learning: episodes": ["600", DASH],
        "return, last 100": [f"{MINUS}0.6", DASH],
        "return, best": ["1", DASH],
        "return above 0, last 100": ["20 %", DASH],
        "version": ["875", DASH],
        "updates": ["875", DASH],
        "updates per tick": ["0.146", DASH],
        "updates / samples per second": ["8.75 / 140", DASH],
        "loss, mean": ["0.0699", DASH],
        "Q, mean": [f"{MINUS}0.325", DASH],
        "delay of gradients, mean (versions)": ["0", DASH],
        "staleness, mean (versions)": ["0.729", DASH],
        "explored": ["85.2 %", DASH],
    }
    better = FIGURES | {"learning": LEARNING | {"return_last": 0.4}}
    assert (
        rows({"first": FIGURES | {"learning": LEARNING}, "second": better})["return, last 100"][1]
        == "0.4 (+1)"
    )


def test_the_age_of_each_part_is_shown_if_it_is_known():
    ages = {"wrist": {"mean": 33.4, "sd": 2.0, "p99": 41.0}, "": {"mean": 1.0, "sd": 0.0, "p99": 1.0}}
    found = rows({"arm": FIGURES | {"captured_age_ms": ages}, "other": FIGURES})
    assert found["age of wrist, mean ± sd, p99 (ms)"] == ["33.4 ± 2.0, 41", DASH]
    assert found["age of observation, mean ± sd, p99 (ms)"] == ["1.0 ± 0.0, 1", DASH]

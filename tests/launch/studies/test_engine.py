"""The engine of studies, with a study of numbers: each cell is computed once, whatever happens in between."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pyarrow.parquet
import pytest
from support.squares import Square, ran, study

from rtgraph.launch.console.status import Silent
from rtgraph.launch.studies.engine.chosen import Chosen, Shard
from rtgraph.launch.studies.engine.engine import reproduce
from rtgraph.launch.studies.engine.store import Store
from rtgraph.launch.studies.engine.table import command, write_parquet
from rtgraph.launch.studies.study import Cell, Scale, Study
from rtgraph.msgs.errors import GraphError, LaunchError


def test_rows_are_in_the_order_of_the_cells_and_none_is_computed_twice(tmp_path: Path) -> None:
    computed: list[int] = []
    numbers = study([Square(n, computed) for n in (3, 1, 2)])
    first = ran(numbers, tmp_path)
    assert [row["square"] for row in first.rows] == [9, 1, 4]
    table, picture = first.table.read_bytes(), first.picture.read_bytes()
    assert sorted(computed) == [1, 2, 3]
    again = ran(numbers, tmp_path)
    assert sorted(computed) == [1, 2, 3]
    assert (again.table.read_bytes(), again.picture.read_bytes()) == (table, picture)


def test_the_table_is_tidy_and_names_the_command_of_each_row(tmp_path: Path) -> None:
    found = ran(study([Square(3, [])]), tmp_path)
    (row,) = csv.DictReader(found.table.read_text().splitlines())
    assert (row["number"], row["seed"], row["square"]) == ("3", "0", "9")
    assert row["command"] == "rtgraph reproduce squares --scale quick --only number=3 seed=0"
    assert all(row[fact] for fact in ("rtgraph", "python", "numpy", "cpu"))
    assert "digits" not in row


def test_parquet_has_the_columns_and_rows_of_the_csv(tmp_path: Path) -> None:
    squares = study([Square(3, []), Square(4, [])])
    found = ran(squares, tmp_path)
    rows = [*found.rows, {**found.rows[0], "square": None, "seed": "none"}]
    write_parquet(tmp_path / "t.parquet", squares, rows)
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    with found.table.open() as file:
        assert table.column_names == next(csv.reader(file))
    assert table["square"].to_pylist() == [9, 16, None]
    assert table["seed"].to_pylist() == ["0", "1", "none"], "a column with a text has texts"
    assert table["command"].to_pylist()[1] == "rtgraph reproduce squares --scale quick --only number=4 seed=1"


def test_figures_determine_later_cells(tmp_path: Path) -> None:
    computed: list[int] = []
    found = ran(study([Square(2, computed), Square(3, computed)], later=[Square(4, computed)]), tmp_path)
    assert [row["square"] for row in found.rows] == [4, 9, 16]
    assert computed == [2, 3, 4]


def test_two_places_of_one_work_are_two_rows_computed_once(tmp_path: Path) -> None:
    computed: list[int] = []
    found = ran(study([Square(2, computed), Square(2, computed)]), tmp_path)
    assert [row["seed"] for row in found.rows] == [0, 1]
    assert computed == [2]


def test_only_some_cells_make_a_table_of_their_own(tmp_path: Path) -> None:
    computed: list[int] = []
    numbers = study([Square(n, computed) for n in (1, 2, 3)])
    part = ran(numbers, tmp_path, chosen=Chosen({"number": ["1", "3"]}))
    assert computed == [1, 3]
    assert part.table.name == "quick_number=1,3.csv"
    assert part.picture.name == "quick_number=1,3.png"
    assert len(ran(numbers, tmp_path).rows) == 3
    assert computed == [1, 3, 2]


def test_each_part_has_files_of_its_own() -> None:
    numbers = study([])
    names = [
        Chosen(only).name(numbers, Scale.DESK)
        for only in (
            {},
            {"number": ["1"]},
            {"number": ["2", "1"], "seed": ["0"]},
            {"number": ["a/b"]},
            {"number": ["a b"]},
            {"number": [str(number) for number in range(100)]},
        )
    ]
    assert names[:3] == ["desk", "desk_number=1", "desk_number=1,2_seed=0"]
    assert len(set(names)) == len(names)
    assert all("/" not in name and len(name) < 130 for name in names)
    assert Chosen({"seed": ["0", "0"], "number": ["1", "2"]}).name(numbers, Scale.DESK) == names[2]
    assert Chosen({"seed": ["0"]}, Shard(2, 3)).name(numbers, Scale.DESK) == "desk_seed=0_shard=2of3"


def test_shards_share_all_cells_and_are_joined(tmp_path: Path) -> None:
    computed: list[int] = []
    numbers = study([Square(n, computed) for n in range(30)])
    tables = [
        ran(numbers, tmp_path / str(number), chosen=Chosen(shard=Shard(number, 3))).table
        for number in (1, 2, 3)
    ]
    assert tables[0].name == "quick_shard=1of3.csv"
    assert sorted(computed) == list(range(30)), "each cell is in one shard"
    assert all(table.read_text().count("\n") > 5 for table in tables)
    joined = ran(numbers, tmp_path / "joined", join=tables, compute=False)
    assert (len(joined.rows), joined.missing) == (30, 0)
    with pytest.raises(LaunchError, match=r"the chosen part of squares has no cell\. hint: choose fewer"):
        ran(study([Square(1, [])]), tmp_path / "one", chosen=_empty(study([Square(1, [])])))


def test_every_shard_has_the_measurements_from_which_later_cells_follow(tmp_path: Path) -> None:
    computed: list[int] = []
    numbers = study([Square(3, computed, alone=True)], later=[Square(n, computed) for n in range(10, 30)])
    notes: list[str] = []

    class Noting(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    shards = [Chosen(shard=Shard(number, 2)) for number in (1, 2)]
    first = reproduce(numbers, Scale.QUICK, tmp_path / "1", Noting(), jobs=1, chosen=shards[0])
    assert notes == [
        "this machine measures its speed: start the other shards with --join of the table of these cells"
    ]
    second = reproduce(
        numbers, Scale.QUICK, tmp_path / "2", Noting(), jobs=1, chosen=shards[1], join=[first.table]
    )
    assert len(notes) == 1
    assert sorted(computed) == [3, *range(10, 30)], "the second shard takes the measurement from the table"
    joined = ran(numbers, tmp_path / "joined", join=[first.table, second.table], compute=False)
    assert (len(joined.rows), joined.missing) == (21, 0)


def _empty(numbers: Study) -> Chosen:
    """Return a shard without a cell."""
    cells = numbers.cells(Scale.QUICK, ())
    shards = (Chosen(shard=Shard(number, 2)) for number in (1, 2))
    return next(shard for shard in shards if not shard.of(numbers, Scale.QUICK, cells))


@pytest.mark.parametrize(
    ("only", "said"),
    [
        ({"nmber": ["1"]}, "squares has no axis 'nmber'. hint: its axes are number, seed"),
        (
            {"number": ["1", "7"]},
            "squares has no number '7' at scale quick. hint: the values of number are 1, 2",
        ),
    ],
)
def test_an_unknown_axis_or_value_is_one_error_before_anything_runs(
    tmp_path: Path, only: dict[str, list[str]], said: str
) -> None:
    computed: list[int] = []
    with pytest.raises(GraphError) as raised:
        ran(study([Square(n, computed) for n in (1, 2)]), tmp_path, chosen=Chosen(only))
    assert str(raised.value).endswith(said)
    assert not computed


def test_a_failed_cell_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    computed: list[int] = []
    with pytest.raises(LaunchError) as raised:
        ran(study([Square(1, computed), Square(2, computed, fails=True)]), tmp_path)
    assert str(raised.value) == "the cell number=2, seed=1 failed: too large. hint: use a smaller one"
    resumed = Square(2, computed)
    assert len(ran(study([Square(1, computed), resumed]), tmp_path).rows) == 2
    assert computed == [1, 2], "the first one is read, not computed again"
    assert resumed.seen == ["half"], "it finds what the failed run left"


def test_a_damaged_result_is_computed_again(tmp_path: Path) -> None:
    computed: list[int] = []
    found = ran(study([Square(2, computed)]), tmp_path)
    (result,) = tmp_path.glob("cells/*/result.json")
    for damaged in (b"", b"{", b"[]", b'{"figures": {}}', b"\xff"):
        result.write_bytes(damaged)
        assert ran(study([Square(2, computed)]), tmp_path).rows == found.rows
        assert json.loads(result.read_text())["figures"]["square"] == 4
    assert len(computed) == 6


def test_beside_a_process_that_computes_in_a_folder_another_only_reads(tmp_path: Path) -> None:
    ran(study([Square(1, [])]), tmp_path)
    both = study([Square(1, []), Square(2, [])])
    with Store(tmp_path).held():
        with pytest.raises(LaunchError, match="another process runs a study"):
            ran(both, tmp_path)
        part = ran(both, tmp_path, compute=False)
    assert ([row["square"] for row in part.rows], part.missing) == ([1], 1)


def test_a_folder_of_another_study_is_refused(tmp_path: Path) -> None:
    ran(study([Square(1, [])]), tmp_path)
    with pytest.raises(LaunchError, match=r"holds the study squares. hint: choose another --out"):
        ran(dataclasses.replace(study([Square(1, [])]), name="cubes"), tmp_path)


def test_two_cells_at_one_place_are_an_error(tmp_path: Path) -> None:
    two = dataclasses.replace(
        study([]), cells=lambda *_: [Cell({"number": 1}, Square(1, [])), Cell({"number": 1}, Square(2, []))]
    )
    with pytest.raises(LaunchError, match="two cells of squares have the same value on every axis: number=1"):
        ran(two, tmp_path)
    unknown = dataclasses.replace(study([]), cells=lambda *_: [Cell({"nmber": 1}, Square(1, []))])
    with pytest.raises(LaunchError, match="has a value on 'nmber', which is not an axis of the study"):
        ran(unknown, tmp_path)


def test_a_figure_that_no_cell_has_is_noted(tmp_path: Path) -> None:
    misspelt = dataclasses.replace(study([Square(1, [])]), figures=("sqare",))
    notes: list[str] = []
    status = Silent()
    status.note = notes.append  # type: ignore[method-assign]
    reproduce(misspelt, Scale.QUICK, tmp_path, status, jobs=1)
    assert notes == ["warning: no cell of squares computed the column 'sqare'. hint: did you mean 'square'?"]
    notes.clear()
    reproduce(study([Square(1, [])]), Scale.QUICK, tmp_path, status, jobs=1)
    assert not notes


def test_a_figure_named_as_an_axis_is_an_error(tmp_path: Path) -> None:
    clash = dataclasses.replace(study([Square(1, [])]), axes=("number", "seed", "square"), figures=())
    with pytest.raises(
        LaunchError, match="a cell of squares computed a result 'square', but 'square' is already an axis"
    ):
        ran(clash, tmp_path)


@pytest.mark.parametrize("jobs", [0, -1])
def test_a_number_of_processes_below_one_is_an_error(jobs: int, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=f"jobs={jobs}: at least 1 process is needed"):
        reproduce(study([]), Scale.QUICK, tmp_path, Silent(), jobs=jobs)


def test_the_command_of_a_row_is_quoted_for_the_shell() -> None:
    said = command(study([]), Scale.DESK, {"number": "a state", "seed": 1})
    assert said == "rtgraph reproduce squares --scale desk --only 'number=a state' seed=1"


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LaunchError):
        ran(study([Square(1, [])]), tmp_path / "file")

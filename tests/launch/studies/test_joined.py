"""Parts of a study that were computed apart are joined, and what does not fit is one error with its file and line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from support.squares import Square, ran, study

from rtgraph.launch.cli import main
from rtgraph.launch.studies.engine.chosen import Chosen
from rtgraph.launch.studies.study import Study
from rtgraph.msgs.errors import GraphError, LaunchError


def squares(computed: list[int]) -> Study:
    """Three squares, of which the last one is wanted once the second is known; their digits are a list."""
    numbers = study([Square(n, computed) for n in (2, 3)], later=[Square(4, computed)])
    return dataclasses.replace(numbers, lists=("digits",))


def test_parts_that_were_computed_apart_make_the_table_of_the_whole(tmp_path: Path) -> None:
    whole = ran(squares([]), tmp_path / "whole")
    parts = [
        ran(squares([]), tmp_path / name, chosen=Chosen({"number": [number]})).table
        for name, number in (("here", "2"), ("there", "3"))
    ]
    computed: list[int] = []
    joined = ran(squares(computed), tmp_path / "joined", join=parts)
    assert computed == [4], "only what no table has"
    assert joined.table.read_bytes() == whole.table.read_bytes()
    assert [row["digits"] for row in joined.rows] == [[1.0, 2.0]] * 3
    ran(squares(computed), tmp_path / "joined", join=[joined.table, *parts], compute=False)
    assert computed == [4], "rows that are there twice agree"


def test_what_is_done_makes_a_table_and_a_picture_of_its_own(tmp_path: Path) -> None:
    computed: list[int] = []
    table = ran(squares([]), tmp_path / "there", chosen=Chosen({"number": ["3"]})).table
    part = ran(squares(computed), tmp_path / "here", join=[table], compute=False)
    assert ([row["square"] for row in part.rows], part.missing, computed) == ([9], 2, [])
    assert (part.table.name, part.picture.name) == ("quick_part.csv", "quick_part.png")
    with pytest.raises(LaunchError, match="has no finished cell of squares"):
        ran(squares(computed), tmp_path / "empty", compute=False)
    with pytest.raises(LaunchError, match="no finished cell of the chosen part of squares"):
        ran(squares(computed), tmp_path / "here", chosen=Chosen({"number": ["2"]}), compute=False)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("reproduce squares", "reproduce cubes"), ":2: the row is of another study or scale than squares at scale quick: its command is 'rtgraph reproduce cubes --scale"),
        (lambda text: text.replace("--scale quick", "--scale desk"), "of another study or scale than squares at scale quick"),
        (lambda text: text.replace("\n3,1,", "\n5,1,"), ":3: squares has no cell number=5, seed=1 at scale quick"),
        (lambda text: text.replace("number=3 seed=1", "number=2 seed=0"), ":3: the row does not belong to its command: its values are those of "),
        (lambda text: text.replace("square,", "cube,", 1), ":1: squares has no column 'cube'"),
        (lambda text: text.replace("number,", "seed,", 1), ":1: column 'seed' is present twice"),
        (lambda text: text.replace("seed,", "", 1), ":1: the column 'seed' is missing"),
        (lambda text: text.replace("\n3,1,", "\n3,"), ":3: the line has 9 fields, and the header has 10"),
        (lambda text: text.replace("[1.0", "[one"), " is not a list of numbers in JSON"),
        (lambda text: text.replace("\n3,1,9", "\n3,1,8"), ":3: the row contradicts"),
        (lambda text: text.replace("[1.0", "[5.0"), ":2: the row contradicts"),
        (lambda text: text[:-1], ": the table's last line is incomplete"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_one_error_before_anything_is_computed(
    tmp_path: Path, damage: Callable[[str], str], said: str
) -> None:
    table = ran(squares([]), tmp_path / "there").table
    damaged = tmp_path / "damaged.csv"
    damaged.write_text(damage(table.read_text()))
    computed: list[int] = []
    joined = [table, damaged] if "contradicts" in said else [damaged]
    with pytest.raises(GraphError) as raised:
        ran(squares(computed), tmp_path / "here", join=joined)
    assert str(raised.value).startswith(str(damaged))
    assert said in str(raised.value)
    assert not computed


def test_a_row_that_contradicts_the_folder_is_an_error(tmp_path: Path) -> None:
    table = ran(squares([]), tmp_path / "there").table
    other = tmp_path / "other.csv"
    other.write_text(table.read_text().replace("\n3,1,9", "\n3,1,8"))
    with pytest.raises(
        GraphError, match=r"other.csv:3: the row contradicts the cell in .*there: square is 8, and 9 there"
    ):
        ran(squares([]), table.parent, join=[other])


def test_a_part_is_joined_and_shown_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran_part = ["reproduce", "theory", "--jobs", "1", "--only", "interval=2", "environment=inaction"]
    assert main([*ran_part, "--out", str(tmp_path / "there")]) == 0
    capsys.readouterr()
    table = tmp_path / "there" / "quick_environment=inaction_interval=2.csv"
    joining = ["reproduce", "theory", "--no-compute", "--join", str(table)]
    assert main([*joining, "--out", str(tmp_path / "here")]) == 0
    assert "20 more cells are not computed." in capsys.readouterr().out
    assert (tmp_path / "here" / "quick_part.csv").read_bytes() == table.read_bytes()
    assert main([*joining[:-1], str(tmp_path / "none.csv")]) == 2
    assert "none.csv: cannot be read: No such file" in capsys.readouterr().err


def test_a_table_of_another_edition_of_the_study_is_refused(tmp_path: Path) -> None:
    first = ran(squares([]), tmp_path / "first").table
    second = ran(dataclasses.replace(squares([]), edition=2), tmp_path / "second").table
    assert "edition" not in first.read_text()
    third: list[int] = []
    for table, edition, place in ((first, 1, 1), (second, 2, 2)):
        with pytest.raises(
            GraphError, match=f"{table.name}:{place}: the table is of edition {edition} of squares, which had"
        ):
            ran(dataclasses.replace(squares(third), edition=3), tmp_path / "third", join=[table])
    assert not third
    ran(dataclasses.replace(squares(third), edition=2), tmp_path / "third", join=[second])
    assert not third, "all of them are joined"
    with pytest.raises(
        GraphError, match="is of a later edition of squares, with other settings than edition 1"
    ):
        ran(squares([]), tmp_path / "fourth", join=[second])


@pytest.mark.parametrize("axis", ["edition", "torch"])
def test_an_axis_with_the_name_of_another_column_is_refused_before_anything_is_computed(
    tmp_path: Path, axis: str
) -> None:
    computed: list[int] = []
    named = dataclasses.replace(squares(computed), axes=("number", axis), edition=2)
    with pytest.raises(LaunchError, match=f"the table of squares has two columns '{axis}'"):
        ran(named, tmp_path)
    assert not computed

"""Tables as CSV: rows are read back as written, and survive a crash of the writer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.msgs.errors import MetricsError
from rtgraph.nodes.metrics.table import Table, read_table

COLUMNS = ("tick", "loss", "plant")
cells = st.tuples(
    st.none() | st.integers(-(2**53), 2**53),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.from_regex(r"[a-z,\"][a-z/0-9,\"' ]{0,8}", fullmatch=True),
)


def rows_of(*ticks):
    return [(tick, tick / 2, "plant") for tick in ticks]


@given(st.lists(st.lists(cells, max_size=4), max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    table = Table(COLUMNS)
    for batch in batches:
        for row in batch:
            table.add(dict(zip(COLUMNS, row, strict=True)))
        table.write(path)
    table.write(path)
    columns, rows = read_table(path)
    assert columns == COLUMNS
    assert len(rows) == len(table.rows)
    for found, wanted in zip(rows, table.rows, strict=True):
        assert (found[0], found[2]) == (wanted[0], wanted[2])
        if wanted[1] is None:
            assert found[1] is None
        else:
            assert math.isclose(found[1], wanted[1], rel_tol=1e-8)


def test_rows_are_appended_and_nothing_is_written_twice(tmp_path):
    path = tmp_path / "t.csv"
    table = Table(COLUMNS, rows_of(1))
    table.write(path)
    head = path.read_bytes()
    table.add({"tick": 2, "plant": "p"})
    table.write(path)
    assert path.read_bytes() == head + b"2,,p\n"
    assert table.newest("tick") == 2


def test_where_the_file_is_gone_all_of_it_is_written(tmp_path):
    table = Table(COLUMNS, rows_of(1, 2))
    table.write(tmp_path / "one.csv")
    table.add({"tick": 3})
    table.write(tmp_path / "two.csv")
    assert [row[0] for row in read_table(tmp_path / "two.csv")[1]] == [1, 2, 3]


def test_a_line_cut_short_is_left_out_at_every_byte(tmp_path):
    path = tmp_path / "t.csv"
    Table(COLUMNS, rows_of(1, 2, 3)).write(path)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole) + 1):
        path.write_bytes(whole[:size])
        assert read_table(path)[1] == rows_of(1, 2, 3)[: whole[:size].count(b"\n") - 1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"tick,loss\n1,2,3\n", "t.csv:2: the line has 3 fields, and the header has 2"),
        (b"tick,loss\n1,low\n", "t.csv:2: loss: 'low' is not a number"),
        (b"\xff\xfe\n", "it is not text"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, problem):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(MetricsError, match=problem):
        read_table(tmp_path / "t.csv")


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="reward"):
        Table(COLUMNS).add({"reward": 1.0})


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(MetricsError, match="cannot be written"):
        Table(COLUMNS).write(tmp_path / "nowhere" / "t.csv")

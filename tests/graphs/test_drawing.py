"""Pictures: complete, well-formed, and without overlaps."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtgraph.graphs import Plan, dot, load_launch, mermaid, svg
from rtgraph.graphs.drawing.layout import lay_out
from rtgraph.graphs.drawing.text import diagram

FILES = Path(__file__).parent / "files"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plan() -> Plan:
    return load_launch(FILES / "staggered.yaml", {"method": "paced", "record": "true"})


def test_replicas_are_one_box(plan) -> None:
    drawn = diagram(plan)
    assert [box.title for box in drawn.boxes] == [
        "plant",
        "worker \N{MULTIPLICATION SIGN}6",
        "pacer",
        "recorder",
    ]
    assert ("plant", "worker", ("observation · latest",)) in [
        (a.source, a.target, a.labels) for a in drawn.arrows
    ]
    assert len(drawn.arrows) == 6


def test_one_replica_is_still_a_replica() -> None:
    drawn = diagram(load_launch(FILES / "staggered.yaml", {"workers": "1"}))
    assert drawn.boxes[1].title == "worker \N{MULTIPLICATION SIGN}1"


def test_mermaid(plan) -> None:
    lines = mermaid(plan).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n1 -->|"decision · queue(16)"| n0' in lines
    assert len(lines) == 1 + 4 + 6


def test_dot(plan) -> None:
    text = dot(plan)
    assert text.startswith('digraph "staggered" {')
    assert '  "worker" -> "plant" [label="decision · queue(16)"];' in text
    assert text.count("{") == text.count("}") == 1


def test_svg_is_well_formed_and_complete(plan) -> None:
    root = ET.fromstring(svg(plan))  # noqa: S314 - our own
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"plant", "Plant", "worker \N{MULTIPLICATION SIGN}6", "decision · queue(16)"} <= set(texts)
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "line"]) == 6
    assert "prefers-color-scheme: dark" in svg(plan)


def test_names_are_escaped(plan) -> None:
    hostile = plan.model_copy(update={"name": '<&">'})
    root = ET.fromstring(svg(hostile))  # noqa: S314 - our own
    assert root.find(f"{SVG}title").text == 'Graph of <&">'
    assert dot(hostile).startswith('digraph "<&\\">" {')


def test_a_node_that_hears_itself_has_a_loop(tmp_path) -> None:
    file = tmp_path / "echo.yaml"
    file.write_text("nodes:\n  echo: {class: 'support.toys:Echo', remap: {said: voice, heard: voice}}\n")
    picture = svg(load_launch(file))
    assert "voice → heard · queue(2)" in picture
    assert len(re.findall(r'class="line"', picture)) == 1
    ET.fromstring(picture)  # noqa: S314 - our own


@st.composite
def graphs(draw: st.DrawFn):
    count = draw(st.integers(1, 9))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
        lambda pair: pair[0] != pair[1]
    )
    edges = draw(st.lists(pairs, unique=True, max_size=14)) if count > 1 else []
    sizes = st.tuples(st.floats(20, 200), st.floats(20, 90))
    return [draw(sizes) for _ in range(count)], [(*pair, draw(sizes)) for pair in edges]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_nothing_lies_on_anything_else(drawn) -> None:
    boxes, edges = drawn
    layout = lay_out(boxes, edges)
    for one, other in combinations(layout.stops, 2):
        apart_x = abs(one.x - other.x) >= (one.width + other.width) / 2 - 1e-6
        apart_y = abs(one.y - other.y) >= (one.height + other.height) / 2 - 1e-6
        assert apart_x or apart_y, (one, other)
    for stop in layout.stops:
        assert stop.x - stop.width / 2 >= -1e-6
        assert stop.x + stop.width / 2 <= layout.width + 1e-6
        assert stop.y - stop.height / 2 >= -1e-6
        assert stop.y + stop.height / 2 <= layout.height + 1e-6
    for (source, target, _), route in zip(edges, layout.routes, strict=True):
        assert (route.stops[0], route.stops[-1]) == (source, target)
        steps = [
            layout.stops[b].layer - layout.stops[a].layer
            for a, b in zip(route.stops, route.stops[1:], strict=False)
        ]
        assert set(steps) in ({1}, {-1}), "a line goes one way, a layer at a time"

"""A plan as a self-contained SVG picture, legible in light and dark mode."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from rtgraph.graphs.drawing.layout import Layout, Point, Size, Waypoint, lay_out
from rtgraph.graphs.drawing.text import Arrow, Box, Notes, diagram
from rtgraph.graphs.plan import Plan

MARGIN = 24.0
TITLE_SIZE, TEXT_SIZE = 14.0, 11.5
LINE = 16.0
_ADVANCE = 0.61
"""Width of a monospaced character, relative to the font size."""

_STYLE = """
  text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; text-anchor: middle; }
  .paper, .label { fill: #ffffff; }
  .box { fill: #f0f4fa; stroke: #4a76b8; stroke-width: 1.5; }
  .title { font-size: 14px; font-weight: 600; fill: #1f2328; }
  .small { font-size: 11.5px; fill: #57606a; }
  .line { fill: none; stroke: #4a76b8; stroke-width: 1.5; }
  .head { fill: #4a76b8; }
  @media (prefers-color-scheme: dark) {
    .paper, .label { fill: #0d1117; }
    .box { fill: #1b2433; stroke: #7aa7e9; }
    .title { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .line { stroke: #7aa7e9; }
    .head { fill: #7aa7e9; }
  }
"""


def svg(plan: Plan, notes: Notes | None = None) -> str:
    """Return a plan as an SVG picture. Replicas are drawn as one box."""
    drawn = diagram(plan, notes)
    index = {box.name: number for number, box in enumerate(drawn.boxes)}
    loops = {arrow.source: arrow for arrow in drawn.arrows if arrow.source == arrow.target}
    arrows = [arrow for arrow in drawn.arrows if arrow.source != arrow.target]
    layout = lay_out(
        [_box_size(box, loops.get(box.name)) for box in drawn.boxes],
        [(index[arrow.source], index[arrow.target], _label_size(arrow)) for arrow in arrows],
    )
    body = [
        *(_line(layout, number) for number in range(len(arrows))),
        *(
            _label(layout.stops[route.label], arrow)
            for route, arrow in zip(layout.routes, arrows, strict=True)
        ),
        *(_box(layout.stops[number], box, loops.get(box.name)) for number, box in enumerate(drawn.boxes)),
    ]
    return _page(drawn.name, layout, body)


def _page(name: str, layout: Layout, body: Sequence[str]) -> str:
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    title = f"Graph of {name}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" aria-label={quoteattr(title)}>',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="head" d="M0,0 L10,5 L0,10 z"/></marker></defs>',
            f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
            f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _text_width(text: str, size: float) -> float:
    return len(text) * size * _ADVANCE


def _box_size(box: Box, loop: Arrow | None) -> Size:
    width = max(_text_width(box.title, TITLE_SIZE), _text_width(box.subtitle, TEXT_SIZE)) + 32
    if loop is None:
        return width, 52.0
    loop_width, loop_height = _label_size(loop)
    return max(width, loop_width), 52.0 + 2 * (LINE + loop_height)


def _label_size(arrow: Arrow) -> Size:
    return max(_text_width(label, TEXT_SIZE) for label in arrow.labels) + 10, LINE * len(arrow.labels)


def _box(stop: Waypoint, box: Box, loop: Arrow | None) -> str:
    width, height = _box_size(box, None)
    left, top = stop.x - width / 2, stop.y - height / 2
    parts = [
        f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"/>',
        _text("title", stop.x, stop.y - 4, box.title),
        _text("small", stop.x, stop.y + 14, box.subtitle),
    ]
    if loop is not None:
        bottom = top + height
        parts.append(
            f'<path class="line" marker-end="url(#head)" d="M{stop.x + 20:.1f},{bottom:.1f} '
            f'c0,{LINE + 8:.1f} -40,{LINE + 8:.1f} -40,0"/>'
        )
        parts += [
            _text("small", stop.x, bottom + 2 * LINE + 2 + row * LINE, label)
            for row, label in enumerate(loop.labels)
        ]
    return "\n".join(parts)


def _label(stop: Waypoint, arrow: Arrow) -> str:
    left, top = stop.x - stop.width / 2, stop.y - stop.height / 2
    parts = [
        f'<rect class="label" x="{left:.1f}" y="{top:.1f}" width="{stop.width:.1f}" height="{stop.height:.1f}" rx="4"/>'
    ]
    parts += [
        _text("small", stop.x, top + LINE * (row + 0.75), text) for row, text in enumerate(arrow.labels)
    ]
    return "\n".join(parts)


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _line(layout: Layout, number: int) -> str:
    route = layout.routes[number]
    points = [_side(layout, route.stops, position) for position in range(len(route.stops))]
    first, last = points[0][1], points[-1][0]
    path = [f"M{first[0]:.1f},{first[1]:.1f}"]
    here = first
    for before, after in points[1:]:
        middle = (here[0] + before[0]) / 2
        path.append(
            f"C{middle:.1f},{here[1]:.1f} {middle:.1f},{before[1]:.1f} {before[0]:.1f},{before[1]:.1f}"
        )
        if (before, after) != (last, last):
            path.append(f"L{after[0]:.1f},{after[1]:.1f}")
        here = after
    return f'<path class="line" marker-end="url(#head)" d="{" ".join(path)}"/>'


def _side(layout: Layout, chain: Sequence[int], position: int) -> tuple[Point, Point]:
    """Return the points at which a line enters and leaves a waypoint."""
    stop = layout.stops[chain[position]]
    if 0 < position < len(chain) - 1:
        half = stop.width / 2 if layout.stops[chain[position + 1]].x > stop.x else -stop.width / 2
        return (stop.x - half, stop.y), (stop.x + half, stop.y)
    neighbour = chain[1] if position == 0 else chain[-2]
    on_right = layout.stops[neighbour].x > stop.x
    others = sorted(stop.right if on_right else stop.left, key=lambda index: layout.stops[index].y)
    spread = min(14.0, 40.0 / len(others))
    y = stop.y + (others.index(neighbour) - (len(others) - 1) / 2) * spread
    width = stop.width / 2
    point = (stop.x + (width if on_right else -width), y)
    return point, point

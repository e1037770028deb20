"""A study: how often random workers act on the metronome."""

from rtgraph.launch.studies.study import Cell, Scale, Study
from rtgraph.launch.studies.work.virtual_run import VirtualRun

STUDY = Study(
    name="beats",
    title="how often random workers act",
    claim="none",
    axes=("workers",),
    figures=("inaction",),
    cells=lambda scale, known: [
        Cell({"workers": n}, VirtualRun("endless", {"workers": str(n)}, ticks=40, judged_from=20))
        for n in (1, 6)
    ],
    draw=lambda figure, rows: None,
    seen=lambda rows: f"{len(rows)} rows",
    expected=dict.fromkeys(Scale, "1 s"),
)

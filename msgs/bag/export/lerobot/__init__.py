"""Export a plant to a LeRobotDataset (v3.0): Parquet tables and MP4 films, read by ``LeRobotDataset(name, root=PATH)``.

A frame holds the observation after a tick t, the action applied at tick t + 1, and ``next.reward`` and ``next.done``: the
reward of tick t + 1, and whether the episode ended at tick t + 1. So an episode's last observation has no frame. In addition
to LeRobot's features, a frame has the number and times of tick t, the age of the decision, and who acted. The folder
``meta/rtgraph`` holds the plan (the resolved launch file) and the information about the session, such as versions.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.lerobot.dataset import Dataset
from rtgraph.msgs.bag.export.lerobot.files import FILM_S, LOSSLESS, Closing, checked_quality
from rtgraph.msgs.bag.export.lerobot.frames import DatasetFrame, DatasetFrames
from rtgraph.msgs.bag.export.lerobot.layout import LayoutSurvey
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.plant.spec import parsed_plan, spec_in
from rtgraph.msgs.bag.export.plant.ticks import PlantTicks
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportAccount, ExportReport, Selection

MOST_STAMPS = 1000
LARGEST_DENOMINATOR = 1001
NEAR = 1e-6
"""Relative tolerance for rounding a rate to a fraction."""


def export_lerobot(
    bag: Bag,
    out: Path,
    selection: Selection = EVERYTHING,
    *,
    quality: str = LOSSLESS,
    task: str = "",
) -> ExportReport:
    """Export to the folder of a LeRobotDataset.

    Example:
        >>> dataset = LeRobotDataset("me/boxing", root="session-lerobot")
        >>> dataset[0]["observation.image"], dataset[0]["action"]

    ``quality`` of the films is ``lossless``, or H.264's constant rate factor, from 0 (best) to 51. ``task`` is what the robot
    does, in words; by default the description in the recorded launch file, its name, or the plant's name.

    Raises:
        BagError: the selected part is empty, holds observations of no plant or of several, or holds no action after an
            observation; observations or actions change their shape or dtype; ``quality`` is invalid; or ``out`` exists or
            cannot be written.
    """
    checked_quality(quality)
    plant = PlantTicks(bag, selection, passes=2)
    plan = parsed_plan(bag.plan_yaml)
    spec = spec_in(plan)
    frames, clock, survey = DatasetFrames(plant), _Clock(), LayoutSurvey(spec)
    for frame in frames.read(count=True):
        survey.take(frame)
        clock.take(frame)
    layout = survey.layout()
    rate = clock.rate(spec.rate_hz)
    with whole(out) as work:
        name = _text(plan, "name") or plant.publisher
        dataset = Dataset(work / out.name, layout, rate, task or _text(plan, "description") or name, quality)
        with Closing(dataset.tables, dataset.episodes, *dataset.films.values()):
            for frame in frames.read(count=False):
                dataset.add(frame)
            dataset.end()
        _attach(bag, work / out.name / "meta" / "rtgraph")
        dataset.finish(name)
    for remark in survey.remarks:
        plant.ledger.remark(remark)
    _remark(plant.ledger, frames, clock, dataset, rate)
    return plant.ledger.report("lerobot", (out,), dataset.frames)


class _Clock:
    """Compares the recorded stamps of the observations with the stamps of a steady rate."""

    def __init__(self) -> None:
        self._periods: list[int] = []
        self._begin_ns = self._index = 0
        self._ends: list[tuple[int, int]] = []

    def take(self, frame: DatasetFrame) -> None:
        """Add the stamps of the next frame to the comparison."""
        stamp_ns = frame.observation["header"]["stamp_ns"]
        if len(self._periods) < MOST_STAMPS:
            self._periods.append(frame.outcome["header"]["stamp_ns"] - stamp_ns)
        if frame.begins:
            self._begin_ns, self._index = stamp_ns, 0
            self._ends.append((0, 0))
        self._ends[-1] = (self._index, stamp_ns - self._begin_ns)
        self._index += 1

    def rate(self, planned_hz: float | None) -> Fraction:
        """Return the rate in the plan, ``planned_hz``, as a fraction; if it is None, the median rate of the recorded stamps."""
        rate_hz = planned_hz or 1e9 / max(1.0, float(np.median(self._periods)))
        near = Fraction(rate_hz).limit_denominator(LARGEST_DENOMINATOR)
        return near if near and abs(near - rate_hz) <= NEAR * rate_hz else _whole_near(rate_hz)

    def apart_s(self, rate: Fraction) -> float:
        """Return the largest difference, over all episodes, between an episode's duration by stamps and by number of frames.

        The result is in seconds.
        """
        return max((abs(ns / 1e9 - float(index / rate)) for index, ns in self._ends), default=0.0)


def _whole_near(rate_hz: float) -> Fraction:
    nearest = round(rate_hz)
    close = nearest and abs(rate_hz - nearest) <= 0.005 * rate_hz
    return Fraction(nearest) if close else Fraction(rate_hz).limit_denominator(LARGEST_DENOMINATOR)


def _remark(
    ledger: ExportAccount, frames: DatasetFrames, clock: _Clock, dataset: Dataset, rate: Fraction
) -> None:
    if frames.cut_episodes:
        ledger.remark(
            f"{frames.cut_episodes} episode(s) begin after their first tick, as recorded or selected"
        )
    if frames.gaps:
        ledger.remark(
            f"{frames.gaps} frame(s) follow a gap: ticks between are missing in the recording (see `tick`)"
        )
    apart_s = clock.apart_s(rate)
    if apart_s > 0.5 / rate:
        ledger.remark(
            f"`timestamp` is the frame's index / rate: up to {apart_s:.3f} s from the recorded `stamp_ns`"
        )
    if dataset.films and dataset.longest_film_s > 2 * FILM_S:
        ledger.remark(
            f"an episode has {dataset.longest_film_s:,.0f} s of film: open it with tolerance_s={0.4 / float(rate):.1g},"
            " since LeRobot compares times in float32"
        )


def _attach(bag: Bag, folder: Path) -> None:
    """Write two files about the recording into a folder: the information about the session, and the plan (resolved launch file)."""
    folder.mkdir(parents=True)
    (folder / "info.json").write_text(json.dumps(bag.info, indent=4, sort_keys=True), encoding="utf-8")
    if bag.plan_yaml is not None:
        (folder / "plan.yaml").write_text(bag.plan_yaml, encoding="utf-8")


def _text(plan: object, key: str) -> str:
    return str(plan.get(key) or "") if isinstance(plan, dict) else ""

"""The metrics node: writes the curves of a learning run as CSV and TensorBoard event files."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from rtgraph.msgs import (
    Decision,
    Ending,
    EpisodeEnd,
    Learned,
    LearningProgress,
    PlantSpec,
    ReplayState,
    WeightsVersion,
)
from rtgraph.msgs.atomic import writing
from rtgraph.msgs.errors import CheckpointError, MetricsError, NodeError
from rtgraph.nodes.metrics.columns import EPISODE_TAGS, EPISODES, MEASUREMENT_TAG, UPDATE_TAGS, UPDATES
from rtgraph.nodes.metrics.events import EventFile
from rtgraph.nodes.metrics.figures import figures, newest_tick, recent_return
from rtgraph.nodes.metrics.resume import EPISODES_FILE, UPDATES_FILE, EarlierRun, earlier_run_of, restarted
from rtgraph.nodes.metrics.table import Cell, Table
from rtgraph.nodes.metrics.tally import Tally, VersionTally
from rtgraph.nodes.plant.endings import Endings
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless

BEAT_S = 0.5
"""Interval in seconds at which the node processes received messages and publishes progress."""
RECENT_BEATS = 10
"""Published progress is a mean over this number of last intervals, each of ``BEAT_S`` seconds."""
_DECIDED = ("won", "lost")


class MetricsParams(Params):
    """The parameters of the metrics node."""

    period_s: float = Field(default=5.0, gt=0, le=86_400)
    """Time that one row of ``updates.csv`` covers, in seconds of real or virtual time."""
    folder: str = Field(default="metrics", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    """Name of the folder for the files, in the session folder."""
    plant: PlantSpec | None = None
    """The spec of the plant (emulator or robot). Each measurement in the spec is a column of ``episodes.csv`` and a curve."""
    resume: str | None = None
    """A checkpoint in the folder of an earlier run. This run resumes at the checkpoint, and continues the curves of that run."""

    @property
    def measurements(self) -> tuple[str, ...]:
        """The names of the plant's measurements."""
        return () if self.plant is None else self.plant.measurements


class Metrics(Node[MetricsParams]):
    """Writes the learning curves of a run, from the messages of learners, replay memories, workers and plants.

    The node writes ``episodes.csv`` (one row per episode), ``updates.csv`` (one row per ``period_s``) and a TensorBoard event file
    with most of these values over ticks. New rows are written twice a second.
    """

    stop_rank: ClassVar[int] = 2

    episode = Input(EpisodeEnd, lossless, many=True)
    ending = Input(Ending, lossless, many=True, optional=True)
    learned = Input(Learned, lossless, many=True, optional=True)
    replay_state = Input(ReplayState, latest, optional=True)
    decision = Input(Decision, lossless, many=True, optional=True)
    weights = Input(WeightsVersion, latest, optional=True)
    learning = Output(LearningProgress)

    @classmethod
    def check(cls, params: MetricsParams) -> None:
        """Check the names of the plant's measurements. If the run resumes an earlier run, check that its curves can be read."""
        if taken := [name for name in params.measurements if name in EPISODES]:
            raise NodeError(
                f"plant: the measurement {taken[0]!r} has the name of a column that {EPISODES_FILE} has already",
                hint="rename the measurement in the plant's class",
            )
        if params.resume:
            try:
                earlier_run_of(Path(params.resume), params.folder, params.measurements)
            except (CheckpointError, MetricsError) as error:
                raise NodeError(f"resume: {error.problem}", hint=error.hint) from error

    def on_prepare(self) -> None:
        """Read the curves to continue: the curves written before a restart of this node, or the curves of an earlier run."""
        params = self.params
        resumed = (
            earlier_run_of(Path(params.resume), params.folder, params.measurements)
            if params.resume
            else EarlierRun()
        )
        incarnation = self.context.identity.incarnation
        folder = self._folder()
        own = restarted(folder, incarnation, params.measurements) if folder is not None else None
        past = own or resumed
        self._before, self._before_s = resumed.ticks, resumed.time_s
        self._carried = len(resumed.episodes)
        self._episodes = Table((*EPISODES, *params.measurements), past.episodes)
        self._updates = Table(UPDATES, past.updates)
        self._last_ticks = max(self._before, newest_tick(self._episodes, self._updates))
        written = [len(past.episodes), len(past.updates)] if own else [0, 0]
        measured = {name: MEASUREMENT_TAG.format(name) for name in params.measurements}
        self._events = EventFile((EPISODE_TAGS | measured, UPDATE_TAGS), incarnation, written)

    def on_start(self) -> None:
        self._plants: dict[str, int] = {}
        self._endings: dict[tuple[str, int, int], Ending] = {}
        self._telling: set[str] = set()
        self._waiting: list[EpisodeEnd] = []
        self._attempts = Endings()
        wins = self._episodes.columns.index("wins")
        self._wins = max((int(row[wins] or 0) for row in self._episodes.rows), default=0)
        self._learned_ticks = 0
        self._versions = VersionTally()
        self._period, self._total = Tally(), Tally()
        self._recent: deque[Tally] = deque(maxlen=RECENT_BEATS)
        self._loss: float | None = None
        self._transitions: int | None = None
        self._last_beat_ns = self.now_ns
        self._beats = 0
        self._beats_a_period = max(1, round(self.params.period_s / BEAT_S))
        self.every(max(1, round(self.params.period_s * 1e9 / self._beats_a_period)), self._beat)

    def on_stop(self) -> None:
        """Process the last messages, and write the last rows."""
        self._process_messages(last=True)
        if self._period.ticks or self._period.updates:
            self._end_period()
        self._write()

    def result(self) -> dict[str, Any]:
        """Return the results of learning of the run."""
        found = figures(self._episodes, self._updates, self._total, self._carried)
        return found | self._attempts.figures()

    def _beat(self) -> None:
        """Process the received messages, write new rows to the files, and publish progress."""
        self._process_messages()
        self._beats += 1
        if self._beats % self._beats_a_period == 0:
            self._end_period()
        self._write()
        self._publish_progress()

    def _process_messages(self, *, last: bool = False) -> None:
        """Process all messages since the last call. This is much faster than to process each message at its arrival.

        Args:
            last: whether no messages follow. Then an episode does not wait for the message with the reason of its end.
        """
        beat = Tally(duration_ns=self.now_ns - self._last_beat_ns)
        for update in self.learned.take_all():
            beat.learned(update)
            self._versions.made(update.version, update.header.stamp_ns)
            self._learned_ticks = max(self._learned_ticks, update.ticks)
        weights = self.weights.take()
        if weights is not None:
            self._versions.made(weights.version, weights.header.stamp_ns)
        for decision in self.decision.take_all():
            beat.decided(decision, self._versions.newest_at(decision.header.stamp_ns))
            lineage = decision.header.lineage
            if lineage is not None:
                self._seen(lineage.source, lineage.tick)
        for ending in self.ending.take_all():
            self._endings[_episode_of(ending)] = ending
            self._telling.add(ending.header.source)
        for end in self._whole_ends(last=last):
            self._ended(end)
        held = self.replay_state.take()
        if held is not None:
            self._transitions = held.transitions
        self._versions.forget_before(self._last_beat_ns)
        ticks = self._ticks()
        beat.ticks = max(0, ticks - self._last_ticks)
        self._last_beat_ns, self._last_ticks = self.now_ns, max(ticks, self._last_ticks)
        self._recent.append(beat)
        for sums in (self._period, self._total):
            sums.add(beat)

    def _whole_ends(self, *, last: bool) -> list[EpisodeEnd]:
        """Return the messages about ended episodes for which all data have arrived, or that have waited for one interval.

        Some plants publish the reason of an episode's end on another topic. A message for which this reason has not arrived waits
        for one interval. If ``last`` is true, no message waits.
        """
        ready, self._waiting = self._waiting, []
        for end in self.episode.take_all():
            late = end.header.source in self._telling and _episode_of(end) not in self._endings
            (self._waiting if late and not last else ready).append(end)
        return ready

    def _ended(self, end: EpisodeEnd) -> None:
        source = end.header.source
        self._seen(source, end.tick)
        others = sum(ticks for plant, ticks in self._plants.items() if plant != source)
        self._episodes.add(
            {
                "episode": len(self._episodes.rows),
                "tick": self._before + others + end.tick + 1,
                "length": end.ticks,
                "return": end.total_reward,
                "terminated": int(end.terminated),
                "truncated": int(end.truncated),
                "time_s": self._before_s + end.header.stamp_ns / 1e9,
                "plant": source,
                **self._ending_of(end),
            }
        )

    def _ending_of(self, end: EpisodeEnd) -> dict[str, Cell]:
        """Return the cells that the plant's ``Ending`` message adds to the row of an episode; empty if the plant sends none."""
        ending = self._endings.pop(_episode_of(end), None)
        if ending is None:
            return {}
        self._attempts.add(ending)
        self._wins += ending.reason == "won"
        return {
            "reason": ending.reason,
            "encounter": ending.encounter,
            "actions": ending.actions,
            "wins": None if ending.encounter is None and ending.reason not in _DECIDED else self._wins,
            **{name: ending.measurements.get(name) for name in self.params.measurements},
        }

    def _end_period(self) -> None:
        """End a period of ``period_s``: add a row to the table of updates."""
        self._updates.add(
            {
                "tick": self._ticks(),
                "time_s": self._before_s + self.now_ns / 1e9,
                "version": self._versions.newest,
                "transitions": self._transitions,
                **self._period.figures(),
            }
        )
        self._period = Tally()

    def _publish_progress(self) -> None:
        recent = Tally.of(self._recent).figures()
        if recent["loss"] is not None:
            self._loss = recent["loss"]
        self.learning.publish(
            LearningProgress(
                tick=self._ticks(),
                episodes=len(self._episodes.rows),
                return_mean=recent_return(self._episodes),
                explored=recent["explored"],
                loss=self._loss if self._loss is None or math.isfinite(self._loss) else None,
                updates_per_s=recent["updates_per_s"] if self._total.updates else None,
                version=self._versions.newest,
                staleness=recent["staleness"],
                transitions=self._transitions,
            )
        )

    def _seen(self, plant: str, tick: int) -> None:
        self._plants[plant] = max(self._plants.get(plant, 0), tick + 1)

    def _ticks(self) -> int:
        """Return the number of ticks of all plants so far; if no message has named a plant, the number that learners report."""
        return self._before + (sum(self._plants.values()) if self._plants else self._learned_ticks)

    def _write(self) -> None:
        folder = self._folder()
        if folder is None:
            return
        with writing(folder, MetricsError):
            folder.mkdir(exist_ok=True)
        self._episodes.write(folder / EPISODES_FILE)
        self._updates.write(folder / UPDATES_FILE)
        self._events.write(folder, (self._episodes, self._updates))

    def _folder(self) -> Path | None:
        directory = self.context.launch_context.directory
        return None if directory is None else directory / self.params.folder


def _episode_of(message: EpisodeEnd | Ending) -> tuple[str, int, int]:
    """Return the key of an episode: name of the plant, number of the plant's restarts, number of the episode."""
    return message.header.source, message.header.incarnation, message.episode

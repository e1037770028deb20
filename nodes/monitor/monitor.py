"""The monitor node: it records the ticks of a plant and the decisions of the workers, and reports statistics at the end."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any, ClassVar

from pydantic import Field

from rtgraph.msgs import Applied, Decision, Ending, EpisodeEnd, WeightsVersion
from rtgraph.msgs.spaces import RateHz
from rtgraph.msgs.system import Progress
from rtgraph.nodes.monitor.trace import Trace
from rtgraph.nodes.plant.endings import Endings
from rtgraph.nodes.runtime import Input, Node, Output, Params, lossless

PROGRESS_PERIOD_NS = 500_000_000
_BY, _STARTING, _AGE_TICKS, _LATENESS_NS, _REWARD = map(
    operator.itemgetter, ("by", "starting", "age_ticks", "lateness_ns", "reward")
)


class MonitorParams(Params):
    """The parameters of the monitor."""

    rate_hz: RateHz | None = None
    """The nominal tick rate of the plant (emulator or robot) in Hz. The measured rate is compared with this rate."""
    file: str = Field(default="trace.npz", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.npz$")
    """File name, in the session folder, of the trace (a table of ticks and decisions).

    If several monitors give the same name, each puts its namespace or its node name in front.
    """


class Monitor(Node[MonitorParams]):
    """Computes statistics of a run: inaction (ticks at which no decision acted), ages of observations, tick rate, returns."""

    stop_rank: ClassVar[int] = 2

    applied = Input(Applied, lossless, read_only=True)
    decision = Input(Decision, lossless, many=True, optional=True, read_only=True)
    episode = Input(EpisodeEnd, lossless, optional=True, read_only=True)
    ending = Input(Ending, lossless, many=True, optional=True, read_only=True)
    weights = Input(WeightsVersion, lossless, optional=True, read_only=True)
    progress = Output(Progress)

    def on_start(self) -> None:
        self._endings: dict[str, Endings] = {}
        self._plant = ""
        self.trace = Trace(whole=self.context.identity.incarnation == 0)
        self.every(PROGRESS_PERIOD_NS, self._publish_progress)

    def _process_messages(self) -> list[Applied]:
        """Add to the trace all messages received since the last call. Return the messages about ticks.

        To add them one by one as they arrive would be much slower.
        """
        for decision in self.decision.take_all():
            self.trace.decided(decision)
        for announced in self.weights.take_all():
            self.trace.announced(announced)
        for end in self.episode.take_all():
            self.trace.ended(end)
        for ending in self.ending.take_all():
            self._endings.setdefault(ending.header.source, Endings()).add(ending)
        ticks = self.applied.take_all()
        self.trace.applied(*ticks)
        if ticks:
            self._plant = ticks[-1].header.source
        return ticks

    def on_stop(self) -> None:
        self._process_messages()
        directory = self.context.launch_context.directory
        if directory is not None:
            self.trace.save(directory / self.params.file)

    def result(self) -> dict[str, Any]:
        """Return the statistics of the run, such as inaction, ages of observations and returns, as JSON values by name."""
        rate_hz, endings = self.params.rate_hz, self._endings.get(self._plant, Endings())
        return self.trace.figures(rate_hz) | endings.figures(rate_hz)

    def _publish_progress(self) -> None:
        """Publish a message about the progress of the run."""
        recent = self._process_messages()
        if not recent:
            return
        # Dicts are read in a fifth of the time of a model's attributes.
        ticks = [message.__dict__ for message in recent]
        acted = [tick for tick in ticks if tick["by"] != "reset"]
        # If all ticks are starts, the default behaviour does act.
        judged = list(itertools.filterfalse(_STARTING, acted)) or acted
        ages = [age for age in map(_AGE_TICKS, judged) if age is not None]
        self.progress.publish(
            Progress(
                tick=recent[-1].tick,
                episode=recent[-1].episode,
                inaction=[*map(_BY, judged)].count("default") / len(judged) if judged else 0.0,
                age_ticks=sum(ages) / len(ages) if ages else None,
                lateness_most_ms=max(map(_LATENESS_NS, ticks)) / 1e6,
                overruns=recent[-1].overruns,
                reward=sum(filter(math.isfinite, map(_REWARD, ticks))),
            )
        )

"""Lets an agent learn from a demonstration before it plays. The demonstration is a recording of a script that plays the game."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rtgraph.graphs import load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.played import played
from rtgraph.launch.run import run as run_plan
from rtgraph.launch.studies.study import Figures, ReportProgress
from rtgraph.launch.studies.work.learned import Learned, must_have_ended

DEMONSTRATION = "demonstration"
LEARNED_IN = "learned"
"""Name of the subfolder in which the agent learns."""
RECORDING = "session.mcap"


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Records a script that plays a game. Then an agent learns, with the recording in its replay memory.

    The results are those of `Learned`. If the policy of ``learned`` is ``random`` or ``noop``, nothing is recorded or learned.
    """

    learned: Learned
    pretraining: Mapping[str, str]
    """Launch arguments that say how the agent learns from the demonstration."""
    script: str
    demonstrated_ticks: int
    observation: Mapping[str, str] = field(default_factory=dict)
    """Launch arguments that say what the demonstration's observations are; empty for the launch file's."""
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {
            **self.learned.identity(),
            "pretraining": dict(self.pretraining),
            DEMONSTRATION: [self.script, self.demonstrated_ticks, *self.observation.values()],
        }

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Record the script that plays the game, let the agent learn, evaluate the agent, and return the results."""
        arguments = dict(self.learned.arguments)
        if self.learned.policy == "learned":
            recording = self._recording(folder / DEMONSTRATION).resolve()
            arguments |= {**self.pretraining, DEMONSTRATION: str(recording)}
        work = folder / LEARNED_IN  # `Learned` may begin again with an empty folder
        work.mkdir(exist_ok=True)
        return replace(self.learned, arguments=arguments).run(work, report)

    @property
    def seconds(self) -> float:
        """Length of the game in which the agent learns, in seconds of the game. The demonstration does not count."""
        return self.learned.seconds

    def session(self, folder: Path) -> Path:
        """Return the session folder in ``folder``, the folder of a run that has finished learning."""
        return self.learned.session(folder / LEARNED_IN)

    def _recording(self, session: Path) -> Path:
        """Return the path of the recording in the session folder. If the recording is missing or not complete, first make it."""
        if not (session / "summary.json").exists():
            shutil.rmtree(session, ignore_errors=True)
            launch = self.learned.launch
            game = load_launch(
                launch,
                dict(self.observation),
                world="virtual",
                record=False,
                ticks=self.demonstrated_ticks,
                folders=FOLDERS,
            )
            plan = played(game, script=self.script, record={"journal": False})
            must_have_ended(run_plan(plan, Silent(), directory=session))
        return session / RECORDING

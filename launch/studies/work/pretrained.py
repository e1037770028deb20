"""Lets an agent learn from a demonstration before it plays: the recording of a shipped script that plays the game."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rtgraph.graphs import load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.played import played
from rtgraph.launch.run import run as run_plan
from rtgraph.launch.studies.study import Figures, ReportProgress
from rtgraph.launch.studies.work.learned import Learned, must_have_ended

DEMONSTRATION = "demonstration"
RECORDING = "session.mcap"


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Records a game that a script plays, then lets an agent learn with the recording in its replay memory.

    The results are those of `Learned`.
    """

    learned: Learned
    pretraining: Mapping[str, str]
    """Further launch arguments of the learning run: those that need the demonstration."""
    script: str
    demonstrated_ticks: int
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return JSON values that determine the results."""
        return {
            **self.learned.identity(),
            "pretraining": dict(self.pretraining),
            DEMONSTRATION: [self.script, self.demonstrated_ticks],
        }

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Record the script, learn, evaluate, and return the results."""
        arguments = dict(self.learned.arguments)
        if self.learned.policy == "learned":
            recording = self._recording(folder / DEMONSTRATION).resolve()
            arguments |= {**self.pretraining, DEMONSTRATION: str(recording)}
        work = folder / "learned"  # `Learned` may begin again with an empty folder
        work.mkdir(exist_ok=True)
        return replace(self.learned, arguments=arguments).run(work, report)

    def _recording(self, session: Path) -> Path:
        """Return the path of the recording. Record it first, unless a complete one is there."""
        if not (session / "summary.json").exists():
            shutil.rmtree(session, ignore_errors=True)
            launch = self.learned.launch
            game = load_launch(
                launch, {}, world="virtual", record=False, ticks=self.demonstrated_ticks, folders=FOLDERS
            )
            plan = played(game, script=self.script, record={"journal": False})
            must_have_ended(run_plan(plan, Silent(), directory=session))
        return session / RECORDING

"""Lets an agent learn in virtual time, and evaluates the agent. A run that was interrupted continues from its newest checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.graphs import Plan
from rtgraph.launch.console.exit_codes import DONE, SIGNALLED
from rtgraph.launch.console.interruption import Interrupted
from rtgraph.launch.evaluation import evaluated, evaluation_plan
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.plots.curves import read_curve
from rtgraph.launch.report.result import Result
from rtgraph.launch.run import run as run_plan
from rtgraph.launch.studies.study import Figures, ReportProgress
from rtgraph.launch.studies.work.virtual_run import rate_of, virtual_plan, with_latency
from rtgraph.launch.world.world_checkpoints import FOLDER as WORLD
from rtgraph.launch.world.world_checkpoints import CheckpointSettings, plan_digest
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import CheckpointError, LaunchError
from rtgraph.nodes.networks.checkpoints import checkpoint_in

LEARNED = "learned.json"
"""Name of a file that is written when the agent has finished learning. It holds the name of the session folder."""
EVALUATION = "evaluation"
LEARNING_SHARE = 0.9
"""The share of the reported progress that learning takes. The evaluation takes the rest."""
LAST_EPISODES = 100


@dataclass(frozen=True, slots=True)
class Learned:
    """Lets an agent learn for a number of ticks, then play greedy episodes, if any.

    The results are:

    * ``greedy``: mean return of the greedy episodes, which explore only if the launch arguments hold ``epsilon``; None without greedy
      episodes.
    * ``last``: mean return of the last 100 episodes of learning.
    * ``episodes``, ``updates``: number of episodes of learning, and of updates.
    * ``wins``: episodes won while learning; None if the environment does not report wins.
    * ``inaction``: share of ticks on which the default behaviour acted.
    * ``age_mean``, ``age_sd``: age of the observations acted on, in ticks.
    * ``known``: mean share of the pending actions (decided, not yet applied) that the policy knows; None if it sees no
      pending actions.
    """

    launch: str
    arguments: Mapping[str, str]
    ticks: int
    seed: int
    greedy_episodes: int
    checkpoint_ticks: int
    most_frames: int | None = None
    """Maximum length of a greedy episode, in frames; None for the default of ``evaluation_plan``."""
    policy: str = "learned"
    """The policy of the greedy episodes. With ``random`` or ``noop``, nothing is learned, and ``greedy`` is the only result."""
    latency: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that replace every ``latency`` of the launch file, while learning and playing; empty to keep the launch file's."""
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        played = [self.ticks, self.greedy_episodes, self.most_frames, self.policy, dict(self.latency)]
        return {"plan": plan_digest(self.plan()), "played": played}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Let the agent learn, and evaluate the agent. If an earlier attempt was interrupted, continue it."""
        if self.policy != "learned":
            return {"greedy": self._greedy(folder, None, report)}
        done = folder / LEARNED
        if not done.exists():
            learned = self._learn(folder, report)
            write_atomically(done, json.dumps({"session": learned.name}), LaunchError)
        session = self.session(folder)
        greedy = self._greedy(folder, session, report) if self.greedy_episodes else None
        return {"greedy": greedy, **_learning_figures(session)}

    @property
    def seconds(self) -> float:
        """Length of the game in which the agent learns, in seconds of the game."""
        return self.ticks / rate_of(self.plan())

    def session(self, folder: Path) -> Path:
        """Return the session folder in ``folder``, the folder of a run that has finished learning."""
        return folder / str(json.loads((folder / LEARNED).read_text(encoding="utf-8"))["session"])

    def _learn(self, folder: Path, report: ReportProgress) -> Path:
        """Let the agent learn, and return the session folder. If an earlier attempt has written a checkpoint, continue from it."""
        attempts = sorted(folder.glob("run-*"))
        newest = next((path for path in reversed(attempts) if any((path / WORLD).glob("*"))), None)
        session = folder / f"run-{len(attempts):04d}"
        plan = self.plan()
        every_s = self.checkpoint_ticks / rate_of(plan)
        status = _Share(report, self.ticks, LEARNING_SHARE)
        try:
            result = run_plan(
                plan, status, directory=session, checkpoints=CheckpointSettings(every_s, newest)
            )
        except CheckpointError:
            if newest is None:
                raise
            shutil.rmtree(folder)  # what is left cannot be continued
            folder.mkdir()
            return self._learn(folder, report)
        must_have_ended(result)
        for path in attempts:
            shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(session / WORLD, ignore_errors=True)
        return session

    def _greedy(self, folder: Path, session: Path | None, report: ReportProgress) -> float:
        """Play the greedy episodes, and return the mean of their finite returns.

        Args:
            folder: the folder of this run of the study.
            session: folder of the session in which the agent learned; None to play with ``policy`` instead.
            report: called with the finished share of the work, from 0 to 1.
        """
        directory = folder / EVALUATION
        shutil.rmtree(directory, ignore_errors=True)
        policy: Any = checkpoint_in(session / "checkpoints").resolve() if session else self.policy
        arguments = {name: value for name, value in self.arguments.items() if name != "learn"}
        plan = evaluation_plan(
            self.launch,
            arguments,
            policy=policy,
            episodes=self.greedy_episodes,
            world="virtual",
            seed=self.seed,
            folders=FOLDERS,
            **({} if self.most_frames is None else {"most_frames": self.most_frames}),
        )
        plan = with_latency(plan, self.latency) if self.latency else plan
        result = run_plan(
            plan, _Share(report, 1, 1.0, LEARNING_SHARE if session else 0.0), directory=directory
        )
        must_have_ended(result)
        return float(np.mean(evaluated(plan, directory).finite))

    def plan(self) -> Plan:
        """Return the plan of the learning run.

        Raises:
            GraphError: the launch file is invalid, or lacks one of ``arguments``.
        """
        return virtual_plan(self.launch, self.arguments, self.ticks, self.seed, self.latency)


class _Share:
    """Receives the progress of a launch, and reports it as a share of the work of one run of a study."""

    def __init__(self, report: ReportProgress, total: float, most: float, least: float = 0.0) -> None:
        self._report, self._total, self._least, self._most = report, total, least, most

    def phase(self, text: str, total: float | None = None) -> None:
        """Begin a phase of the launch. ``total`` is the progress at the end of the phase; with None, the last total stays."""
        self._total = total or self._total

    def progress(self, done: float, text: str = "") -> None:
        """Report that ``done`` of the phase's total progress is reached."""
        self._report(self._least + (self._most - self._least) * min(1.0, done / self._total))

    def note(self, text: str) -> None:
        """Ignore a note of the launch, because a study shows only results."""


def must_have_ended(result: Result) -> None:
    """Check that a run reached its end.

    Raises:
        Interrupted: a signal ended the run, after it wrote a checkpoint.
        LaunchError: the run failed.
    """
    if result.code > SIGNALLED:
        raise Interrupted(result.code - SIGNALLED)
    if result.code != DONE:
        why = "; ".join(result.failures) or f"exit code {result.code}"
        raise LaunchError(f"the run failed: {why}", hint=f"see {result.session.directory}")


def _learning_figures(session: Path) -> Figures:
    summary = json.loads((session / "summary.json").read_text(encoding="utf-8"))
    curve = read_curve(session)
    age = summary["age_ticks"]
    return {
        "last": float(curve.returns[-LAST_EPISODES:].mean()) if curve.returns.size else None,
        "episodes": int(curve.returns.size),
        "wins": float(curve.wins[-1]) if curve.tells_wins and curve.wins.size else None,
        "inaction": summary["inaction"],
        "age_mean": age["mean"],
        "age_sd": age["sd"],
        "updates": summary.get("learning", {}).get("updates"),
        "known": summary.get("pending", {}).get("share"),
    }

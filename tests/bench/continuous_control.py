"""SAC beside stable-baselines3's SAC: the same tasks, seeds, samples, updates and networks, in one table.

``python tests/bench/continuous_control.py run FOLDER --jobs 16`` runs each cell of the table in a process with one thread, and
appends its figures to ``FOLDER/cells.jsonl`` when it ends. A cut run goes on where it ended. ``… table FOLDER`` prints the table.
Needs ``pip install 'rtgraph[peers]'``.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """A task, and how both agents learn it."""

    rate_hz: int
    steps: int
    learning_rate: float
    gamma: float
    tau: float


TASKS = {
    "InvertedPendulum-v5": Task(25, 7_000, learning_rate=1e-3, gamma=0.98, tau=0.02),
    "Pendulum-v1": Task(20, 5_000, learning_rate=1e-3, gamma=0.99, tau=0.005),
}
EPISODES = 20
MINIMUM = 100
"""Transitions before the first update; then one update per step."""
PEER = "sb3"
PENDING = {"delay_aware": "pending", "pending": "late"}
DELAYED = {"latency_frames": "3", "workers": "4", "stagger": "paced"}
OURS: Mapping[str, Mapping[str, str]] = {
    "ours": {"latency_frames": "1", "workers": "1", "stagger": "none"},
    "ours D=3 none": DELAYED,
    "ours D=3 pending late": DELAYED | PENDING,
}
"""Agents of rtgraph and their arguments. With a latency of one tick, an action takes effect as in Gymnasium's own loop."""
NAMES = {
    PEER: "stable-baselines3",
    "ours": "rtgraph",
    "ours D=3 none": "rtgraph, D = 3, pending actions unknown",
    "ours D=3 pending late": "rtgraph, D = 3, pending actions known",
}
LAUNCH = "gymnasium_learning"
RTGRAPH = (sys.executable, "-c", "import sys; from rtgraph.launch.cli import main; sys.exit(main())")


@dataclass(frozen=True, slots=True)
class Cell:
    """One agent that learns one task with one seed."""

    env: str
    agent: str
    seed: int
    steps: int
    hidden: int

    @property
    def name(self) -> str:
        """A name for files."""
        return f"{self.env}-{self.agent}-{self.seed}".replace(" ", "_").replace("=", "")

    @property
    def task(self) -> Task:
        """The task."""
        return TASKS[self.env]

    def run(self, folder: Path) -> dict[str, Any]:
        """Learn, play greedy episodes, and return the figures."""
        began = time.monotonic()
        returns, training = self._peer() if self.agent == PEER else self._ours(folder)
        return {
            **asdict(self),
            "mean": statistics.fmean(returns),
            "half_width": half_width(returns),
            "returns": returns,
            "training": training,
            "wall_s": round(time.monotonic() - began, 1),
        }

    def _ours(self, folder: Path) -> tuple[list[float], list[float]]:
        task, learned, played = self.task, folder / self.name, folder / f"{self.name}-greedy"
        for earlier in (learned, played):
            shutil.rmtree(earlier, ignore_errors=True)
        given = {"id": self.env, "rate_hz": task.rate_hz, "hidden": self.hidden, **OURS[self.agent]}
        learning = {
            "learning_rate": task.learning_rate,
            "gamma": task.gamma,
            "algorithm_options": f"{{tau: {task.tau}}}",
            "minimum": MINIMUM,
        }
        common = ("--world", "virtual", "--seed", str(self.seed), "--json")
        limits = ("--ticks", str(self.steps), "--no-plots", "--out", str(learned))
        _rtgraph("launch", LAUNCH, *_words(given | learning), *common, *limits)
        episodes = ("--episodes", str(EPISODES), "--out", str(played))
        text = _rtgraph("evaluate", str(learned / "checkpoints"), LAUNCH, *_words(given), *common, *episodes)
        with open(learned / "metrics" / "episodes.csv", newline="") as file:
            training = [float(row["return"]) for row in csv.DictReader(file)]
        return json.loads(text)["returns"], training

    def _peer(self) -> tuple[list[float], list[float]]:
        import gymnasium
        import torch
        from stable_baselines3 import SAC
        from stable_baselines3.common.evaluation import evaluate_policy
        from stable_baselines3.common.monitor import Monitor

        torch.set_num_threads(1)
        world, test = Monitor(gymnasium.make(self.env)), Monitor(gymnasium.make(self.env))
        model = SAC(
            "MlpPolicy",
            world,
            seed=self.seed,
            device="cpu",
            learning_starts=MINIMUM,
            learning_rate=self.task.learning_rate,
            gamma=self.task.gamma,
            tau=self.task.tau,
            policy_kwargs={"net_arch": [self.hidden, self.hidden]},
        )
        model.learn(self.steps)
        test.reset(seed=1000 + self.seed)
        returns, _ = evaluate_policy(model, test, n_eval_episodes=EPISODES, return_episode_rewards=True)
        return [float(each) for each in returns], [float(each) for each in world.get_episode_rewards()]


def half_width(values: Sequence[float]) -> float | None:
    """Return half of the mean's 95 % confidence interval; None for a single value."""
    from rtgraph.launch.scoring.confidence import Spread

    return Spread.of(values).half_width


def run(cells: Sequence[Cell], folder: Path, jobs: int) -> None:
    """Run the cells that the folder has no figures of, each in a process, and append the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    file, lock = folder / "cells.jsonl", Lock()
    known = {json.dumps({name: row[name] for name in Cell.__slots__}) for row in _rows(file)}
    left = [cell for cell in cells if json.dumps(asdict(cell)) not in known]
    print(f"{len(left)} of {len(cells)} cells", flush=True)
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

    def work(cell: Cell) -> None:
        command = [
            sys.executable,
            str(Path(__file__).resolve()),
            "cell",
            str(folder),
            json.dumps(asdict(cell)),
        ]
        ended = subprocess.run(command, env=os.environ | one, capture_output=True, text=True, check=False)
        if ended.returncode:
            print(f"{cell.name}: failed\n{ended.stderr[-2000:]}", flush=True)
            return
        line = ended.stdout.splitlines()[-1]
        with lock, file.open("a") as lines:
            lines.write(line + "\n")
        found = json.loads(line)
        print(
            f"{cell.name}: {found['mean']:.1f} ± {found['half_width']:.1f}, {found['wall_s']:.0f} s",
            flush=True,
        )

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(work, left))


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return the lines of a table in Markdown: greedy returns by task, agent and seed, and their mean over seeds."""
    seeds = sorted({row["seed"] for row in rows})
    yield "| task | agent | " + "".join(f"seed {seed} | " for seed in seeds) + "mean of the seeds |"
    yield "|---|---|" + "---|" * (len(seeds) + 1)
    for env, steps in sorted({(row["env"], row["steps"]) for row in rows}, reverse=True):
        for agent, name in NAMES.items():
            found = {
                row["seed"]: row
                for row in rows
                if (row["env"], row["steps"], row["agent"]) == (env, steps, agent)
            }
            if not found:
                continue
            cells = [
                _shown(found[seed]["mean"], found[seed]["half_width"]) if seed in found else ""
                for seed in seeds
            ]
            means = [row["mean"] for row in found.values()]
            cells.append(_shown(statistics.fmean(means), half_width(means)))
            yield f"| {env}, {steps:,} steps | {name} | {' | '.join(cells)} |"


def _shown(mean: float, half: float | None) -> str:
    text = f"{mean:,.0f}" if half is None else f"{mean:,.0f} ± {half:,.0f}"
    return text.replace("-", "−")


def _words(arguments: Mapping[str, object]) -> list[str]:
    return [f"{name}={value}" for name, value in arguments.items()]


def _rtgraph(*arguments: str) -> str:
    ended = subprocess.run([*RTGRAPH, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr[-2000:] or ended.stdout[-2000:])
    return ended.stdout


def _rows(file: Path) -> list[dict[str, Any]]:
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def main() -> None:
    """Run cells, or print their table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run", help="run the cells that have no figures yet")
    running.add_argument("folder", type=Path)
    running.add_argument("--jobs", type=int, default=1, help="processes beside each other")
    running.add_argument("--envs", nargs="+", default=list(TASKS), choices=TASKS)
    running.add_argument("--agents", nargs="+", default=list(NAMES), choices=NAMES)
    running.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    running.add_argument("--steps", type=int, help="steps of every task")
    running.add_argument("--hidden", type=int, default=256, help="units of each of two hidden layers")
    one = verbs.add_parser("cell", help="run one cell, and print its figures")
    one.add_argument("folder", type=Path)
    one.add_argument("cell", help="its fields as JSON")
    shown = verbs.add_parser("table", help="print the table")
    shown.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.verb == "cell":
        print(json.dumps(Cell(**json.loads(args.cell)).run(args.folder)))
    elif args.verb == "table":
        print("\n".join(table(_rows(args.folder / "cells.jsonl"))))
    else:
        cells = [
            Cell(env, agent, seed, args.steps or TASKS[env].steps, args.hidden)
            for seed, env, agent in itertools.product(args.seeds, args.envs, args.agents)
        ]
        run(cells, args.folder, args.jobs)


if __name__ == "__main__":
    main()

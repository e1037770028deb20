"""How much it helps to know the pending actions (decided, not yet applied): two games, learned under growing delays. Our own study.

With staggering, a policy acts on every tick, on observations ``delay`` ticks old. Meanwhile the pending actions move the
state. The agents are:

* ``none``: it does not know the pending actions.
* ``start``: it knows the actions that are decided when its inference begins.
* ``late``: it reads the actions just before its inference ends, and knows nearly all.
* ``predict``: it knows the same actions as ``late``; a learned model predicts how they change the features of its
  observation.
* ``chunking``: one worker, which gives ``delay`` successive actions (a chunk) per inference (Riemer et al., ICLR 2025,
  appendix B.5). It acts on every tick and knows all pending actions, because it decided them. But later actions of a chunk
  act on older observations.
* ``sequential``: it infers and learns in turn, and acts every ``delay`` ticks.
* ``random``: it acts at random, and learns nothing.

The game Catch is deterministic. So an agent that knows all pending actions loses only the first ticks of an episode. The best
policy that knows no pending actions is as good, because the ball's row tells the time. The paddle starts in the middle. The
policy moves it until the ball's row equals the number of columns between the middle and the ball, then stays. So Catch shows how
much the pending actions help to learn in a given number of ticks. In the game Tracking the position drifts. For Tracking the best
possible reward rates are computed: with all pending actions known, and with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_lines, means_over
from rtgraph.launch.studies.learning_check import learning_shown
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, real
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.nodes.emulator.tracking.theory import informed_rate, memoryless_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NONE, START, LATE, PREDICT = "none", "start", "late", "predict"
CHUNKING, SEQUENTIAL, RANDOM = "chunking", "sequential", "random"
AGENTS: Mapping[str, Mapping[str, str]] = {
    NONE: {"delay_aware": "none"},
    START: {"delay_aware": "pending", "pending": "start"},
    LATE: {"delay_aware": "pending", "pending": "late"},
    PREDICT: {"delay_aware": "predict", "pending": "late"},
    CHUNKING: {"delay_aware": "pending", "pending": "late", "workers": "1"},
    SEQUENTIAL: {"agent": "infer_learn"},
    RANDOM: {},
}
CATCH, TRACKING = "catch", "tracking"
EPISODE_TICKS = 200
STEADY = 0.9
POSITIONS = 5
LONGEST_COMPUTED = 8
"""The longest delay, in ticks, for which the best rate of a policy without knowledge of the pending actions is computed.

Pending actions are decided, but not yet applied. For 16 ticks the computation would take years.
"""
GAMES: Mapping[str, Mapping[str, str]] = {
    CATCH: {"observe": "positions", "rows": "21", "columns": "11", "gamma": "0.99", "n_step": "5"},
    TRACKING: {
        "positions": str(POSITIONS),
        "steady": str(STEADY),
        "episode_ticks": str(EPISODE_TICKS),
        "gamma": "0.9",
    },
}
"""Launch arguments of each game. Catch gives a reward only at the end of an episode, so agents learn it from five-step returns."""
LEARNING = {
    "learn": "true",
    "double": "true",
    "batch": "64",
    "updates_per_tick": "1",
    "epsilon_from": "1",
    "target_every": "200",
    "compiled": "true",
}
"""Launch arguments that are the same for all games, delays and agents."""

_SIZES: dict[Scale, tuple[tuple[int, ...], int, Mapping[str, int], int]] = {
    Scale.QUICK: ((1, 4), 1, {CATCH: 1_000, TRACKING: 1_000}, 5),
    Scale.DESK: ((1, 2, 4, 8, 16), 5, {CATCH: 30_000, TRACKING: 15_000}, 100),
    Scale.PAPER: ((1, 2, 4, 8, 16), 10, {CATCH: 200_000, TRACKING: 100_000}, 400),
}
"""The size of the study by scale: delays in ticks, number of seeds, ticks of learning by game, and greedy episodes of Catch.

Tracking has a tenth of the episodes.
"""


@dataclass(frozen=True, slots=True)
class Scored:
    """Lets an agent learn, and computes the result ``score`` from its greedy episodes.

    In Catch, the score is the share of balls that were caught. In Tracking, it is the share of ticks on the target.
    """

    game: str
    learned: Learned
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {**self.learned.identity(), "game": self.game}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Let the agent learn and play greedy episodes. Return the results of `Learned`, and the score."""
        found = self.learned.run(folder, report)
        returned = real(found["greedy"])
        return {**found, "score": (returned + 1) / 2 if self.game == CATCH else returned / EPISODE_TICKS}


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    delays, seeds, ticks, episodes = _SIZES[scale]

    def cell(game: str, delay: int, agent: str, seed: int) -> Cell:
        acting = dict(AGENTS[agent]) | {"latency_frames": str(delay)}
        if agent == CHUNKING:
            acting |= {"chunk": str(delay)}
        if "agent" not in acting:
            acting = {"workers": str(delay + 1), "stagger": "paced"} | acting
        length = ticks[game]
        work = Learned(
            game,
            {**GAMES[game], **LEARNING, **acting}
            | {"minimum": str(min(500, length // 10)), "epsilon_over": str(max(1, length // 3))},
            ticks=length,
            seed=seed,
            greedy_episodes=episodes if game == CATCH else max(1, episodes // 10),
            checkpoint_ticks=max(200, length // 10),
            policy="random" if agent == RANDOM else "learned",
        )
        return Cell({"game": game, "delay": delay, "agent": agent, "seed": seed}, Scored(game, work))

    # Seeds come last: what an interrupted study has computed compares all agents.
    return [
        cell(game, delay, agent, seed)
        for seed in range(seeds)
        for game in GAMES
        for delay in delays
        for agent in AGENTS
    ]


@cache
def predicted(delay: int) -> tuple[float, float | None]:
    """Compute the best possible reward rate of Tracking in two cases: all pending actions are known, or no pending action is known.

    The rates are in reward per tick. The second is None if ``delay``, in ticks, exceeds ``LONGEST_COMPUTED``, because the
    computation would take too long.
    """
    informed = informed_rate(POSITIONS, STEADY, delay)
    return informed, memoryless_rate(POSITIONS, STEADY, delay)[0] if delay <= LONGEST_COMPUTED else None


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    figure.set_size_inches(11, 4.8)
    for axes, game in zip(figure.subplots(1, 2), GAMES, strict=True):
        own = [row for row in rows if row["game"] == game]
        draw_lines(axes, own, x="delay", y="score", by="agent")
        axes.set(xscale="log", xlabel="delay D (ticks)", title=game, ylim=(0, 1.02))
        delays = sorted({int(real(row["delay"])) for row in own})
        axes.set_xticks(delays, [str(delay) for delay in delays])
        axes.minorticks_off()
        axes.set_ylabel("balls caught" if game == CATCH else "ticks on the target")
        if game == TRACKING:
            best = [predicted(delay) for delay in delays]
            axes.plot(
                delays, [informed for informed, _ in best], "k--", lw=1.1, label="best, all pending known"
            )
            axes.plot(
                delays,
                [float("nan") if unaware is None else unaware for _, unaware in best],
                "k:",
                lw=1.3,
                label="best, none known",
            )
    figure.legend(*figure.axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _seen(rows: Sequence[Row]) -> str:
    found = []
    for game in GAMES:
        parts = []
        for agent in AGENTS:
            means = means_over(rows, "delay", "score", {"game": game, "agent": agent})
            if means:
                parts.append(f"{agent} {', '.join(f'{mean} at {delay:g}' for delay, mean in means.items())}")
        own = [row for row in rows if row["game"] == game]
        undelayed = {"agent": NONE, "delay": "1"}
        parts.append(learning_shown(own, "score", learned=undelayed, random={"agent": RANDOM, "delay": "1"}))
        found.append(f"{game}: {'; '.join(parts)}")
    best = []
    for delay in sorted({int(real(row["delay"])) for row in rows if row["game"] == TRACKING}):
        informed, unaware = predicted(delay)
        unknown = "not computed" if unaware is None else f"{unaware:.3f}"
        best.append(f"{informed:.3f} and {unknown} at {delay}")
    return ". ".join(found) + f". Best rates in tracking, all and none known: {'; '.join(best)}."


STUDY = Study(
    name="delay",
    title="learning under a delay, with and without knowing the pending actions",
    claim=(
        "Not compared: the paper notes that regret from delay remains (Theorem 1). Known: a delayed process is Markov again in "
        "its state joined with the pending actions (Katsikopoulos & Engelbrecht 2003)."
    ),
    axes=("game", "delay", "agent", "seed"),
    figures=("score", "greedy", "last", "episodes", "known", "inaction", "age_mean", "updates"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "1 min", Scale.DESK: "3 h", Scale.PAPER: "2 days"},
)

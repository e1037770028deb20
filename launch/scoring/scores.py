"""Published and measured scores in games, to compare with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A reference score, drawn as a line: the mean return of an episode.

    ``half_width`` is half of the 95 % confidence interval of the mean; None if unknown.
    """

    mean: float
    source: str
    half_width: float | None = None
    episodes: int | None = None


HUMAN = {
    "boxing": (Line(4.3, "Mnih et al. 2015"), Line(12.1, "Wang et al. 2016")),
    "krull": (Line(2395.0, "Mnih et al. 2015"), Line(2665.5, "Wang et al. 2016")),
    "name_this_game": (Line(4076.0, "Mnih et al. 2015"), Line(8049.0, "Wang et al. 2016")),
}
"""Published human scores. They cannot be compared exactly with ``MEASURED``, because they were measured in other ways."""

MEASURED = {
    "blocks": {
        "random": Line(0.0, "measured here", 0.0, 20),
        "noop": Line(0.0, "measured here", 0.0, 20),
    },
    "boxing": {
        "random": Line(-1.4, "measured here", 1.3, 40),
        "noop": Line(-54.0, "measured here", 0.0, 40),
    },
    "duel_battles": {
        "random": Line(-0.5, "measured here", 0.42, 20),
        "noop": Line(0.0, "measured here", 0.0, 20),
    },
    "duel_catching": {
        "random": Line(0.0, "measured here", 0.48, 20),
        "noop": Line(0.0, "measured here", 0.0, 20),
    },
    "krull": {
        "random": Line(2040.0, "measured here", 245.0, 40),
        "noop": Line(0.0, "measured here", 0.0, 40),
    },
    "name_this_game": {
        "random": Line(2181.0, "measured here", 286.0, 30),
        "noop": Line(0.0, "measured here", 0.0, 30),
    },
}
"""Our own measurements, frame by frame, without sticky actions, after 1 to 30 no-op frames:

    rtgraph evaluate GAME --policy random|noop --episodes 40 --seed 1   (Name This Game: 30; Blocks, Duel: 20)

Boxing: random −1.4 ± 1.3 (−12 to 10), noop −54 in each episode. Krull: random 2,040 ± 245 (830 to 4,680), noop 0 in
each. Name This Game: random 2,181 ± 286 (1,100 to 3,930), noop 0 in each; without actions it does not end within half
an hour of play, so these episodes were truncated after 10,000 frames (`--most-frames`).
"""


def random_line(game: str | None) -> dict[str, Line]:
    """Return the mean return of random play in a game, as a line for plots by label; empty if it was not measured."""
    found = MEASURED.get(game or "", {})
    return {"random": found["random"]} if "random" in found else {}


def lines(game: str) -> dict[str, Line]:
    """Return all known reference scores of a game, by label, as lines for plots. A score is a mean return of an episode."""
    found = dict(MEASURED.get(game, {}))
    for line in HUMAN.get(game, ()):
        found[f"human ({line.source})"] = line
    return found

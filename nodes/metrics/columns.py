"""The columns of a run's tables, and their TensorBoard tags."""

from __future__ import annotations

ENDING = ("reason", "encounter", "actions", "wins")
"""Columns that are empty if the plant gives no reason for the end of an episode. ``reason`` is won, lost,
game_over or timeout, ``encounter`` names the start, ``actions`` is the number of ticks with an action other
than the noop, ``wins`` the number of episodes won so far, empty for a game that is neither won nor lost.
"""

EPISODES = ("episode", "tick", "length", "return", "terminated", "truncated", "time_s", "plant", *ENDING)
"""Columns of the table of episodes, before those of the plant's measurements; a row per episode. ``tick`` is
the number of plant ticks (frames) until its end, ``length`` its number of ticks; ``terminated`` and
``truncated`` are 0 or 1."""

KNOWN = "known"
"""A column that is empty if no policy sees pending actions."""

UPDATES = (
    *("tick", "time_s", "version", "updates", "loss", "q_mean", "gradient_norm", "delay", "staleness"),
    *("explored", "transitions", "samples_per_s", "updates_per_s", "updates_per_tick", "ticks_per_s"),
    KNOWN,
)
"""Columns of the table of updates; a row per period. ``updates`` is the number in the period, ``version`` the
total; ``loss`` to ``delay`` are means over the period's updates; ``staleness`` and ``explored`` are means over
its decisions, in versions and as a share, and ``known`` is the mean number of pending actions that they knew;
``transitions`` is the number in the replay memory. Rates are per second of the graph's time. Unknown values are
empty."""

EPISODE_TAGS = {
    "return": "charts/episodic_return",
    "length": "charts/episodic_length",
    "actions": "charts/episodic_actions",
    "wins": "charts/wins",
}
MEASUREMENT_TAG = "measurements/{}"
UPDATE_TAGS = {
    "ticks_per_s": "charts/SPS",
    "loss": "losses/td_loss",
    "q_mean": "losses/q_values",
    "version": "learner/version",
    "updates_per_s": "learner/updates_per_s",
    "updates_per_tick": "learner/updates_per_tick",
    "samples_per_s": "learner/samples_per_s",
    "gradient_norm": "learner/gradient_norm",
    "delay": "learner/delay",
    "staleness": "policy/staleness",
    "explored": "policy/explored",
    KNOWN: "policy/known",
    "transitions": "replay/transitions",
}

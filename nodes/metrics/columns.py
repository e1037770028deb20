"""The columns of a run's tables, and their TensorBoard tags."""

from __future__ import annotations

ENDING = ("reason", "encounter", "actions", "wins")
"""Columns that are empty if the plant (emulator or robot) gives no reason for the end of an episode.

``reason`` is won, lost, game_over or timeout; ``encounter`` names the state in which the episode started; ``actions`` is the
number of ticks with an action other than no-op; ``wins`` is the number of episodes won so far, empty for a game that cannot be
won or lost.
"""

EPISODES = ("episode", "tick", "length", "return", "terminated", "truncated", "time_s", "plant", *ENDING)
"""Columns of the table of episodes, which has a row per episode. Columns of the plant's measurements follow them.

``tick`` is the number of plant ticks (frames) from the start of the run to the end of the episode; ``length`` is the episode's
number of ticks; ``terminated`` and ``truncated`` are 0 or 1.
"""

KNOWN = "known"
"""A column that is empty if no policy sees pending actions (decided, not yet applied)."""

UPDATES = (
    *("tick", "time_s", "version", "updates", "loss", "q_mean", "gradient_norm", "delay", "staleness"),
    *("explored", "transitions", "samples_per_s", "updates_per_s", "updates_per_tick", "ticks_per_s"),
    KNOWN,
)
"""Columns of the table of updates, which has a row per period.

``updates`` is the number of updates in the period, and ``version`` the newest version of the weights. ``loss`` to ``delay`` are
means over the updates of the period. Over the decisions of the period, ``staleness`` is the mean age of their weights in
versions, ``explored`` the share of exploring decisions, and ``known`` the mean number of pending actions that a decision knew.
``transitions`` is the number of transitions in the replay memory. Rates are per second of the graph's time. Unknown values are
empty.
"""

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

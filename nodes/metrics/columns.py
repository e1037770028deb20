"""The columns of the tables ``episodes.csv`` and ``updates.csv`` of a run, and the TensorBoard tags of the columns."""

from __future__ import annotations

ENDING = ("reason", "encounter", "actions", "wins")
"""Columns that are empty if the plant (emulator or robot) gives no reason for the end of an episode.

* ``reason``: why the episode ended: won, lost, game_over or timeout.
* ``encounter``: the name of the saved game state in which the episode started.
* ``actions``: number of ticks of the episode with an action other than no-op.
* ``wins``: number of episodes won so far; empty for an episode without ``encounter`` that was neither won nor lost.
"""

EPISODES = ("episode", "tick", "length", "return", "terminated", "truncated", "time_s", "plant", *ENDING)
"""Columns of the table with one row per episode. The plant's measurements are further columns.

* ``tick``: number of ticks (frames) of all plants from the start of the run to the end of the episode.
* ``length``: number of ticks of the episode.
* ``terminated``, ``truncated``: 0 or 1.
"""

KNOWN = "known"
"""Column with the mean number of known pending actions (decided but not yet applied); empty if no policy reads them."""

UPDATES = (
    *("tick", "time_s", "version", "updates", "loss", "q_mean", "gradient_norm", "delay", "staleness"),
    *("explored", "transitions", "samples_per_s", "updates_per_s", "updates_per_tick", "ticks_per_s"),
    KNOWN,
)
"""Columns of the table with one row per period of time.

* ``updates``: number of updates in the period. ``version``: the newest version of the weights.
* ``loss`` to ``delay``: means over the updates of the period.
* ``staleness``: mean age of the weights used for a decision, in versions. ``explored``: share of exploring decisions.
* ``known``: mean number of pending actions (decided but not yet applied) that were known when a decision was made.
* ``transitions``: number of transitions in the replay memory.

Rates are per second of real or virtual time. Unknown values are empty.
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

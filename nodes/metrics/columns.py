"""What the tables of a run hold, and what TensorBoard calls it."""

from __future__ import annotations

EPISODES = ("episode", "tick", "length", "return", "terminated", "truncated", "time_s", "plant")
"""A row an episode. ``tick`` counts the ticks (frames) of plants until its end, ``length`` its own; ``terminated`` and
``truncated`` are 0 or 1."""

UPDATES = (
    *("tick", "time_s", "version", "updates", "loss", "q_mean", "gradient_norm", "delay", "staleness"),
    *("explored", "transitions", "samples_per_s", "updates_per_s", "updates_per_tick", "ticks_per_s"),
)
"""A row a period. ``updates`` are those of the period, ``version`` all there ever were; ``loss`` to ``delay`` are means
over them; ``staleness`` and ``explored`` are means over the decisions of the period, in versions and as a share;
``transitions`` is what the replay memory held. Rates are per second of the graph's time. What is not known is empty."""

EPISODE_TAGS = {"return": "charts/episodic_return", "length": "charts/episodic_length"}
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
    "transitions": "replay/transitions",
}

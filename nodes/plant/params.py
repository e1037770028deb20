"""The parameters of every plant."""

from __future__ import annotations

from pydantic import Field

from rtgraph.nodes.plant.admission import OutOfRange
from rtgraph.nodes.plant.gate import GateParams, LatestParams
from rtgraph.nodes.runtime import Params


class PlantParams(Params):
    """The parameters of every plant."""

    gate: GateParams = LatestParams()
    """How one of the received decisions is chosen at each tick."""
    default: str = "noop"
    """The default behaviour β, which acts at ticks without a decision: noop, repeat_last, or package.module:Class."""
    out_of_range: OutOfRange = "refuse"
    """What happens to a continuous action beyond its range. ``refuse``: the decision is refused. ``clamp``: each number is
    clamped."""
    catch_up_ticks: int = Field(default=3, ge=0)
    """Maximum number of missed ticks that run one directly after the other, after a tick that took too long. Further
    missed ticks are skipped and counted."""
    episodes: int | None = Field(default=None, ge=1)
    """End the launch after this number of episodes."""
    publish_screen: bool = False
    """Publish the full image on ``screen`` at every tick."""

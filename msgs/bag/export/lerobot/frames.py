"""The frames of a dataset: an observation, the action applied at the next tick, and the outcome of that action."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rtgraph.msgs.bag.export.plant.ticks import PlantTicks, Tick
from rtgraph.msgs.bag.export.reading import Fields

LAST = "the last of its episode: no action follows it"
CUT = "the next tick is not recorded completely, so its action is unknown"


@dataclass(frozen=True, slots=True)
class DatasetFrame:
    """A frame of a dataset. ``observation`` is the observation of a tick.

    Two messages are from the next tick: ``applied`` holds the action, and ``outcome`` is the next observation.

    ``begins`` says whether this is the first frame of the episode. ``follows`` says whether the previous frame is of the
    previous tick in the same episode.
    """

    observation: Fields
    applied: Fields
    outcome: Fields
    begins: bool
    follows: bool


class DatasetFrames:
    """Makes one frame of a dataset from each pair of successive ticks of an episode.

    If a message of the pair is missing, there is no frame. ``cut_episodes`` and ``gaps`` are complete after
    ``read(count=True)``.
    """

    def __init__(self, plant: PlantTicks) -> None:
        self._plant = plant
        self.cut_episodes = 0
        """Number of episodes without their first tick, which was not recorded or not selected."""
        self.gaps = 0
        """Number of frames that follow a gap, i.e. a missing frame, within an episode."""

    def read(self, *, count: bool) -> Iterator[DatasetFrame]:
        """Yield the frames in order.

        Args:
            count: whether to count cut episodes and gaps, and to report ticks without a frame. If the frames are read several
                times, set it only once, so that nothing is counted twice.
        """
        before: Tick | None = None
        last: DatasetFrame | None = None
        for tick in self._plant.read():
            if before is not None and before.observation is not None:
                frame = _frame(before, tick, last)
                if frame is not None:
                    self._note(frame, count)
                    last = frame
                    yield frame
                elif count:
                    self._leave_out(before.observation)
            before = tick
        if count and before is not None and before.observation is not None:
            self._leave_out(before.observation)

    def _note(self, frame: DatasetFrame, count: bool) -> None:
        if count:
            self.cut_episodes += frame.begins and not frame.observation["first"]
            self.gaps += not frame.begins and not frame.follows

    def _leave_out(self, observation: Fields) -> None:
        ended = observation["terminated"] or observation["truncated"]
        self._plant.ledger.left_out(self._plant.observed[0].topic, LAST if ended else CUT)


def _frame(now: Tick, then: Tick, last: DatasetFrame | None) -> DatasetFrame | None:
    """Return the frame of the tick ``now``. ``then`` is the next recorded tick, ``last`` the previous frame, if there is one.

    The result is None if ``then`` is not the next tick of the same episode, or if a message is missing.
    """
    observation, applied, outcome = now.observation, then.applied, then.observation
    if observation is None or applied is None or outcome is None:
        return None
    if then.key != (now.key.incarnation, now.key.tick + 1) or outcome["episode"] != observation["episode"]:
        return None
    begins = last is None or _episode(last.observation) != _episode(observation)
    follows = last is not None and not begins and last.observation["tick"] + 1 == now.key.tick
    return DatasetFrame(observation, applied, outcome, begins, follows)


def _episode(observation: Fields) -> tuple[int, int]:
    return observation["header"]["incarnation"], observation["episode"]

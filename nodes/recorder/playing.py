"""The base class of players, which publish recorded messages at the right times. It handles pause, seek, rate and end."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import Field

from rtgraph.msgs.bag.bag import Bag, Recorded
from rtgraph.msgs.bag.playback import Playback
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.session import PlayControl, PlayProgress
from rtgraph.nodes.runtime import Input, Node, Output, Params, Timer, Urgency, queue

PROGRESS_PERIOD_NS = 200_000_000
P = TypeVar("P", bound="PlaybackParams")


class PlaybackParams(Params):
    """The parameters that all players have."""

    file: str
    """The recording: an MCAP file, or the folder of a recording in several files."""
    rate: float = Field(default=1.0, gt=0)
    """Speed of the playback, as a multiple of the recorded speed."""
    start_s: float = Field(default=0.0, ge=0)
    """Position at which the playback starts, in seconds from the start of the recording."""
    duration_s: float | None = Field(default=None, gt=0)
    """Seconds of the recording to play; null to play to the end of the recording."""
    loop: bool = False
    """Whether the playback starts again at its end."""
    paused: bool = False
    """Whether the playback waits at the start until `rtgraph bag ctl` resumes it."""


class Playing(Node[P], abc.ABC):
    """The base class of players, which publish recorded messages at the right times and obey `rtgraph bag ctl`."""

    urgency: ClassVar[Urgency] = Urgency.TICK
    """Order among events of the same time. A player in place of a node other than a plant publishes before the ticks; other players
    publish with the ticks.
    """
    ends: ClassVar[bool] = True
    """Whether the launch ends when the playback ends."""

    play_control = Input(PlayControl, queue(64), many=True, optional=True)
    play_progress = Output(PlayProgress)

    def on_prepare(self) -> None:
        self._bag = Bag.open(Path(self.params.file))
        self._reported: set[str] = set()
        self._report_problems()

    def on_start(self) -> None:
        self._playback = self.playback(self._bag)
        if self.params.loop and self._playback.end_ns <= self._playback.start_ns:
            raise BagError(
                f"the played part of {self._bag.path} has no duration, so it cannot be played in a loop",
                hint="play it without loop, or choose another start",
            )
        if self.params.paused:
            self._playback.pause(self.now_ns)
            self._playback.stand_at(self._playback.start_ns)
        self._due: Timer | None = None
        self.every(PROGRESS_PERIOD_NS, self._publish_progress)
        self._schedule()

    @abc.abstractmethod
    def playback(self, bag: Bag) -> Playback:
        """Return the playback of the recording: an object that knows when each recorded message is due."""

    @abc.abstractmethod
    def publish(self, recorded: Recorded) -> None:
        """Publish a recorded message that is due."""

    def on_play_control(self, message: PlayControl) -> None:
        """Do what the message requests: seek, change the rate, step, pause or resume."""
        playback, now_ns = self._playback, self.now_ns
        if message.seek_s is not None:
            playback.seek(self._bag.start_ns + round(message.seek_s * 1e9), now_ns)
        if message.rate is not None:
            playback.set_rate(message.rate, now_ns)
        if message.step or message.ticks:
            playback.pause(now_ns)
            self._step(message)
        if message.pause:
            playback.pause(now_ns)
        elif message.pause is False:
            playback.resume(now_ns)
        self._schedule()
        self._publish_progress()

    def on_stop(self) -> None:
        self._publish_progress()
        self._report_problems()

    def result(self) -> dict[str, Any]:
        """Return the counts of played messages and rounds, and warnings if the recording is damaged."""
        warnings = {"warnings": [f"{self._bag.path}: {problem}" for problem in sorted(self._reported)]}
        return {
            "played": self._playback.played,
            "rounds": self._playback.rounds,
            **(warnings if self._reported else {}),
        }

    def _report_problems(self) -> None:
        """Log new problems of the recording. A damaged part is found only when the playback reads this part."""
        for problem in self._bag.problems:
            if problem not in self._reported:
                self._reported.add(problem)
                self.log.warning("%s: %s", self._bag.path, problem)

    def _step(self, message: PlayControl) -> None:
        taken = (found for _ in range(message.step) if (found := self._playback.take()) is not None)
        position_ns = None
        for recorded in (*taken, *(self._playback.take_ticks(message.ticks) if message.ticks else ())):
            self.publish(recorded)
            position_ns = recorded.publish_ns
        if position_ns is not None:
            self._playback.stand_at(position_ns)

    def _schedule(self) -> None:
        """Schedule the next message. After the last message, start again (``loop``), or request the end of the launch (``ends``)."""
        if self._due is not None:
            self._due.cancel()
        playback = self._playback
        if self.params.loop and playback.over and playback.played and not playback.paused:
            playback.begin_again(self.now_ns)
        due_ns = playback.due_ns()
        if due_ns is not None:
            self._due = self.at(due_ns, self._play_due, self.urgency)
        elif self.ends and self._playback.over and not self._playback.paused:
            self.finish("the recording is over")

    def _play_due(self) -> None:
        self._due = None
        for recorded in self._playback.take_due(self.now_ns):
            self.publish(recorded)
        self._schedule()

    def _publish_progress(self) -> None:
        playback, start_ns = self._playback, self._bag.start_ns
        self.play_progress.publish(
            PlayProgress(
                position_s=max(0, playback.position_ns(self.now_ns) - start_ns) / 1e9,
                duration_s=max(0, self._bag.end_ns - start_ns) / 1e9,
                rate=playback.rate,
                paused=playback.paused,
                played=playback.played,
                round=playback.rounds,
            )
        )

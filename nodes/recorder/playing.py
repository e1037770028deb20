"""What all players share: the time of the recording, and being steered."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import Field

from rtgraph.msgs.bag.bag import Bag, Recorded
from rtgraph.msgs.bag.playback import Playback
from rtgraph.msgs.session import PlayControl, PlayProgress
from rtgraph.nodes.runtime import Input, Node, Output, Params, Timer, Urgency, queue

PROGRESS_PERIOD_NS = 200_000_000
P = TypeVar("P", bound="PlaybackParams")


class PlaybackParams(Params):
    """What is played, and how."""

    file: str
    """The recording: an MCAP file, or a folder of those it was split into."""
    rate: float = Field(default=1.0, gt=0)
    """How fast, in times the speed at which it was recorded."""
    start_s: float = Field(default=0.0, ge=0)
    """Where to begin, in seconds from the recording's start."""
    duration_s: float | None = Field(default=None, gt=0)
    """How much of it, in seconds; null for all that follows."""
    loop: bool = False
    """Begin anew at the end."""
    paused: bool = False
    """Wait to be told to go on."""


class Playing(Node[P], abc.ABC):
    """What players share: the time of the recording, and being steered."""

    urgency: ClassVar[Urgency] = Urgency.TICK
    """When it publishes among all that happens at an instant: a plant at its tick, others before it."""
    ends: ClassVar[bool] = True
    """Whether the launch is over when the recording is."""

    play_control = Input(PlayControl, queue(64), many=True, optional=True)
    play_progress = Output(PlayProgress)

    def on_prepare(self) -> None:
        """Open the recording."""
        self._bag = Bag.open(Path(self.params.file))
        self._told: set[str] = set()
        self._tell_problems()

    def on_start(self) -> None:
        """Begin."""
        self._playback = self.playback(self._bag)
        if self.params.paused:
            self._playback.pause(self.now_ns)
            self._playback.stand_at(self._playback.start_ns)
        self._due: Timer | None = None
        self.every(PROGRESS_PERIOD_NS, self._say_progress)
        self._schedule()

    @abc.abstractmethod
    def playback(self, bag: Bag) -> Playback:
        """Return the course of the recording's time."""

    @abc.abstractmethod
    def publish(self, recorded: Recorded) -> None:
        """Publish a message again."""

    def on_play_control(self, message: PlayControl) -> None:
        """Do what is asked: seek, change the rate, step, pause or go on."""
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
        self._say_progress()

    def on_stop(self) -> None:
        """Say where it ended."""
        self._say_progress()
        self._tell_problems()

    def result(self) -> dict[str, Any]:
        """Return how much was played."""
        told = {"problems": sorted(self._told)} if self._told else {}
        return {"played": self._playback.played, "rounds": self._playback.rounds, **told}

    def _tell_problems(self) -> None:
        """Say what is wrong with the recording: of chunks that is known only when they are read."""
        for problem in self._bag.problems:
            if problem not in self._told:
                self._told.add(problem)
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
        """Wake up when the next message is due; ask for the end when none is left."""
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

    def _say_progress(self) -> None:
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

"""The images of a recording in order, each with the action that was applied at the tick of the image."""

from __future__ import annotations

import glob
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rtgraph.msgs.bag.bag import Bag, Channel, Recorded
from rtgraph.msgs.bag.export.pictures.arrays import Pixels, newest_of_stack, picture, values_in
from rtgraph.msgs.bag.export.reading import Fields, chosen, in_range
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportAccount, Selection
from rtgraph.msgs.errors import BagError, DecodeError

PREFERRED = ("screen", "observation")
MOST_WAITING = 256
"""Maximum number of images in memory that wait for the applied action of the same tick. Messages of one tick are recorded
close together."""

MARGIN_NS = 1_000_000_000
"""How far outside the selected time range to look for applied actions, in ns."""

ROUND_RATE = 0.005
"""Relative tolerance for rounding a film's rate to an integer."""

FALLBACK_HZ = 30
STEPS = 200

Key = tuple[int, int]
"""A tick of a plant: the incarnation (number of restarts so far) of the plant, and the number of the tick."""


@dataclass(frozen=True, slots=True)
class ShownAction:
    """The action applied at a tick."""

    key: Key
    episode: int
    action: object
    by: str
    worker: str | None
    age_ticks: int | None
    age_ns: int | None
    starting: bool
    reward: float


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """An image, and ``act``: the action applied at the image's tick, or None if that action was not recorded.

    ``total_reward`` is the sum of the episode's rewards up to this tick. ``complete`` says whether the sum includes the
    episode's beginning.
    """

    pixels: Pixels
    tick: int | None
    episode: int | None
    stamp_ns: int
    act: ShownAction | None
    total_reward: float
    complete: bool


class Film:
    """The images of one channel of a recording: ``count`` images, to be shown at ``rate`` images per second."""

    def __init__(self, bag: Bag, selection: Selection = EVERYTHING) -> None:
        self.ledger = ExportAccount(bag)
        self._bag, self._progress = bag, selection.progress
        self._start_ns = bag.start_ns if selection.start_ns is None else selection.start_ns
        self._end_ns = bag.end_ns if selection.end_ns is None else selection.end_ns
        self.channel = _channel_to_show(bag, selection.topics)
        self.count, self.rate = self._timing()

    def _timing(self) -> tuple[int, Fraction]:
        stamps = [
            recorded.publish_ns
            for recorded in self._bag.messages(
                topics=(glob.escape(self.channel.topic),),
                publishers=(glob.escape(self.channel.publisher),),
                start_ns=self._start_ns,
                end_ns=self._end_ns,
            )
        ]
        if not stamps:
            raise BagError(
                f"no message on {self.channel.topic} can be read in this range",
                hint=in_range(self._bag),
            )
        period_ns = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
        if period_ns <= 0:
            self.ledger.remark(f"the stamps give no rate: shown at {FALLBACK_HZ} a second")
            return len(stamps), Fraction(FALLBACK_HZ)
        rate = 1e9 / period_ns
        near = round(rate)
        whole_number = near and abs(rate - near) <= ROUND_RATE * rate
        return len(stamps), Fraction(near) if whole_number else Fraction(rate).limit_denominator(1000)

    def frames(self) -> Iterator[FilmFrame]:
        """Yield every image in order."""
        waiting: deque[tuple[Recorded, Fields]] = deque()
        score = _Score()
        done = 0
        for recorded, fields in self._messages():
            if recorded.channel.schema_name == "Applied":
                score.take(_act(fields))
            elif self._start_ns <= recorded.log_ns <= self._end_ns:
                waiting.append((recorded, fields))
            while waiting and (score.knows(_key(waiting[0][1])) or len(waiting) > MOST_WAITING):
                yield self._frame(*waiting.popleft(), score)
                done += 1
                if self._progress is not None and done % max(1, self.count // STEPS) == 0:
                    self._progress(done / self.count)
        for one in waiting:
            yield self._frame(*one, score)
        if self._progress is not None:
            self._progress(1.0)

    def _messages(self) -> Iterator[tuple[Recorded, Fields]]:
        publisher = self.channel.publisher
        applied = [
            channel.topic
            for channel in self._bag.channels
            if channel.publisher == publisher and channel.schema_name == "Applied"
        ]
        for recorded in self._bag.messages(
            topics=[glob.escape(topic) for topic in (self.channel.topic, *applied)],
            publishers=(glob.escape(publisher),),
            start_ns=self._start_ns - MARGIN_NS,
            end_ns=self._end_ns + MARGIN_NS,
        ):
            try:
                yield recorded, recorded.fields()
            except DecodeError as error:
                self.ledger.left_out(recorded.channel.topic, f"cannot be decoded: {error.problem}")

    def _frame(self, recorded: Recorded, fields: Fields, score: _Score) -> FilmFrame:
        act = score.at(_key(fields))
        if act is None:
            self.ledger.left_out("applied", "not recorded for the tick of a picture")
        return FilmFrame(
            pixels=self._pixels(fields),
            tick=fields.get("tick"),
            episode=fields.get("episode"),
            stamp_ns=recorded.publish_ns,
            act=act,
            total_reward=score.total,
            complete=score.complete,
        )

    def _pixels(self, fields: Fields) -> Pixels:
        shown = [
            (name, pixels) for name, value in values_in(fields) if (pixels := picture(value)) is not None
        ]
        if len(shown) > 1:
            others = ", ".join(name for name, _ in shown[1:])
            self.ledger.left_out(f"{self.channel.topic}: {others}", f"{shown[0][0]} is shown")
        if shown:
            return shown[0][1]
        for name, value in values_in(fields):
            if (pixels := newest_of_stack(value)) is not None:
                self.ledger.remark(
                    f"{self.channel.topic}: {name} is a stack of pictures, the newest is shown"
                )
                return pixels
        raise BagError(
            f"{self.channel.topic} holds a message without a picture",
            hint="choose a range without it: --start and --duration",
        )


class _Score:
    """The applied actions in order, and the sum of the episode's rewards up to the current tick."""

    def __init__(self) -> None:
        self._acts: deque[ShownAction] = deque()
        self._episode: tuple[int, int] | None = None
        self._shown = False
        self.total = 0.0
        self.complete = False

    def take(self, act: ShownAction) -> None:
        self._acts.append(act)

    def knows(self, key: Key) -> bool:
        """Return whether the action of a tick has been read, or is known to be missing."""
        return bool(self._acts) and self._acts[-1].key >= key

    def at(self, key: Key) -> ShownAction | None:
        """Return the action applied at a tick; None if it was not recorded.

        Also add the rewards up to this tick to ``total``. ``total`` starts at 0 in each episode.
        """
        found = None
        while self._acts and self._acts[0].key <= key:
            act = self._acts.popleft()
            episode = (act.key[0], act.episode)
            if episode != self._episode:
                self._episode, self.total, self.complete = episode, 0.0, act.by == "reset"
            if self._shown or self.complete or act.key == key:
                self.total += act.reward
            found = act if act.key == key else found
        self._shown = True
        return found


def _channel_to_show(bag: Bag, topics: tuple[str, ...]) -> Channel:
    showing = [channel for channel in chosen(bag, topics) if _shows_pictures(bag, channel)]
    for name in PREFERRED:
        preferred = [channel for channel in showing if channel.topic.rpartition("/")[2] == name]
        if preferred:
            showing = preferred
            break
    if not showing:
        raise BagError(
            "no chosen topic holds pictures (uint8, height x width, or height x width x 3 or 4, no side below 8)",
            hint="record one: a plant shows its screen with publish_screen: true",
        )
    if len(showing) > 1:
        found = ", ".join(sorted(channel.topic for channel in showing))
        raise BagError(f"several topics hold pictures: {found}", hint="choose one with --topics")
    return showing[0]


def _shows_pictures(bag: Bag, channel: Channel) -> bool:
    for recorded in bag.messages(
        topics=(glob.escape(channel.topic),), publishers=(glob.escape(channel.publisher),)
    ):
        try:
            values = values_in(recorded.fields())
        except DecodeError:
            continue
        return any(picture(value) is not None or newest_of_stack(value) is not None for _, value in values)
    return False


def _key(fields: Fields) -> Key:
    tick = fields.get("tick")
    return fields["header"]["incarnation"], tick if isinstance(tick, int) else -1


def _act(fields: Fields) -> ShownAction:
    # With defaults: another version of rtgraph may have recorded fewer fields.
    return ShownAction(
        key=_key(fields),
        episode=fields.get("episode", 0),
        action=fields.get("action"),
        by=fields.get("by", ""),
        worker=fields.get("worker"),
        age_ticks=fields.get("age_ticks"),
        age_ns=fields.get("age_ns"),
        starting=fields.get("starting", False),
        reward=fields.get("reward", 0.0),
    )

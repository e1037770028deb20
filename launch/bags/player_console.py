"""Plays a recording: launches a graph with the player as its only node. Also sends commands to players that already run."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rtgraph.graphs import Plan
from rtgraph.graphs.names import MEANINGS, PATH, TOPIC, unmatched
from rtgraph.launch.console.exit_codes import DONE, FAILED, SIGNALLED
from rtgraph.launch.console.status import ConsoleStatus
from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.observer import Observer
from rtgraph.launch.introspection.sessions import Description, LiveSession, pick, running
from rtgraph.launch.process.launcher import Launcher
from rtgraph.launch.scratch import scratch_folder
from rtgraph.launch.session import Session
from rtgraph.msgs import Message, decode, encode
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.playback import messages_of
from rtgraph.msgs.errors import LaunchError, RtgraphError
from rtgraph.msgs.introspection import Publish, Published
from rtgraph.msgs.session import PlayControl, PlayProgress
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.typed.text import readable
from rtgraph.nodes.recorder.bag_player import played_channels
from rtgraph.nodes.runtime import InputPlan, NodePlan
from rtgraph.nodes.runtime.journal import OUTPUT

CONTROL = "play_control"
PROGRESS = "play_progress"
SEEK_S = 5.0
RATE_STEP = 1.5
ATTACH_PERIOD_S = 0.1
PROGRESS_PERIOD_NS = 200_000_000


def player_plan(
    bag: Bag,
    *,
    rate: float = 1.0,
    start_s: float = 0.0,
    duration_s: float | None = None,
    loop: bool = False,
    paused: bool = False,
    topics: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    remap: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan (the resolved graph) of a graph that only plays a recording.

    Raises:
        LaunchError: a pattern matches no topic, no message is left to play, a topic to remap is not played, or a new name is not
            a topic name.
    """
    remap = remap or {}
    names = _topics_of(bag, topics, exclude, remap)
    _check_span(bag, topics, exclude, start_s, duration_s)
    player = NodePlan(
        name="player",
        index=0,
        node="rtgraph.nodes.recorder:BagPlayer",
        params={
            "file": _readable(bag.path),
            "rate": rate,
            "start_s": start_s,
            "duration_s": duration_s,
            "loop": loop,
            "paused": paused,
            "topics": list(topics),
            "exclude": list(exclude),
        },
        outputs={name: remap.get(topic, topic) for name, topic in names.items()} | {PROGRESS: PROGRESS},
        inputs={CONTROL: InputPlan(topic=CONTROL)},
    )
    return Plan(name=bag.path.stem, nodes=(player,))


def _topics_of(
    bag: Bag, topics: Sequence[str], exclude: Sequence[str], remap: Mapping[str, str]
) -> dict[str, str]:
    """Return the recorded topic of each output of the player, a dict by output name."""
    recorded = sorted({channel.topic for channel in bag.channels})
    pattern = unmatched([*topics, *exclude], recorded)
    if pattern is not None:
        raise LaunchError(f"{pattern!r} matches no topic of {bag.path}", hint=nearest(pattern, recorded))
    channels = played_channels(bag, topics, exclude)
    names = {name: _topic(channel.topic, channel.key) for name, channel in channels.items()}
    if not names:
        raise LaunchError(
            f"{bag.path} holds no message of the chosen topics",
            hint=f"`rtgraph bag info {bag.path}` lists its topics",
        )
    for old in remap:
        if old not in names.values():
            raise LaunchError(
                f"--remap: no topic {old!r} is played from {bag.path}",
                hint=f"the topics to play are {', '.join(sorted(set(names.values())))}",
            )
    for new in remap.values():
        if not re.fullmatch(PATH, new):
            raise LaunchError(f"--remap: {new!r} is not {MEANINGS[TOPIC]}")
    return names


def _check_span(
    bag: Bag, topics: Sequence[str], exclude: Sequence[str], start_s: float, duration_s: float | None
) -> None:
    begin_ns = bag.start_ns + round(start_s * 1e9)
    end_ns = None if duration_s is None else begin_ns + round(duration_s * 1e9)
    messages = messages_of(bag, topics=tuple(topics), exclude=(OUTPUT, *exclude))
    first = next(messages(begin_ns), None)
    if first is None or (end_ns is not None and first.publish_ns > end_ns):
        span = (
            f"from {start_s:g} s on"
            if duration_s is None
            else f"in the {duration_s:g} s from {start_s:g} s on"
        )
        raise LaunchError(
            f"{bag.path} holds no message of the chosen topics {span}",
            hint=f"`rtgraph bag info {bag.path}` shows its duration",
        )


def _readable(path: Path) -> str:
    try:
        return readable(str(path.resolve()))
    except ValueError as error:
        raise LaunchError(
            f"the path of a recording should be UTF-8: {error}", hint="rename the file or its folder"
        ) from error


def play(plan: Plan, bag: Bag, directory: Path | None = None) -> int:
    """Play a recording until its end, or until the user stops it. Return the exit code."""
    with contextlib.ExitStack() as closing:
        folder = directory or closing.enter_context(scratch_folder("play"))
        status = closing.enter_context(ConsoleStatus())
        console = PlayerConsole(status, (bag.end_ns - bag.start_ns) / 1e9)
        closing.callback(console.stop)
        console.start()
        outcome = Launcher(plan, Session.create(plan, folder), status).run()
    for failure in outcome.failures:
        print(f"error: {failure}", file=sys.stderr)
    if outcome.failures:
        return FAILED
    if console.quit:
        return DONE
    return DONE if outcome.signal is None else SIGNALLED + outcome.signal


def control_player(wanted: str | None, control: PlayControl) -> None:
    """Send a command to a running player.

    Args:
        wanted: the graph's name, process number or session folder; None for the only graph with a player.
        control: the command.

    Raises:
        LaunchError: there is no such graph, or there are several.
    """
    send_message(wanted, CONTROL, control, "player")


def send_message(wanted: str | None, topic: str, message: Message, receiver: str) -> None:
    """Send a message to the running graph that subscribes to a topic.

    Args:
        wanted: the graph's name, process number or session folder; None for the only graph with the topic.
        topic: the topic to publish on.
        message: the message to send.
        receiver: the name, in errors, of the node that receives the message, such as ``player``.

    Raises:
        LaunchError: there is no such graph, or there are several.
    """
    if wanted is None:
        able = [session for session in running() if _takes(session.description, topic)]
        if not able:
            raise LaunchError(f"no graph with a {receiver} is running")
        if len(able) > 1:
            names = ", ".join(f"{s.description.name} (process {s.description.pid})" for s in able)
            raise LaunchError(
                f"{len(able)} graphs have a {receiver}: {names}", hint="choose one with --session PID"
            )
        session = able[0]
    else:
        session = pick(wanted)
    with Client(session) as client:
        client.ask(Publish(topic=topic, document=encode(message)), Published)


def _takes(description: Description, topic: str) -> bool:
    return any(subscriber.topic == topic for subscriber in description.subscribers)


def _topic(channel_topic: str, key: str) -> str:
    return channel_topic.removesuffix(f"/{key}") if key else channel_topic


class PlayerConsole:
    """Shows the progress bar of a player and handles its keys, in a separate thread. The launcher needs the main thread."""

    def __init__(self, status: ConsoleStatus, duration_s: float) -> None:
        self.quit = False
        self._status = status
        self._duration_s = duration_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="player console", daemon=True)
        self._position_s = 0.0
        self._rate = 1.0
        self._paused = False

    def start(self) -> None:
        """Start the thread. Keys work as soon as the player runs."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, and restore the terminal's settings."""
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        session = self._session()
        if session is None:
            return
        try:
            with Client(session) as client, Observer(session, PROGRESS) as observer, _raw_terminal() as keys:
                self._status.phase(session.description.name, self._duration_s)
                while not self._ended.is_set() and not observer.ended:
                    for observed in observer.until(observer.now_ns() + PROGRESS_PERIOD_NS):
                        self._show(decode(PlayProgress, observed.document()))
                    for key in _pressed(keys):
                        self._obey(key, client)
        except RtgraphError as error:
            if not self._ended.is_set():
                self._status.note(str(error))

    def _session(self) -> LiveSession | None:
        """Wait until the graph of this process runs, and return its ``LiveSession``; None if ``stop`` is called first."""
        while not self._ended.wait(ATTACH_PERIOD_S):
            for session in running():
                if session.description.pid == os.getpid():
                    return session
        return None

    def _show(self, progress: PlayProgress) -> None:
        self._position_s, self._rate, self._paused = progress.position_s, progress.rate, progress.paused
        state = "paused" if progress.paused else f"x {progress.rate:g}"
        again = f", round {progress.round + 1}" if progress.round else ""
        text = f"{progress.position_s:,.2f} / {progress.duration_s:,.2f} s  {state}{again}  {progress.played:,} played"
        self._status.progress(progress.position_s, text)

    def _obey(self, key: bytes, client: Client) -> None:
        if key in (b"q", b"\x03"):
            self.quit = True
            os.kill(os.getpid(), signal.SIGINT)
            return
        control = self._control(key)
        if control is not None:
            client.ask(Publish(topic=CONTROL, document=encode(control)), Published)

    def _control(self, key: bytes) -> PlayControl | None:
        rate, position_s = self._rate, self._position_s
        meanings: dict[bytes, Callable[[], PlayControl]] = {
            b" ": lambda: PlayControl(pause=not self._paused),
            b"\x1b[C": lambda: PlayControl(step=1),
            b"\x1b[B": lambda: PlayControl(ticks=1),
            b"+": lambda: PlayControl(rate=rate * RATE_STEP),
            b"-": lambda: PlayControl(rate=rate / RATE_STEP),
            b".": lambda: PlayControl(seek_s=position_s + SEEK_S),
            b",": lambda: PlayControl(seek_s=max(0.0, position_s - SEEK_S)),
        }
        return meanings[key]() if key in meanings else None


@contextlib.contextmanager
def _raw_terminal() -> Iterator[int | None]:
    """Yield the file descriptor of stdin, which delivers keys one by one and without echo; None if stdin is not a terminal."""
    if not sys.stdin.isatty():
        yield None
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int | None) -> Iterator[bytes]:
    """Yield the keys pressed since the last call, as bytes: three for an arrow key, one for any other key."""
    while descriptor is not None and select.select([descriptor], [], [], 0)[0]:
        data = os.read(descriptor, 64)
        if not data:
            return
        while data:
            length = 3 if data.startswith(b"\x1b[") else 1
            yield data[:length]
            data = data[length:]

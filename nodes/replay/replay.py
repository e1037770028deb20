"""The replay node: keeps what plants went through, and draws batches of it for learners."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pydantic import Field, field_validator

from rtgraph.msgs import (
    Applied,
    BatchRequest,
    Observation,
    PlantSpec,
    Priorities,
    ReplayState,
    SampledBatch,
)
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import NodeError, RegionError, ReplayError
from rtgraph.nodes.replay.batch import Draw
from rtgraph.nodes.replay.belonging import check_folder, check_recording, mark_folder
from rtgraph.nodes.replay.memory import Assembly, Memory
from rtgraph.nodes.replay.requests import Requests
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.sizes import Order, Sampling, Sizes
from rtgraph.nodes.replay.storage.store import SharedStore
from rtgraph.nodes.runtime import Input, Node, Output, Params, lossless, queue
from rtgraph.nodes.runtime.identity import Identity

STATE_PERIOD_NS = 1_000_000_000

_ON_DISK: WeakValueDictionary[Path, ReplayBuffer] = WeakValueDictionary()
"""The memories on disk that this process has open: a life that crashed in the virtual world cannot close its own."""


class ReplayParams(Params):
    """What is kept, how transitions are made, and when they are given out."""

    plant: PlantSpec
    """What the plant takes and gives: `${spec:plant}`."""
    identity: Identity = Field(default_factory=dict)
    """Which world the plant is: `${identity:plant}`. Folders and recordings of another one are refused."""
    transfer: bool = False
    """Take them all the same."""
    capacity_mib: float = Field(default=256.0, gt=0)
    """The most it takes, in memory or on disk."""
    gamma: float = Field(default=0.99, gt=0, le=1)
    """The discount per tick."""
    n_step: int = Field(default=1, ge=1)
    """How many decisions a transition spans."""
    learn_default: bool = False
    """Learn from the actions of the default behaviour β too."""
    order: Order = "recent"
    """What stays when it is full: the newest, or each ever seen with the same chance."""
    sampling: Sampling = "uniform"
    """How it is drawn from."""
    priority_exponent: float = Field(default=0.5, ge=0, le=1)
    """Alpha of prioritised sampling."""
    minimum: int = Field(default=1000, ge=1)
    """Transitions held before the first batch."""
    updates_per_tick: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Batches given out for each tick of the plant, such as 0.25 for one every 4 ticks; 0 for as many as are asked for."""
    slack: int = Field(default=100, ge=1)
    """Batches that may be caught up with when learners were slow or away; what falls due beyond is forgone."""
    folder: str | None = None
    """Keep it on disk, in this folder, and go on with what is in it; null or empty for memory."""
    fill: tuple[str, ...] = ()
    """Recordings to begin with, such as demonstrations: one, or a list of them."""
    in_place: bool = True
    """In real time, let learners read frames where they are; else, and in the virtual world, they come in the messages."""
    spare_frames: int = Field(default=256, ge=0)
    """Frames stored after one was let go of, before its place is taken: the time that a learner has to read it."""

    @property
    def capacity_bytes(self) -> int:
        """The most it takes, in bytes."""
        return int(self.capacity_mib * 2**20)

    @field_validator("fill", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if isinstance(value, str):
            return (value,) if value else ()
        return tuple(value) if isinstance(value, list) else value or ()


class Replay(Node[ReplayParams]):
    """Makes transitions of what plants observed and what was applied to them, keeps them, and answers requests.

    Requests are answered in the order they came in, at once on a tick that makes a batch due. Ticks are never held
    up, and nobody waits for an answer in a way that stops anything: without ticks there are no batches.
    """

    observation = Input(Observation, lossless, many=True)
    applied = Input(Applied, lossless, many=True)
    request = Input(BatchRequest, queue(256), many=True, optional=True)
    priorities = Input(Priorities, queue(256), many=True, optional=True)
    batch = Output(SampledBatch, keyed=True)
    state = Output(ReplayState)

    @classmethod
    def check(cls, params: ReplayParams) -> None:
        """Check that the recordings to begin with are there, and that as many transitions fit as are waited for.

        Raises:
            NodeError: they are not, or do not.
        """
        try:
            sizes = Sizes.of(
                params.capacity_bytes, params.plant, params.order, params.sampling, params.spare_frames
            )
        except ReplayError as error:
            raise NodeError(error.problem, hint=error.hint) from error
        if params.minimum > sizes.rows:
            raise NodeError(
                f"minimum: the first update comes at {params.minimum:,} transitions, and {sizes.rows:,} fit",
                hint="lower minimum, or raise capacity_mib (replay_mib)",
            )
        for path in params.fill:
            if not Path(path).is_file():
                raise NodeError(f"fill: there is no recording {path}", hint="give the path of a .mcap file")
        try:
            cls._check_world(params)
        except ReplayError as error:
            raise NodeError(error.problem, hint=error.hint) from error

    @staticmethod
    def _check_world(params: ReplayParams) -> list[str]:
        """Check that all there is to begin with is of this world; return what does not say which one it is of.

        Raises:
            ReplayError: something is of another one.
            BagError: a recording cannot be read.
        """
        if not params.identity or params.transfer:
            return []
        folder = params.folder
        unknown = [folder] if folder and not check_folder(Path(folder), params.identity) else []
        return unknown + [
            path for path in params.fill if not check_recording(Bag.open(Path(path)), params.identity)
        ]

    def on_prepare(self) -> None:
        """Get hold of the memory, go on with what it holds, and take in the recordings."""
        params = self.params
        for path in self._check_world(params):
            self.log.warning("%s does not say which world it is of", path)
        self._buffer = self._open()
        self._memory = Memory(
            self._buffer,
            self.rng,
            Assembly(params.gamma, params.n_step, params.learn_default),
            minimum=params.minimum,
            updates_per_tick=params.updates_per_tick or None,
            slack=params.slack,
        )
        self._filled = 0
        if self._buffer.continued:
            self.log.info("going on with %d transitions", len(self._buffer))
        else:
            for path in params.fill:
                self._fill(Path(path))
        self._store = self._shared() if params.in_place and self.context.launch_context.realtime else None

    def on_start(self) -> None:
        """Begin with no request."""
        self._requests = Requests()
        self._complained = self._full = False
        self._priorities = {"set": 0, "gone": 0, "refused": 0}
        self.every(STATE_PERIOD_NS, self._tell)

    def on_applied(self, applied: Applied) -> None:
        """Take in a tick, and give out what it makes due."""
        # Published before it: no handler of its own, so that a tick is one event and not two.
        self._observe()
        self._memory.applied(applied)
        self._complain()
        self._answer()

    def on_request(self, request: BatchRequest) -> None:
        """Answer now, or when a batch is due."""
        if self._requests.take(request):
            self._send(request, self._memory.draw_again(request.size, request.correction))
        else:
            self._answer()

    def on_priorities(self, message: Priorities) -> None:
        """Take over the errors of transitions as their priorities."""
        counts, size = self._priorities, message.indices.size
        if message.drawn_by not in (None, self.context.identity.incarnation) and not self._buffer.continued:
            counts["gone"] += size
            return
        try:
            there = self._buffer.update_priorities(message.indices, message.errors)
        except ReplayError as error:
            if not counts["refused"]:
                self.log.warning("%s: %s", message.header.source, error)
            counts["refused"] += size
        else:
            counts["set"] += there
            counts["gone"] += size - there

    def on_stop(self) -> None:
        """Take in the rest and let go of the memory."""
        self._observe()
        self._memory.finish()
        self._complain()
        if self._store is not None:
            self._store.withdraw()
        self._buffer.close()

    def result(self) -> dict[str, Any]:
        """Return what it holds and what passed through it, and warnings where something went wrong."""
        memory = self._memory
        return {
            "holdings": self._buffer.holdings.as_json(),
            "assembled": {name: asdict(counts) for name, counts in sorted(memory.assembled.items())},
            "ticks": memory.ticks,
            "refused": memory.refused,
            "filled": self._filled,
            "learners": self._requests.as_json(),
            "sampled": memory.sampled,
            "waiting": len(self._requests),
            "replaced": self._requests.replaced,
            "passed_over": self._requests.passed_over,
            "held_back": memory.held_back,
            "forgone": memory.forgone,
            "priorities": self._priorities,
            **({"warnings": warnings} if (warnings := self._warnings()) else {}),
        }

    def _open(self) -> ReplayBuffer:
        params, folder = self.params, self._folder()
        restarted = self.context.identity.incarnation and not self.context.launch_context.realtime
        if restarted and folder is not None and (before := _ON_DISK.get(folder)) is not None:
            before.close()
        if folder is not None and params.identity and not (folder / "frames").exists():
            mark_folder(folder, params.identity)
        buffer = ReplayBuffer(
            params.capacity_bytes,
            params.plant,
            order=params.order,
            sampling=params.sampling,
            priority_exponent=params.priority_exponent,
            spare_frames=params.spare_frames,
            folder=folder,
            meaning={name: getattr(params, name) for name in ("gamma", "n_step", "learn_default")},
        )
        if folder is not None:
            _ON_DISK[folder] = buffer
        return buffer

    def _folder(self) -> Path | None:
        return Path(self.params.folder).resolve() if self.params.folder else None

    def _fill(self, path: Path) -> None:
        filled = self._memory.fill(Bag.open(path))
        self._filled += filled.kept
        self.log.info("%d transitions from %s", filled.kept, path)
        for problem in filled.problems:
            self.log.warning("%s: %s", path, problem)

    def _shared(self) -> SharedStore | None:
        """Let learners on this host find the frames, if that can be."""
        directory = self.context.launch_context.directory
        try:
            return SharedStore(
                self._buffer.frames.location, directory, self.name, on_disk=self._folder() is not None
            )
        except RegionError as error:
            self.log.warning("frames go in messages, since they cannot be shared: %s", error)
            return None

    def _observe(self) -> None:
        for observation in self.observation.take_all():
            self._memory.observed(observation)

    def _answer(self) -> None:
        while (request := self._requests.first) is not None:
            drawn = self._memory.draw(request.size, request.correction)
            if drawn is None:
                return
            self._requests.answered(request)
            self._send(request, drawn)

    def _send(self, request: BatchRequest, drawn: Draw) -> None:
        store = self._store if request.in_place else None
        frames = drawn if store is not None else drawn.batch(self._buffer.frames)
        self.batch.publish(
            SampledBatch(
                number=request.number,
                incarnation=request.incarnation,
                store=None if store is None else store.name,
                observations=frames.observations,
                actions=drawn.actions,
                returns=drawn.returns,
                next_observations=frames.next_observations,
                discounts=drawn.discounts,
                weights=drawn.weights,
                indices=drawn.indices,
                ticks=self._memory.ticks,
            ),
            key=request.learner,
        )

    def _complain(self) -> None:
        """Log why transitions are not kept, or why no batch will be drawn, each once."""
        if not self._full and self._buffer.full:
            self._full = True
            if problem := self._memory.cannot_begin:
                self.log.warning("no update can be made: %s", problem)
        if self._memory.problem and not self._complained:
            self._complained = True
            self.log.warning("not kept: %s", self._memory.problem)

    def _warnings(self) -> list[str]:
        """Return what a person should see at the end of a launch."""
        memory, found = self._memory, []
        if memory.refused:
            found.append(f"{memory.refused:,} transitions were not kept, the first for {memory.problem}")
        if self._requests.askers and (problem := memory.nothing_drawn):
            found.append(f"no update was made: {problem}")
        return found

    def _tell(self) -> None:
        self._observe()
        holdings, memory = self._buffer.holdings, self._memory
        self.state.publish(
            ReplayState(
                transitions=holdings.transitions,
                capacity=holdings.fits,
                frames=holdings.frames,
                size_bytes=holdings.size_bytes,
                ticks=memory.ticks,
                inserted=holdings.seen - holdings.skipped,
                sampled=memory.sampled,
                waiting=len(self._requests),
                forgone=memory.forgone,
            )
        )

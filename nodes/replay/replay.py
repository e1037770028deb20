"""The replay node: makes transitions from the messages of plants (environments), stores them, and samples batches for learners."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from rtgraph.msgs import (
    Applied,
    BatchRequest,
    Observation,
    Priorities,
    ReplayState,
    SampledBatch,
)
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import BagError, NodeError, RegionError, ReplayError
from rtgraph.nodes.replay.belonging import check_belonging, mark_folder, mark_mixed
from rtgraph.nodes.replay.memory import Assembly, ReplayMemory
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.requests import Requests
from rtgraph.nodes.replay.storage.batch import Draw
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.sizes import Sizes
from rtgraph.nodes.replay.storage.store import SharedStore
from rtgraph.nodes.runtime import Input, Node, Output, lossless, queue

STATE_PERIOD_NS = 1_000_000_000

_ON_DISK: WeakValueDictionary[Path, ReplayBuffer] = WeakValueDictionary()
"""The replay memories on disk that this process has open, by folder. A node that crashes in virtual time does not close its memory.
Then the restarted node closes it.
"""


class Replay(Node[ReplayParams]):
    """Makes transitions from the plants' observations and applied actions, stores them, and answers requests for batches.

    Requests are answered in their order of arrival, each as soon as a batch is due by ``updates_per_tick``. A request never delays
    a tick, and a learner that waits for an answer blocks no other node. Without ticks no batch becomes due, unless
    ``updates_per_tick`` is 0, which means no limit.
    """

    observation = Input(Observation, lossless, many=True)
    applied = Input(Applied, lossless, many=True)
    request = Input(BatchRequest, queue(256), many=True, optional=True)
    priorities = Input(Priorities, queue(256), many=True, optional=True)
    batch = Output(SampledBatch, keyed=True)
    state = Output(ReplayState)

    @classmethod
    def check(cls, params: ReplayParams) -> None:
        """Check that the recordings in ``fill`` exist, and that ``minimum`` transitions fit into the memory.

        Unless ``transfer`` is set, also check that neither the memory's folder nor a recording comes from another environment.

        Raises:
            NodeError: a recording is missing, a folder in ``fill`` holds no recording or several recordings, the memory's folder
                or a recording comes from another environment, or ``minimum`` transitions do not fit.
            BagError: a recording cannot be read.
        """
        try:
            sizes = Sizes.of(
                params.capacity_bytes, params.seen, params.order, params.sampling, params.spare_frames
            )
        except ReplayError as error:
            raise NodeError(error.problem, hint=error.hint) from error
        if params.minimum > sizes.rows:
            raise NodeError(
                f"minimum is {params.minimum:,} transitions, but only {sizes.rows:,} fit into the replay memory",
                hint="lower minimum, or raise capacity_mib (in a launch, the argument replay_mib)",
            )
        for path in params.fill:
            _check_recording(Path(path))
        try:
            check_belonging(params)
        except ReplayError as error:
            raise NodeError(error.problem, hint=error.hint) from error

    def on_prepare(self) -> None:
        """Open or create the memory. Add the recordings in ``fill`` to a new memory."""
        params = self.params
        for path in check_belonging(params):
            self.log.warning("%s does not identify its environment", path)
        self._buffer = self._open()
        self._memory = ReplayMemory(
            self._buffer,
            self.rng,
            Assembly(params.gamma, params.n_step, params.learn_default, params.clip_rewards, params.view),
            minimum=params.minimum,
            updates_per_tick=params.updates_per_tick or None,
            slack=params.slack,
        )
        self._filled = 0
        if self._buffer.continued:
            self.log.info("continuing with %d transitions", len(self._buffer))
            if params.fill:
                self.log.warning("%s", self._not_filled())
        else:
            for path in params.fill:
                self._fill(Path(path))
        if params.folder and params.identity and params.transfer:
            added = () if self._buffer.continued else params.fill
            mark_mixed(Path(params.folder), params.identity, (Bag.open(Path(path)) for path in added))
        self._store = self._shared() if params.in_place and self.context.launch_context.realtime else None

    def on_start(self) -> None:
        self._requests = Requests()
        self._complained = self._full = False
        self._priorities = {"set": 0, "gone": 0, "refused": 0}
        self.every(STATE_PERIOD_NS, self._publish_state)

    def on_applied(self, applied: Applied) -> None:
        """Add the action applied at a tick. Answer the open requests for which a batch is due."""
        # The observation was published before: it has no handler, so that a tick is one event and not two.
        self._observe()
        self._memory.applied(applied)
        self._log_problems()
        self._answer()

    def on_request(self, request: BatchRequest) -> None:
        """Answer a learner's request now if a batch is due, else at the tick at which a batch becomes due.

        If the same request was answered before, the answer was lost. Then send another batch at once.
        """
        if self._requests.take(request):
            self._send(request, self._memory.draw_again(request.size, request.correction))
        else:
            self._answer()

    def on_priorities(self, message: Priorities) -> None:
        """Update the priorities of transitions from new temporal-difference errors."""
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
        """Make transitions from the remaining messages, and close the memory."""
        self._observe()
        self._memory.finish()
        self._log_problems()
        if self._store is not None:
            self._store.withdraw()
        self._buffer.close()

    def result(self) -> dict[str, Any]:
        """Return the memory's contents and counters, with warnings if something went wrong."""
        memory = self._memory
        return {
            "holdings": asdict(self._buffer.stats),
            "assembled": {name: asdict(counts) for name, counts in sorted(memory.assembled.items())},
            "ticks": memory.ticks,
            "refused": memory.refused,
            "filled": self._filled,
            "demonstrated": self._buffer.demonstrated,
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
            params.seen,
            order=params.order,
            sampling=params.sampling,
            priority_exponent=params.priority_exponent,
            spare_frames=params.spare_frames,
            folder=folder,
            meaning=params.meaning,
        )
        if folder is not None:
            _ON_DISK[folder] = buffer
        return buffer

    def _folder(self) -> Path | None:
        return Path(self.params.folder).resolve() if self.params.folder else None

    def _fill(self, path: Path) -> None:
        filled = self._memory.fill(Bag.open(path), self.params.filled_age_ticks)
        self._buffer.mark_demonstrated()
        self._filled += filled.kept
        self.log.info("%d transitions from %s", filled.kept, path)
        for problem in filled.problems:
            self.log.warning("%s: %s", path, problem)

    def _shared(self) -> SharedStore | None:
        """Share the stored frames with learners on this host. Return None if sharing fails; then messages carry the frames."""
        directory = self.context.launch_context.directory
        try:
            return SharedStore(
                self._buffer.frames.location, directory, self.name, on_disk=self._folder() is not None
            )
        except RegionError as error:
            self.log.warning("frames travel in messages, because they cannot be shared: %s", error)
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
                demonstrated=drawn.demonstrated,
                ticks=self._memory.ticks,
            ),
            key=request.learner,
        )

    def _log_problems(self) -> None:
        """Log the reason of the first rejected transition. Later rejected transitions are not logged.

        If no batch can be sampled when the memory is full for the first time, log the reason of that, too.
        """
        if not self._full and self._buffer.full:
            self._full = True
            if problem := self._memory.cannot_begin:
                self.log.warning("no update can be made: %s", problem)
        if self._memory.problem and not self._complained:
            self._complained = True
            self.log.warning("at least one transition is not stored: %s", self._memory.problem)

    def _not_filled(self) -> str:
        """Return why the recordings in ``fill`` are not read."""
        return (
            f"{', '.join(self.params.fill)} is not read, because the memory in {self.params.folder} is continued: "
            f"{self._buffer.demonstrated:,} of its {len(self._buffer):,} transitions are demonstrated"
        )

    def _warnings(self) -> list[str]:
        """Return the warnings of this node for the end of a run."""
        memory, found = self._memory, []
        if self._buffer.continued and self.params.fill:
            found.append(self._not_filled())
        if memory.refused:
            found.append(f"{memory.refused:,} transitions were not stored; the first: {memory.problem}")
        if self._requests.learners and (problem := memory.nothing_drawn):
            found.append(f"no update was made: {problem}")
        elif memory.forgone > memory.drawn:
            found.append(
                f"updates_per_tick={self.params.updates_per_tick:g} is more than the learner can make: "
                f"{memory.forgone:,} updates were skipped, {memory.drawn:,} made"
            )
        return found

    def _publish_state(self) -> None:
        self._observe()
        stats, memory = self._buffer.stats, self._memory
        self.state.publish(
            ReplayState(
                transitions=stats.transitions,
                capacity=stats.fits,
                frames=stats.frames,
                size_bytes=stats.size_bytes,
                ticks=memory.ticks,
                inserted=stats.seen - stats.skipped,
                sampled=memory.sampled,
                waiting=len(self._requests),
                forgone=memory.forgone,
            )
        )


def _check_recording(recording: Path) -> None:
    """Check that a recording exists and can be opened.

    Raises:
        NodeError: the recording is missing, or is a folder that cannot be opened as one recording.
        BagError: the file is not a recording.
    """
    hint = "give the path of a .mcap file, or of the folder of a recording in several files"
    if not recording.exists():
        raise NodeError(f"fill: the recording {recording} does not exist", hint=hint)
    try:
        Bag.open(recording)
    except BagError as error:
        if not recording.is_dir():
            raise
        raise NodeError(f"fill: {error.problem}", hint=error.hint or hint) from error

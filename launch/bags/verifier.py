"""Verifies a recording in one pass: compares messages with the journals, and runs nodes again on their recorded inputs.

A node's journal is the recorded list of what the node consumed and published, with a digest of each published message.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rtgraph.graphs import Plan
from rtgraph.graphs.reading.model import World
from rtgraph.launch.bags.verdicts import NodeVerdict, Verification
from rtgraph.launch.bags.verified_weights import RecordedWeights
from rtgraph.msgs.bag.bag import Bag, Recorded
from rtgraph.msgs.errors import RtgraphError
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.recorder.journals import NodeJournal
from rtgraph.nodes.recorder.provenance import TIME_BASE_FACT
from rtgraph.nodes.recorder.recorded import recorded_versions
from rtgraph.nodes.recorder.reexecution import Difference, MessageId, Rerun
from rtgraph.nodes.runtime import LaunchContext, NodePlan, RunLimits, load_class
from rtgraph.nodes.runtime.classes.class_paths import modules_named
from rtgraph.nodes.runtime.clock import TIME_BASE
from rtgraph.nodes.runtime.journal import DELIVERY_LENGTH, OUTPUT, digest_of


class _Waiting(NamedTuple):
    """A node that runs again and waits for its next recorded input message."""

    verdict: NodeVerdict
    rerun: Rerun
    steps: Generator[MessageId, bytes | None, None]
    """Generator that yields the id of the next message that the node consumes, and expects the message's bytes by ``send``.

    The caller sends None if the message is not recorded.
    """


class Verifier:
    """Verifies a recording in one pass over its file.

    A message stays in memory until the last node that consumed it has consumed it again.
    """

    def __init__(
        self,
        bag: Bag,
        plan: Plan,
        recorded: Sequence[NodeJournal],
        chosen: Sequence[NodeJournal],
        verdicts: Sequence[NodeVerdict],
        scratch: Path,
        problems: Mapping[str, str],
    ) -> None:
        self._scratch = scratch
        # How the user's modules differ from the recorded ones, by module.
        self._problems = problems
        self._bag = bag
        self._plans = {node.name: node for node in plan.nodes}
        self._plan = plan
        self._found = Verification(list(verdicts))
        # The digest of each message that the journals say was published, until the message is read.
        self._published = dict(_publications(recorded, self._plans))
        # The time until which each incarnation of a node is known to have published nothing else, by (node, incarnation).
        # A journal that was cut off lacks what its node published later in the same instant.
        self._ended = {
            (journal.node, journal.incarnation): journal.until_ns if journal.whole else journal.until_ns - 1
            for journal in recorded
        }
        self._damaged = not bag.complete or bool(bag.problems)
        self._found.differences += [
            journal.problem for journal in recorded if journal.problem and not self._lost(journal)
        ]
        # How often each message is still to be consumed by the nodes that are run again.
        self._wanted = Counter(wanted for journal in chosen for wanted in _consumed(journal, self._plans))
        # The bytes of the messages that are read and still to be consumed.
        self._kept: dict[MessageId, bytes] = {}
        # The nodes that wait for a message that is not read yet, by that message.
        self._waiting: dict[MessageId, list[_Waiting]] = {}
        self._weights = RecordedWeights(bag, plan)
        self._other_time_base = bag.info.get(TIME_BASE_FACT) != TIME_BASE
        self._chosen = chosen

    def run(self, progress: Callable[[float], None] | None) -> Verification:
        """Read the recording once and verify it.

        Args:
            progress: called with the share of work done, from 0 to 1.
        """
        for journal in self._chosen:
            self._begin(journal)
        span_ns = max(1, self._bag.end_ns - self._bag.start_ns)
        for number, recorded in enumerate(self._bag.messages()):
            self._take(recorded)
            if progress is not None and number % 256 == 0:
                progress((recorded.log_ns - self._bag.start_ns) / span_ns)
        recorded_topics = {channel.topic.removesuffix(f"/{channel.key}") for channel in self._bag.channels}
        for wanted, waiting in list(self._waiting.items()):
            for node in waiting:
                verdict = node.verdict
                if wanted.topic not in recorded_topics:
                    verdict.outcome = "unverifiable"
                    verdict.note = f"the topic {wanted.topic}, which it consumes, was not recorded"
                elif self._damaged:
                    verdict.outcome = "unverifiable"
                    verdict.note = f"{wanted}, which it consumed, is in the damaged part of the recording"
                else:
                    self._advance(node, None)
        self._found.nodes.sort(key=lambda verdict: (verdict.node, verdict.incarnation))
        return self._found

    def _begin(self, journal: NodeJournal) -> None:
        verdict = NodeVerdict(journal.node, journal.incarnation)
        self._found.nodes.append(verdict)
        node = self._plans.get(journal.node)
        if node is None:
            verdict.outcome, verdict.note = "unverifiable", "it is not in the plan"
            return
        if self._lost(journal):
            verdict.outcome = "unverifiable"
            verdict.note = "a part of its journal is in the damaged part of the recording"
            return
        if journal.problem:
            verdict.outcome, verdict.note = "different", journal.problem
        elif not journal.whole:
            verdict.note = f"its journal ends at {journal.until_ns / 1e9:.3f} s, before the node did"
        try:
            problem = (
                self._by_other_times(node)
                or self._by_other_modules(node)
                or by_other_python(node, self._plan.world)
            )
            if problem := problem or self._weights.problem(journal, node):
                verdict.outcome, verdict.note = "unverifiable", problem
                return
            launch_context = self._launch_context(node)
            versions = recorded_versions(self._bag)
            rerun = Rerun(
                node, journal.incarnation, self._plan.seed, launch_context, journal.entries, versions
            )
        except (RtgraphError, ImportError) as error:
            verdict.outcome, verdict.note = "unverifiable", f"it cannot be created here: {error}"
            return
        self._advance(_Waiting(verdict, rerun, rerun.run()), None)

    def _lost(self, journal: NodeJournal) -> bool:
        """Return whether a part of a journal is missing because the file is damaged."""
        return journal.gap and self._damaged

    def _by_other_times(self, node: NodePlan) -> str | None:
        """Return why a node's tick times cannot be computed again; None if they can.

        Another version of rtgraph may have rounded the times of ticks differently. In virtual time this changes all times. In real
        time it concerns only plants (environments and robots), because other nodes read their times from the recording.
        """
        if not self._other_time_base or not (
            self._plan.world == "virtual" or issubclass(load_class(node.node), Plant)
        ):
            return None
        return "not comparable: another version of rtgraph recorded it, which rounded the times of ticks differently"

    def _by_other_modules(self, node: NodePlan) -> str | None:
        """Return how the user's code has changed since the recording; None if it has not, or if the node uses no such code.

        All modules of the user are compared, because they may import each other.
        """
        own = any(name in self._plan.modules for name in modules_named(node.node, node.params))
        return next(iter(self._problems.values()), None) if own else None

    def _launch_context(self, node: NodePlan) -> LaunchContext:
        return LaunchContext(
            realtime=self._plan.world == "realtime",
            limits=RunLimits(
                self._plan.ticks,
                None if self._plan.duration_s is None else round(self._plan.duration_s * 1e9),
            ),
            # Files that nodes write are not compared.
            directory=self._scratch,
            weights=self._weights.of(node),
        )

    def _advance(self, node: _Waiting, data: bytes | None) -> None:
        """Run a node until it needs a message that is not read yet, or to its end.

        Args:
            node: the node that runs again.
            data: the bytes of the message that the node waits for. None for the first step, and for a message that is not recorded.
        """
        verdict, rerun, steps = node
        try:
            wanted = steps.send(data)
            while (kept := self._take_kept(wanted)) is not None:
                wanted = steps.send(kept)
            self._waiting.setdefault(wanted, []).append(node)
        except StopIteration:
            return  # the node ran to its end
        except Difference as difference:
            verdict.outcome, verdict.note = "different", str(difference)
            self._found.differences.append(str(difference))
        except Exception as error:  # whatever a node's code raises is reported as a difference, because the original run did not raise it
            verdict.outcome = "different"
            verdict.note = f"{rerun.name} fails when it is run again: {type(error).__name__}: {error}"
            self._found.differences.append(verdict.note)
        finally:
            done = rerun.progress
            verdict.consumed, verdict.published = done.consumed, done.published
            verdict.until_s = round(done.time_ns / 1e9, 6)

    def _take(self, recorded: Recorded) -> None:
        channel = recorded.channel
        if channel.port == OUTPUT:
            return
        head = envelope(recorded.data)
        topic = channel.topic.removesuffix(f"/{channel.key}") if channel.key else channel.topic
        found = MessageId(topic, channel.key, head.source, head.incarnation, head.sequence)
        expected = self._published.pop(found, None)
        if expected is not None:
            self._found.messages += 1
            if digest_of(recorded.data) != expected:
                self._found.differences.append(
                    f"{found} is not what {head.source} published: its bytes differ"
                )
        elif head.stamp_ns <= self._ended.get((head.source, head.incarnation), -1):
            self._found.differences.append(
                f"{found} is in the recording, but {head.source} did not publish it"
            )
        elif head.source in self._plans and self._plans[head.source].journal:
            self._found.unchecked += 1
        if found in self._wanted:
            self._kept[found] = recorded.data
            for node in self._waiting.pop(found, []):
                self._advance(node, self._take_kept(found))

    def _take_kept(self, wanted: MessageId) -> bytes | None:
        data = self._kept.get(wanted)
        if data is not None:
            self._wanted[wanted] -= 1
            if not self._wanted[wanted]:
                del self._kept[wanted], self._wanted[wanted]
        return data


def by_other_python(node: NodePlan, world: World) -> str | None:
    """Return why a node cannot run again with this Python interpreter; None if it can."""
    if node.python is None or world == "virtual":
        return None
    theirs = Path(shutil.which(node.python) or node.python).absolute().parent
    if theirs == Path(sys.executable).absolute().parent:
        return None
    return f"it ran in the interpreter {node.python}: verify with the rtgraph that is installed there"


def _publications(
    recorded: Sequence[NodeJournal], plans: Mapping[str, NodePlan]
) -> Iterator[tuple[MessageId, bytes]]:
    for journal in recorded:
        outputs = plans[journal.node].outputs if journal.node in plans else {}
        for *_, published in journal.entries:
            for item in published:
                if len(item) < DELIVERY_LENGTH:
                    port, key, sequence, digest = item
                    topic = outputs.get(port, port)
                    yield MessageId(topic, key, journal.node, journal.incarnation, sequence), digest


def _consumed(journal: NodeJournal, plans: Mapping[str, NodePlan]) -> Iterator[MessageId]:
    inputs = plans[journal.node].inputs if journal.node in plans else {}
    for delivery in journal.deliveries():
        port, publisher, incarnation, sequence, key = delivery[:5]
        if port in inputs and len(delivery) == DELIVERY_LENGTH:
            yield MessageId(inputs[port].topic, key, publisher, incarnation, sequence)

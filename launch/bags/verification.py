"""Verifies a recording: compares every byte with the journals, and runs chosen nodes again on what they consumed."""

from __future__ import annotations

import fnmatch
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rtgraph.graphs import Plan
from rtgraph.graphs.reading.model import World
from rtgraph.launch.bags.verified_weights import RecordedWeights
from rtgraph.launch.scratch import scratch_folder
from rtgraph.msgs.bag.bag import Bag, Recorded
from rtgraph.msgs.errors import BagError, RtgraphError
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.recorder.journals import NodeJournal, journals
from rtgraph.nodes.recorder.provenance import GOES_ON, TIME_BASE_FACT
from rtgraph.nodes.recorder.recorded import recorded_versions, use_recorded_modules
from rtgraph.nodes.recorder.reexecution import Difference, MessageId, Rerun
from rtgraph.nodes.runtime import LaunchContext, Limits, NodePlan, load_class
from rtgraph.nodes.runtime.classes.class_paths import modules_named
from rtgraph.nodes.runtime.clock import TIME_BASE
from rtgraph.nodes.runtime.journal import DELIVERY_LENGTH, OUTPUT, digest_of

Outcome = Literal["same", "different", "unverifiable"]


@dataclass(slots=True)
class Verdict:
    """Result for one incarnation of a node."""

    node: str
    incarnation: int
    outcome: Outcome = "same"
    consumed: int = 0
    published: int = 0
    until_s: float = 0.0
    note: str = ""
    """The first difference, the reason why verification is impossible, or how far the journal reaches."""
    hardware: bool = False
    """Whether the node drives a device: it is left out, and the others decide whether the recording passes."""


@dataclass(slots=True)
class Verification:
    """Result of a verification."""

    nodes: list[Verdict] = field(default_factory=list)
    messages: int = 0
    """Number of recorded messages compared with their publisher's journal."""
    unchecked: int = 0
    """Number of recorded messages that were not compared: they come after the end of their publisher's journal."""
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether at least one node was verified, and nothing differs."""
        judged = [verdict for verdict in self.nodes if not verdict.hardware]
        verified = [verdict for verdict in judged if verdict.outcome != "unverifiable"]
        return bool(verified) and len(verified) == len(judged) and not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"passed": self.passed, **asdict(self)}


def verify(
    bag: Bag, nodes: Sequence[str] = ("*",), progress: Callable[[float], None] | None = None
) -> Verification:
    """Verify a recording.

    Compares every recorded message with the digest in its publisher's journal. Runs the chosen nodes again in the virtual
    world on what they consumed; they must publish the same bytes.

    Args:
        bag: the recording.
        nodes: globs of the nodes to run again, or the packages of their classes (``inference``).
        progress: called with the share of work done, from 0 to 1.

    Raises:
        BagError: the recording has no plan or no journal, no node matches, or the recording begins in mid-run.
    """
    plan_yaml = bag.plan("only what `rtgraph launch` recorded can be verified")
    if GOES_ON in bag.info:
        begins_s = int(bag.info[GOES_ON]) / 1e9
        raise BagError(
            f"{bag.path} begins at {begins_s:.3f} s, where an earlier session stopped: its nodes cannot be executed again",
            hint="run it to the same end without stopping, and verify that recording: its bytes are the same",
        )
    plan = Plan.from_yaml(plan_yaml)
    problems = use_recorded_modules(bag)
    recorded = journals(bag)
    if not recorded:
        raise BagError(f"{bag.path} holds no journal", hint="record with `record: {journal: true}`")
    wanted = {node.name for node in plan.nodes if _is_chosen(node, nodes)}
    chosen = [journal for journal in recorded if journal.node in wanted]
    journalled = {journal.node for journal in recorded}
    unwritten = [
        Verdict(
            node.name,
            1,
            "unverifiable",
            note="it kept no journal" if bag.complete else "the recording ends before its journal",
        )
        for node in plan.nodes
        if node.journal and node.name not in journalled and node.name in wanted
    ]
    unwritten += [
        Verdict(node.name, 1, "unverifiable", note="hardware: it drives a device", hardware=True)
        for node in plan.nodes
        if node.name in wanted and not node.journal and _drives_a_device(node)
    ]
    if not chosen and not unwritten:
        known = ", ".join(sorted(journalled))
        raise BagError(f"no node with a journal matches {', '.join(nodes)}", hint=f"there are {known}")
    with scratch_folder("verify") as scratch:
        return _Verifier(bag, plan, recorded, chosen, unwritten, scratch, problems).run(progress)


def _drives_a_device(node: NodePlan) -> bool:
    try:
        return load_class(node.node).hardware
    except RtgraphError:  # it cannot be imported here, so nothing is known of it
        return False


def _is_chosen(node: NodePlan, wanted: Sequence[str]) -> bool:
    packages = node.node.partition(":")[0].split(".")
    return any(fnmatch.fnmatchcase(node.name, glob) or glob in packages for glob in wanted)


class _Verifier:
    """One pass over a recording. Keeps each message until its last consumer has consumed it."""

    def __init__(
        self,
        bag: Bag,
        plan: Plan,
        recorded: Sequence[NodeJournal],
        chosen: Sequence[NodeJournal],
        verdicts: Sequence[Verdict],
        scratch: Path,
        problems: Mapping[str, str],
    ) -> None:
        self._scratch = scratch
        self._problems = problems
        self._bag = bag
        self._plans = {node.name: node for node in plan.nodes}
        self._plan = plan
        self._found = Verification(list(verdicts))
        self._published = dict(_publications(recorded, self._plans))
        # A journal that was cut off lacks what its node published later in the same instant.
        self._ended = {
            (journal.node, journal.incarnation): journal.until_ns if journal.whole else journal.until_ns - 1
            for journal in recorded
        }
        self._damaged = not bag.complete or bool(bag.problems)
        self._found.differences += [
            journal.problem for journal in recorded if journal.problem and not self._lost(journal)
        ]
        self._wanted = Counter(wanted for journal in chosen for wanted in _consumed(journal, self._plans))
        self._kept: dict[MessageId, bytes] = {}
        self._waiting: dict[
            MessageId, list[tuple[Verdict, Rerun, Generator[MessageId, bytes | None, None]]]
        ] = {}
        self._weights = RecordedWeights(bag, plan)
        self._other_time_base = bag.info.get(TIME_BASE_FACT) != TIME_BASE
        self._chosen = chosen

    def run(self, progress: Callable[[float], None] | None) -> Verification:
        for journal in self._chosen:
            self._begin(journal)
        span_ns = max(1, self._bag.end_ns - self._bag.start_ns)
        for number, recorded in enumerate(self._bag.messages()):
            self._take(recorded)
            if progress is not None and number % 256 == 0:
                progress((recorded.log_ns - self._bag.start_ns) / span_ns)
        recorded_topics = {channel.topic.removesuffix(f"/{channel.key}") for channel in self._bag.channels}
        for wanted, waiting in list(self._waiting.items()):
            for verdict, rerun, steps in waiting:
                if wanted.topic not in recorded_topics:
                    verdict.outcome = "unverifiable"
                    verdict.note = f"{wanted.topic}, which it consumes, was not recorded"
                elif self._damaged:
                    verdict.outcome = "unverifiable"
                    verdict.note = f"{wanted}, which it consumed, is in the damaged part of the recording"
                else:
                    self._advance(verdict, rerun, steps, None)
        self._found.nodes.sort(key=lambda verdict: (verdict.node, verdict.incarnation))
        return self._found

    def _begin(self, journal: NodeJournal) -> None:
        verdict = Verdict(journal.node, journal.incarnation)
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
            verdict.outcome, verdict.note = "unverifiable", f"it cannot be made here: {error}"
            return
        self._advance(verdict, rerun, rerun.run(), None, first=True)

    def _lost(self, journal: NodeJournal) -> bool:
        """Return whether a part of a journal is missing because the file is damaged."""
        return journal.gap and self._damaged

    def _by_other_times(self, node: NodePlan) -> str:
        """Return why a node recorded on another time base cannot be run again; empty if it can.

        In the virtual world every time follows from the time base. In real time the journal holds the clock's readings, and
        only a plant computes its due times from the base.
        """
        if not self._other_time_base or not (
            self._plan.world == "virtual" or issubclass(load_class(node.node), Plant)
        ):
            return ""
        return "not comparable: recorded with another time base, with ticks at other nanoseconds"

    def _by_other_modules(self, node: NodePlan) -> str | None:
        """Return why a node's code differs from the recorded one. All the user's modules count: they import each other."""
        own = any(name in self._plan.modules for name in modules_named(node.node, node.params))
        return next(iter(self._problems.values()), None) if own else None

    def _launch_context(self, node: NodePlan) -> LaunchContext:
        return LaunchContext(
            realtime=self._plan.world == "realtime",
            limits=Limits(
                self._plan.ticks,
                None if self._plan.duration_s is None else round(self._plan.duration_s * 1e9),
            ),
            # Files that nodes write are not compared.
            directory=self._scratch,
            weights=self._weights.of(node),
        )

    def _advance(
        self,
        verdict: Verdict,
        rerun: Rerun,
        steps: Generator[MessageId, bytes | None, None],
        data: bytes | None,
        *,
        first: bool = False,
    ) -> None:
        """Run a node until it consumes a message that is not read yet, or to its end."""
        try:
            wanted = next(steps) if first else steps.send(data)
            while (kept := self._take_kept(wanted)) is not None:
                wanted = steps.send(kept)
            self._waiting.setdefault(wanted, []).append((verdict, rerun, steps))
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
                f"{found} is in the recording, and {head.source} did not publish it"
            )
        elif head.source in self._plans and self._plans[head.source].journal:
            self._found.unchecked += 1
        if found in self._wanted:
            self._kept[found] = recorded.data
            for verdict, rerun, steps in self._waiting.pop(found, []):
                self._advance(verdict, rerun, steps, self._take_kept(found))

    def _take_kept(self, wanted: MessageId) -> bytes | None:
        data = self._kept.get(wanted)
        if data is not None:
            self._wanted[wanted] -= 1
            if not self._wanted[wanted]:
                del self._kept[wanted], self._wanted[wanted]
        return data


def by_other_python(node: NodePlan, world: World) -> str | None:
    """Return why this interpreter cannot run a node again; None if it can."""
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

"""Verifies a recording: compares its messages with the journals of the nodes, and runs chosen nodes again.

A node's journal is the recorded list of what the node consumed and published.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from rtgraph.graphs import Plan
from rtgraph.launch.bags.verdicts import NodeVerdict, Verification
from rtgraph.launch.bags.verifier import Verifier
from rtgraph.launch.scratch import scratch_folder
from rtgraph.launch.world.virtual_run import use_threads
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import BagError, RtgraphError
from rtgraph.nodes.recorder.journals import journals
from rtgraph.nodes.recorder.provenance import RESUMED_AT
from rtgraph.nodes.recorder.recorded import use_recorded_modules
from rtgraph.nodes.runtime import NodePlan, load_class


def verify(
    bag: Bag, nodes: Sequence[str] = ("*",), progress: Callable[[float], None] | None = None
) -> Verification:
    """Check a recording against the journals of its nodes, and run chosen nodes again.

    A node's journal lists what the node consumed and published, with a digest of each published message. Every recorded
    message must agree with its digest. The chosen nodes run again on their recorded inputs, and must publish the same bytes.

    Args:
        bag: the recording.
        nodes: the nodes to run again: patterns of node names, or packages of node classes such as ``inference``.
        progress: called with the share of work done, from 0 to 1.

    Raises:
        BagError: the recording has no plan or no journal, no node matches, or the recording begins after the start of the run.
    """
    plan_yaml = bag.plan("only what `rtgraph launch` recorded can be verified")
    if RESUMED_AT in bag.info:
        begins_s = int(bag.info[RESUMED_AT]) / 1e9
        raise BagError(
            f"{bag.path} begins at {begins_s:.3f} s, where an earlier session stopped: its nodes cannot be run again",
            hint="run the launch again without a stop: it records the same bytes, which can be verified",
        )
    plan = Plan.from_yaml(plan_yaml)
    problems = use_recorded_modules(bag)
    recorded = journals(bag)
    if not recorded:
        raise BagError(
            f"{bag.path} holds no journal (what each node consumed and published), so it cannot be verified",
            hint="record with `record: {journal: true}`",
        )
    wanted = {node.name for node in plan.nodes if _is_chosen(node, nodes)}
    chosen = [journal for journal in recorded if journal.node in wanted]
    journalled = {journal.node for journal in recorded}
    unwritten = list(_without_journal(bag, (node for node in plan.nodes if node.name in wanted), journalled))
    if not chosen and not unwritten:
        known = ", ".join(sorted(journalled))
        raise BagError(
            f"no node with a journal matches {', '.join(nodes)}", hint=f"nodes with a journal: {known}"
        )
    use_threads(plan)
    with scratch_folder("verify") as scratch:
        return Verifier(bag, plan, recorded, chosen, unwritten, scratch, problems).run(progress)


def _without_journal(bag: Bag, nodes: Iterable[NodePlan], journalled: Set[str]) -> Iterator[NodeVerdict]:
    missing = "it kept no journal" if bag.complete else "the recording ends before its journal"
    for node in nodes:
        if node.journal and node.name not in journalled:
            yield NodeVerdict(node.name, 1, "unverifiable", note=missing)
        elif not node.journal and _drives_a_device(node):
            yield NodeVerdict(
                node.name, 1, "unverifiable", note="hardware: it drives a device", hardware=True
            )


def _drives_a_device(node: NodePlan) -> bool:
    try:
        return load_class(node.node).hardware
    except RtgraphError:  # not importable here, so its attributes are unknown
        return False


def _is_chosen(node: NodePlan, wanted: Sequence[str]) -> bool:
    packages = node.node.partition(":")[0].split(".")
    return any(fnmatch.fnmatchcase(node.name, glob) or glob in packages for glob in wanted)

"""An edge is proven only after a probe has passed through it."""

from __future__ import annotations

from rtgraph.launch.process.barrier import PROBE_PERIOD_S, Barrier
from rtgraph.msgs.system import Proven

EDGES = [("a", "b", "x"), ("a", "c", "x"), ("b", "c", "y")]


def probed(barrier: Barrier, now_s: float) -> list[tuple[str, int]]:
    sent: list[tuple[str, int]] = []
    barrier.probe(now_s, lambda name, nonce: sent.append((name, nonce)))
    return sent


def proven(publisher: str, node: str, port: str, nonce: int) -> Proven:
    return Proven(publisher=publisher, node=node, port=port, nonce=nonce)


def test_each_publisher_is_asked_once_a_period_until_its_edges_are_proven() -> None:
    barrier = Barrier(EDGES)
    assert probed(barrier, 0.0) == []
    barrier.require("abc")
    assert probed(barrier, 0.0) == [("a", 1), ("b", 1)]
    assert probed(barrier, PROBE_PERIOD_S / 2) == []
    barrier.proven(proven("b", "c", "y", 1))
    assert probed(barrier, PROBE_PERIOD_S) == [("a", 1)]
    for node in "bc":
        barrier.proven(proven("a", node, "x", 1))
    assert barrier.pending == ()
    assert probed(barrier, 1.0) == []


def test_after_a_restart_old_probes_do_not_count() -> None:
    barrier = Barrier(EDGES)
    barrier.require("abc")
    for edge in EDGES:
        barrier.proven(proven(*edge, 1))
    barrier.require(["b"])
    assert set(barrier.pending) == {("a", "b", "x"), ("b", "c", "y")}
    barrier.proven(proven("a", "b", "x", 1))
    assert barrier.waits_for("b")
    barrier.proven(proven("a", "b", "x", 2))
    assert barrier.waits_for("c")
    barrier.proven(proven("b", "c", "y", 3))
    assert not any(barrier.waits_for(node) for node in "abc")


def test_what_is_no_edge_proves_nothing() -> None:
    barrier = Barrier(EDGES)
    barrier.require("abc")
    barrier.proven(proven("a", "b", "z", 9))
    assert len(barrier.pending) == 3

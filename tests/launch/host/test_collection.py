"""Imports without garbage collections."""

from __future__ import annotations

import gc
import subprocess
import sys

from rtgraph.launch.host.collection import without_collection


def test_no_garbage_is_collected_in_the_context_and_what_it_made_is_left_out_later() -> None:
    frozen = gc.get_freeze_count()
    try:
        with without_collection():
            assert not gc.isenabled()
            with without_collection():
                kept = [[] for _ in range(1000)]
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() - frozen >= len(kept)
    finally:
        gc.unfreeze()


def test_an_extension_module_reports_no_leak_at_the_end() -> None:
    program = """if True:
        from rtgraph.launch.host.collection import without_collection
        with without_collection():
            import ale_py
            kept = ale_py.ALEInterface()
            cycle = [kept]
            cycle.append(cycle)
            del kept, cycle
    """
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "leaked" not in ended.stderr

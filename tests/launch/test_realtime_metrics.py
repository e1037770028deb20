"""A run's curves survive a kill of the node that keeps them."""

from __future__ import annotations

import pytest
from support.launching import Launch, until

from rtgraph.nodes.metrics import read_table

pytestmark = pytest.mark.timeout(200)


def test_what_was_written_stays_and_a_restarted_node_goes_on_with_it() -> None:
    with Launch.of("curves", "--world", "realtime") as launch:
        episodes = launch.session / "metrics" / "episodes.csv"
        until(lambda: episodes.exists() and episodes.read_text().count("\n") > 4, 60, "episodes are written")
        launch.kill("metrics")
        before = episodes.read_text()
        launch.says("metrics killed by signal 9: restarting (1)")
        until(lambda: episodes.read_text().count("\n") > before.count("\n") + 4, 60, "more are written")
        launch.interrupt()
        after = episodes.read_text()
        assert after.startswith(before)
        ticks = [row[1] for row in read_table(episodes)[1]]
        assert ticks == sorted(ticks)
        assert ticks[-1] - ticks[0] > 50
        files = sorted(path.name for path in episodes.parent.iterdir())
        assert files == [
            "episodes.csv",
            "events.out.tfevents.0000000000.rtgraph",
            "events.out.tfevents.0000000001.rtgraph",
            "updates.csv",
        ]
        assert launch.summary()["learning"]["episodes"] == len(ticks)

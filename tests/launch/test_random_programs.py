"""Random programs as processes: subscribers see what was published, whatever is reused, overwritten or crashes."""

from __future__ import annotations

import pytest
from support.launching import Launch

pytestmark = [pytest.mark.timeout(120), pytest.mark.process]


def test_in_real_time_all_see_what_was_published() -> None:
    with Launch.of("programs", "--duration", "2", "--no-record") as launch:
        assert launch.wait() == 0, launch.stderr
        summary = launch.summary()
        nodes = summary["nodes"]
        senders = [nodes[f"sender/{number}"] for number in range(3)]
        assert summary["restarts"] == {f"sender/{number}": 1 for number in range(3)}
        assert all("RuntimeError: crash of sender" in cause for cause in summary["restart_causes"].values())
        assert [name for name, node in nodes.items() if node["wrong"]] == []
        sent = [sender["sent"] for sender in senders]
        assert all(sent)
        assert sum(sent) > 60
        assert nodes["writer"]["seen"] >= sum(sent)
        assert nodes["second"]["seen"] >= sum(sent)

"""In a container with its restrictions: launch, record, verify, stop."""

from __future__ import annotations

import json

import pytest
from support.container import Container, Running, children_of, refused
from support.launching import until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(refused()), reason=f"unshare makes no container here: {refused()}"),
]

STOPS_WITHIN_S = 2.0
"""An engine kills after ten seconds; a person waits two."""
WHAT_IT_IS = """
import json, locale, os, tempfile
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "pid": os.getpid(),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "writable": [path for path in ("/", "/tmp", "/var/tmp") if os.access(path, os.W_OK)],
    "shm_mib": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize >> 20,
    "encoding": locale.getpreferredencoding(),
    "tmp": len(tempfile.gettempdir()),
}))
"""


@pytest.fixture
def container(tmp_path) -> Container:
    return Container(tmp_path)


def test_it_is_what_containers_are(container) -> None:
    found = json.loads(container.python(WHAT_IT_IS))
    assert found.pop("tmp") > 100
    assert found.pop("encoding") in ("ISO-8859-1", "ANSI_X3.4-1968")
    assert found == {"pid": 1, "capabilities": 0, "writable": [], "shm_mib": 64}


def test_a_launch_is_recorded_and_verified(container) -> None:
    launched = ("launch", "endless", "--ticks", "60", "--record", "--out", "out", "--json")
    with container.run(*launched) as running:
        assert running.wait() == 0, running.stderr
        assert json.loads(running.stdout)["ticks"] > 0
    assert sorted(path.name for path in (container.folder / "out" / "plots").iterdir())
    with container.run("bag", "verify", "out", "--json") as running:
        assert running.wait() == 0, running.stderr
        assert json.loads(running.stdout)["passed"]


def runs(running: Running) -> bool:
    return "endless ..." in running.stderr


def imports(running: Running) -> bool:
    return "importing ..." in running.stderr


def has_processes(running: Running) -> bool:
    return len(children_of(running.first)) > 1


@pytest.mark.process
@pytest.mark.parametrize(
    ("verb", "ready"),
    [
        (("launch", "endless", "--no-plots"), imports),
        (("launch", "endless", "--no-plots"), runs),
        (("launch", "endless", "--no-plots", "--world", "virtual"), runs),
        (("reproduce", "theory", "--jobs", "2"), has_processes),
    ],
    ids=["importing", "running", "virtual", "reproduce"],
)
def test_sigterm_stops_the_first_process_in_time(verb, ready, container) -> None:
    out = ("--out", "out") if verb[0] == "launch" else ()
    with container.run(*verb, *out) as running:
        until(lambda: ready(running), 60, f"it is under way; it said: {running.stderr}")
        took_s, contended_s = running.stop()
        assert running.wait() == 143, running.stderr
    print(f"{verb[0]}: ended {took_s:.2f} s after SIGTERM, {contended_s:.2f} s of them short of processors")
    # It must not wait for anything.
    assert took_s - contended_s < STOPS_WITHIN_S

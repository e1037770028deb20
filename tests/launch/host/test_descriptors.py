"""The number of open files that a launch needs, and the error if the limit is lower."""

from __future__ import annotations

import resource
import sys

import pytest
from support.launching import COMMAND, FILES, Launch

from rtgraph.graphs import load_launch
from rtgraph.launch import diagnosis
from rtgraph.launch.host import descriptors
from rtgraph.msgs.errors import LaunchError


@pytest.fixture
def limits(monkeypatch) -> list[int]:
    """Return the soft and the hard limit, without effect on this process."""
    found = [1024, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(found))
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: found.__setitem__(slice(None), wanted))
    return found


@pytest.mark.parametrize(
    ("before", "count", "after"),
    [
        ([1024, 4096], 100, [1024, 4096]),
        ([1024, 4096], 1000, [1200, 4096]),
        ([1024, 4096], 4000, [4096, 4096]),
        ([32, -1], 100, [300, -1]),
        ([-1, -1], 100, [-1, -1]),
    ],
)
def test_the_limit_is_raised_as_far_as_is_wanted_and_allowed(before, count, after, limits) -> None:
    limits[:] = before
    descriptors.allow(count, "plant")
    assert limits == after


@pytest.mark.parametrize(
    ("user", "hint"),
    [(0, "run `ulimit -n 255`"), (1000, "raise the hard limit: `hard nofile 255` for this user")],
)
def test_a_limit_that_is_too_low_is_an_error_before_anything_starts(limits, monkeypatch, user, hint) -> None:
    limits[:] = [32, 32]
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(LaunchError) as caught:
        descriptors.allow(55, "plant")
    assert str(caught.value).startswith(
        f"plant needs 55 open files, and at most 32 are allowed. hint: {hint}"
    )
    assert diagnosis._descriptors().state == "missing"


def test_what_needs_the_most_is_named() -> None:
    few = load_launch(str(FILES / "watched.yaml"), {"workers": "1"})
    many = load_launch(str(FILES / "watched.yaml"), {"workers": "40"})
    assert descriptors.needed(few)[1] == "the launcher"
    count, who = descriptors.needed(many)
    # For each worker at least an observation in and a claim out.
    assert (count > 150, who) == (True, "coordinator")


def test_what_is_counted_is_enough() -> None:
    count, _ = descriptors.needed(load_launch(str(FILES / "watched.yaml"), {"workers": "4"}))
    limited = ["sh", "-c", f'ulimit -n {count}; exec "$@"', "sh", sys.executable, "-c", COMMAND]
    arguments = [
        "launch",
        str(FILES / "watched.yaml"),
        "workers=4",
        "--ticks",
        "5",
        "--out",
        "out",
        "--no-plots",
    ]
    with Launch(args=[*limited, *arguments]) as launch:
        assert launch.wait() == 0
    with Launch(
        args=["sh", "-c", limited[2].replace(str(count), str(count - 1)), *limited[3:], *arguments]
    ) as launch:
        assert launch.wait() == 1
        assert f"needs {count} open files, and at most {count - 1} are allowed" in launch.stderr
        assert not launch.session.exists()

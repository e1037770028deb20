"""Ends processes that nodes leave behind: when a node ends, when the launch ends, and when the launcher is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Self

import psutil

from rtgraph.launch.host import leftovers
from rtgraph.launch.host.leftovers import GRACE_S, Leftover, environment_of, short
from rtgraph.nodes.runtime.realtime.fork_server import NODE_VARIABLE, TITLE


class Sweeper:
    """A context that ends processes that nodes started and left running. Enter it before any process of a launch starts.

    When a node ends, the processes in its process session (setsid) are ended at once. Processes in other sessions are ended with
    the launch. The launcher must adopt orphans. Adopted orphans that have ended are reaped.

    Args:
        launch: unique name of the launch on this computer.
        note: prints a note.
        left_behind: receives the commands of the processes left behind, by node.
        stop_s: longest time that a node needs to stop its device after the launcher was killed.
    """

    def __init__(
        self,
        launch: str,
        note: Callable[[str], None],
        left_behind: dict[str, list[str]],
        stop_s: float = 0.0,
    ) -> None:
        self._launch = launch
        self._nodes_end_within_s = leftovers.NODES_END_WITHIN_S + stop_s
        self._note = note
        self._left_behind = left_behind
        self._nodes: dict[int, str] = {}
        self._ending: list[tuple[float, int]] = []
        self._told: set[int] = set()
        self._begun: set[str] = set()

    def __enter__(self) -> Self:
        self._warden = subprocess.Popen(
            [sys.executable, "-IS", leftovers.__file__, self._launch, str(self._nodes_end_within_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.attend(float("inf"))
        self._say(leftovers.end_all(self._launch, self._nodes, (self._warden.pid,)))
        self.reap(())
        self._warden.kill()  # before it sees the end of its input
        self._warden.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the launch's processes."""
        return environment_of(self._launch)

    def began(self, process: int, node: str) -> None:
        """Record the start of a node's process."""
        self._nodes[process] = node
        self._begun.add(node)
        self._send(b"%d\n" % process)

    def ended(self, process: int) -> None:
        """Send SIGTERM to the processes that are left in the process session of an ended node."""
        try:
            os.killpg(process, 0)
        except OSError:  # usually its group is empty; processes in other groups are found at the end
            found = []
        else:
            living = leftovers.find(self._launch, (process,), (self._warden.pid,))
            found = [one for one in living if one.session == process]
        self._say(found)
        self._nodes.pop(process, None)
        self._send(b"%d\n" % process)
        for one in found:
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(one.pid)
                self._ending.append((time.monotonic() + GRACE_S, descriptor))
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)

    def attend(self, now_s: float) -> None:
        """Send SIGKILL to leftover processes that still run at the end of the grace period after SIGTERM."""
        due = [descriptor for at_s, descriptor in self._ending if at_s <= now_s]
        self._ending = [one for one in self._ending if one[1] not in due]
        for descriptor in due:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)

    def reap(self, known: Iterable[int]) -> None:
        """Reap adopted processes that have ended. Processes in ``known`` are left out, because other objects reap them."""
        mine = {self._warden.pid, *known}

        def is_adopted(child: int) -> bool:
            # Other children of this program are in its session.
            return child not in mine and os.getsid(child) != os.getsid(0)

        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if not is_adopted(found.si_pid):
                    break  # it hides those that ended after it
                os.waitpid(found.si_pid, os.WNOHANG)
            else:
                return
            for child in psutil.Process().children():
                with contextlib.suppress(ProcessLookupError):
                    if is_adopted(child.pid):
                        os.waitpid(child.pid, os.WNOHANG)

    def _send(self, line: bytes) -> None:
        stream = self._warden.stdin
        if stream is not None:
            with contextlib.suppress(OSError):  # the warden was killed
                stream.write(line)
                stream.flush()

    def _say(self, found: Iterable[Leftover]) -> None:
        new = [one for one in found if one.pid not in self._told and not self._is_unborn(one)]
        self._told |= {one.pid for one in new}
        by_node: dict[str, list[Leftover]] = {}
        for one in new:
            by_node.setdefault(self._node_of(one), []).append(one)
        for node, left in by_node.items():
            shown = ", ".join(f"{short(one.command)} (process {one.pid})" for one in left)
            count = f"{len(left)} process{'es' if len(left) > 1 else ''}"
            self._note(f"{node} left {count} behind: {shown}: ended")
            self._left_behind.setdefault(node, []).extend(short(one.command) for one in left)

    def _is_unborn(self, one: Leftover) -> bool:
        """Return whether a process is itself a node, for which ``began`` was not called. It is then no leftover of a node.

        This happens if the launch stops just after the fork of the node.
        """
        title = one.command.removeprefix(TITLE)
        return one.pid == one.session and one.command.startswith(TITLE) and title not in self._begun

    def _node_of(self, one: Leftover) -> str:
        _, _, rest = one.environment.partition(f"\0{NODE_VARIABLE}=".encode())
        named = rest.partition(b"\0")[0].decode(errors="replace")
        title = one.command.removeprefix(TITLE) if one.command.startswith(TITLE) else ""
        return named or self._nodes.get(one.session, "") or title or "a node"

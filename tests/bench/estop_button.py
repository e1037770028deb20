"""A node that publishes an emergency stop when a file appears, and writes the time of it into another file."""

from __future__ import annotations

import time
from pathlib import Path

from rtgraph.msgs import EStop
from rtgraph.nodes.runtime import Node, Output, Params

LOOK_NS = 2_000_000


class ButtonParams(Params):
    pressed: str
    """The file. It is removed; the time goes to the same name with ``.sent``."""


class Button(Node[ButtonParams]):
    """Publishes one emergency stop each time it is pressed."""

    estop = Output(EStop)

    def on_start(self) -> None:
        self._pressed = Path(self.params.pressed)
        self.every(LOOK_NS, self._look)

    def _look(self) -> None:
        if not self._pressed.exists():
            return
        self._pressed.unlink()
        sent = time.monotonic()
        self.estop.publish(EStop(reason="the button"))
        self._pressed.with_suffix(".sent").write_text(str(sent), encoding="ascii")

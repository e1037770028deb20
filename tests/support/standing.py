"""Work that never ends, and work that ends its process, for tests of how such processes are handled."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def stand_still(_: object, __: object) -> None:
    """Leave a file named after this process, then do nothing for ever."""
    Path(f"standing-{os.getpid()}").touch()
    threading.Event().wait()


def die(_: object, __: object) -> None:
    """End this process."""
    os._exit(3)

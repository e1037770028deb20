"""The device (CPU or GPU) on which a learner computes."""

from __future__ import annotations

import torch

from rtgraph.msgs.errors import LearningError


def device_named(name: str) -> torch.device:
    """Return the torch device with this name, for example ``cuda:1``.

    Raises:
        LearningError: there is no such device on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise LearningError(
            f"cannot learn on device {name!r}: {str(error).splitlines()[0]}",
            hint="device: cpu works everywhere",
        ) from error
    return device

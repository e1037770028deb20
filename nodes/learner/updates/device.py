"""The device that a learner computes on."""

from __future__ import annotations

import torch

from rtgraph.msgs.errors import LearningError


def device_named(name: str) -> torch.device:
    """Return a device to learn on.

    Raises:
        LearningError: the device does not exist.
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

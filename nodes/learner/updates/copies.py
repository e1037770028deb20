"""Copies weights between an updater and the buffers that other processes read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.parameters import Buffer, Slot, read, size_bytes, write

_Floats = npt.NDArray[np.float32]


class Copies:
    """Copies the weights of networks to buffers and back. All networks have the same layout.

    On the CPU, weights that have the layout of the buffers are copied as one array. For a small network, this is faster than
    a copy of each tensor.

    Args:
        slots: The layout of a network's weights in their vector.
        buffer_slots: The layout of the weights in buffers.
        device: The device of the networks.
    """

    def __init__(self, slots: Sequence[Slot], buffer_slots: Sequence[Slot], device: torch.device) -> None:
        self._slots = buffer_slots
        self._at_once = slots == buffer_slots and device.type == "cpu"
        self._size_bytes = size_bytes(buffer_slots)
        self._count = self._size_bytes // np.dtype(np.float32).itemsize

    def write(self, module: Network, vector: Tensor, buffer: Buffer) -> None:
        """Copy the weights of a network to a buffer. ``vector`` holds all weights of the network, (n,) float32.

        Raises:
            ValueError: The buffer is read-only, too small or not contiguous.
        """
        if not self._at_once:
            write(module, buffer, self._slots)
            return
        values = self._floats(buffer)
        if not values.flags.writeable:
            raise ValueError("cannot write weights into a read-only buffer")
        values[:] = vector.numpy()[: self._count]

    def read(self, module: Network, vector: Tensor, buffer: Buffer) -> None:
        """Copy the weights in a buffer to a network: the reverse of `write`.

        Raises:
            ValueError: The buffer is too small or not contiguous.
        """
        if self._at_once:
            vector.numpy()[: self._count] = self._floats(buffer)
        else:
            read(module, buffer, self._slots)

    def _floats(self, buffer: Buffer) -> _Floats:
        values = np.frombuffer(buffer, np.uint8)
        if len(values) < self._size_bytes:
            raise ValueError(
                f"a buffer of {len(values)} bytes is too small for {self._size_bytes} bytes of weights"
            )
        return values[: self._size_bytes].view(np.float32)

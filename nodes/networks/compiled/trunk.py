"""Computes the convolutions of a small IMPALA network with compiled C code. The results equal torch's within rounding."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from rtgraph.nodes.networks.compiled.compiler import NotCompiledError, library, warn_once
from rtgraph.nodes.networks.fit import IMPALA_STRIDES, FrameShape
from rtgraph.nodes.networks.frames import with_channels
from rtgraph.nodes.networks.impala import Impala
from rtgraph.nodes.networks.parameters import allocate
from rtgraph.nodes.networks.pending import PendingNetwork
from rtgraph.nodes.networks.spec import ImpalaSpec

if TYPE_CHECKING:
    from rtgraph.nodes.networks.network import Network

MOST_CHANNELS = 16
"""Maximum number of channels (k = 1/2) of a network for which the compiled code is faster than torch on one thread."""
TOLERANCE = 1e-3
"""Largest accepted difference from torch's results: the norm of the difference, relative to the norm of torch's results."""
_SAMPLES = 3


def accelerate(module: Network) -> bool:
    """Make an IMPALA network on the CPU compute its features with compiled code. Return whether it does.

    Nothing changes if the network is of another kind, or has more than `MOST_CHANNELS` channels; this is not logged. Nothing changes
    either if there is no compiler, or if the results differ from torch's; this is logged once per process, with the reason.
    """
    if isinstance(module, PendingNetwork):
        module = module.inner
    if not isinstance(module, Impala) or module.spec.widths[1] > MOST_CHANNELS:
        return False
    if module.compiled is not None:
        return True
    try:
        difference = _difference(module.spec.depth, module.spec.k, module.frame)
    except NotCompiledError as error:
        warn_once(str(error))
        return False
    if not difference <= TOLERANCE:
        warn_once(f"networks are not compiled: the results differ from those of torch by {difference:.1e}")
        return False
    module.compiled = CompiledTrunk(module)
    return True


class CompiledTrunk:
    """Computes the features of an IMPALA network, and the gradient of its parameters, with compiled C code.

    Raises:
        NotCompiledError: there is no C compiler, or the compiler failed.
    """

    def __init__(self, module: Impala) -> None:
        self._library = library("impala")
        self._parameters = list(module.sequences.parameters())
        frame, widths = module.frame, module.spec.widths
        strides = IMPALA_STRIDES[module.spec.depth]
        channels = (widths[0], *(widths[1],) * (len(strides) - 1))
        pairs = (number for pair in zip(channels, strides, strict=True) for number in pair)
        self._shape = np.array([len(strides), *frame, *pairs], np.int32)
        self._frame = frame
        self._features = module.inputs
        self._spare: dict[int, list[Tensor]] = {}
        """Free memory for reuse, by number of samples. Allocating memory is slow, and a learner needs the same sizes each time."""
        self._scratch: dict[int, Tensor] = {}

    def __call__(self, frames: Tensor) -> Tensor:
        """Compute features, (batch, features), from a batch of frames (see `as_input`).

        Raises:
            ValueError: The frames have another shape.
        """
        frames = with_channels(frames, self._frame)
        frames = (frames if frames.dtype == torch.uint8 else frames.to(torch.float32)).contiguous()
        packed = torch.cat([parameter.reshape(-1) for parameter in self._parameters])
        if torch.is_grad_enabled() and packed.requires_grad:
            features: Tensor = _Features.apply(self, frames, packed)  # type: ignore[no-untyped-call]
            return features
        memory = self.taken(len(frames))
        found = self.forward(frames, packed, memory, alone=len(frames) == 1)
        self.free(len(frames), memory)
        return found

    def taken(self, count: int) -> Tensor:
        """Return memory for the intermediate results of a forward pass of ``count`` samples: a flat float32 tensor."""
        spare = self._spare.setdefault(count, [])
        return (
            spare.pop()
            if spare
            else torch.empty(self._library.rtgraph_memory(self._shape.ctypes.data, count))
        )

    def free(self, count: int, memory: Tensor) -> None:
        """Take back memory from ``taken``, so that a later forward pass can reuse it."""
        self._spare[count].append(memory)

    def forward(self, frames: Tensor, packed: Tensor, memory: Tensor, *, alone: bool = False) -> Tensor:
        """Compute features, (batch, features) float32, from frames. Write the intermediate results to ``memory``, for `backward`.

        Args:
            frames: uint8 or float32, (batch, channels, height, width).
            packed: the parameters as one float32 vector.
            memory: memory from `taken`, which receives intermediate results.
            alone: whether there is one sample, and no `backward` follows. Then a pass takes a fraction of the time.
        """
        count = len(frames)
        features = torch.empty(count, self._features)
        self._library.rtgraph_forward(
            self._shape.ctypes.data,
            packed.data_ptr(),
            frames.data_ptr(),
            frames.dtype == torch.uint8,
            count,
            alone,
            memory.data_ptr(),
            features.data_ptr(),
        )
        return features

    def backward(self, packed: Tensor, memory: Tensor, change: Tensor) -> Tensor:
        """Compute the gradient of the parameters, a vector like ``packed``, from the gradient of the features, (batch, features)."""
        count = len(change)
        if count not in self._scratch:
            self._scratch[count] = torch.empty(self._library.rtgraph_scratch(self._shape.ctypes.data, count))
        change, gradient = change.contiguous(), torch.empty_like(packed)
        self._library.rtgraph_backward(
            self._shape.ctypes.data,
            packed.data_ptr(),
            count,
            memory.data_ptr(),
            self._scratch[count].data_ptr(),
            change.data_ptr(),
            gradient.data_ptr(),
        )
        return gradient


class _Features(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, trunk: CompiledTrunk, frames: Tensor, packed: Tensor) -> Tensor:
        ctx.trunk, ctx.memory, ctx.packed = trunk, trunk.taken(len(frames)), packed.detach()
        return trunk.forward(frames, ctx.packed, ctx.memory)

    @staticmethod
    def backward(ctx: Any, *changes: Tensor) -> tuple[None, None, Tensor]:
        memory, ctx.memory = ctx.memory, None
        if memory is None:
            raise RuntimeError(
                "the gradient of compiled features can be computed only once: this computation frees the results of the forward pass"
            )
        (change,) = changes
        gradient = ctx.trunk.backward(ctx.packed, memory, change)
        ctx.trunk.free(len(change), memory)
        return None, None, gradient


@functools.cache
def _difference(depth: Literal[1, 2], k: float, frame: FrameShape) -> float:
    """Return how much the features and gradients of compiled code differ from those of torch.

    For each compared array, the norm of the difference is divided by the norm of torch's array. The result is the largest of these
    quotients.

    Raises:
        NotCompiledError: there is no C compiler, or the compiler failed.
    """
    with torch.device("meta"):
        module = Impala(ImpalaSpec(depth=depth, k=k), frame, 1)
    allocate(module, torch.device("cpu"))
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))

    parameters = list(module.sequences.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(drawn(*parameter.shape) / max(1, parameter[0].numel()) ** 0.5)
    frames = torch.from_numpy(rng.integers(0, 256, (_SAMPLES, *frame), dtype=np.uint8))
    change = drawn(_SAMPLES, module.inputs)
    compared = []
    for trunk in (None, CompiledTrunk(module)):
        module.compiled = trunk
        with torch.enable_grad():
            features = module.features(frames)
            gradients = torch.autograd.grad(features, parameters, change)
        with torch.no_grad():
            compared.append([features.detach(), module.features(frames[:1]), *gradients])
    return max(
        float(torch.linalg.vector_norm(ours - theirs) / torch.linalg.vector_norm(theirs).clamp(min=1e-6))
        for theirs, ours in zip(*compared, strict=True)
    )

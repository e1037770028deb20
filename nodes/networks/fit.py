"""Checks whether a network fits an environment's observations and actions, without importing torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtgraph.msgs import Continuous, Discrete, PlantSpec
from rtgraph.msgs.pending import without_later, without_pending
from rtgraph.msgs.spaces import ArraySpec, PartsSpec
from rtgraph.nodes.networks.spec import HeadSpec, ImpalaSpec, MlpSpec, NatureSpec, NetworkSpec

IMPALA_STRIDES = {1: (2, 2, 2), 2: (2, 1, 1, 1, 2, 1)}
"""The strides of the poolings in an IMPALA network, one per sequence of layers, by depth: 1 for "1xDeep", 2 for "2xDeep"."""
_NO_BOUND = float("inf")


class FrameShape(NamedTuple):
    """The shape of one frame (picture), always with a number of channels."""

    channels: int
    height: int
    width: int

    @classmethod
    def of(cls, shape: Sequence[int]) -> FrameShape:
        """Make a frame shape from an observation's shape: (height, width) for a grey frame, or (channels, height, width).

        Raises:
            ValueError: The shape has neither two nor three axes.
        """
        match tuple(shape):
            case (height, width):
                return cls(1, height, width)
            case (channels, height, width):
                return cls(channels, height, width)
            case other:
                raise ValueError(
                    f"an observation of shape {other} is not a frame: expected (height, width) or "
                    "(channels, height, width). hint: use kind: mlp for vectors (network=mlp)"
                )


MOST_CHANNELS = 4
"""Maximum length of the last axis of a picture that counts as the channels: grey has 1, RGB 3, RGBA 4. If the last axis is longer,
the first axis is the channels.
"""


class PictureShape(NamedTuple):
    """The shape of a picture that is a part of an observation, such as a camera image."""

    frame: FrameShape
    channels_last: bool

    @classmethod
    def of(cls, part: ArraySpec) -> PictureShape | None:
        """Make a picture shape from a part's shape: (height, width), (height, width, channels) or (channels, height, width).

        Return None if the part is not a picture.
        """
        if not part.is_picture:
            return None
        if len(part.shape) == 3 and part.shape[2] <= MOST_CHANNELS:
            height, width, channels = part.shape
            return cls(FrameShape(channels, height, width), channels_last=True)
        return cls(FrameShape.of(part.shape), channels_last=False)


class KernelWindow(NamedTuple):
    """The side length and the stride of the window of an unpadded convolution or pooling."""

    side: int
    stride: int


def remaining(frame: FrameShape, windows: Sequence[KernelWindow]) -> tuple[int, int]:
    """Compute the height and width of a frame after a sequence of unpadded convolutions and poolings, given by their windows.

    Raises:
        ValueError: The frame is too small: a window has no position.
    """
    smallest = 1
    for window in reversed(windows):
        smallest = (smallest - 1) * window.stride + window.side
    height, width = frame.height, frame.width
    if min(height, width) < smallest:
        raise ValueError(
            f"a frame of {height}x{width} is too small: this network needs at least {smallest}x{smallest}. "
            "hint: the axes are (channels, height, width), the channels first"
        )
    for window in windows:
        height = (height - window.side) // window.stride + 1
        width = (width - window.side) // window.stride + 1
    return height, width


def windows_of(network: ImpalaSpec | NatureSpec) -> tuple[KernelWindow, ...]:
    """Return the windows of the unpadded convolutions and poolings of a network, in order."""
    if isinstance(network, NatureSpec):
        return KernelWindow(8, 4), KernelWindow(4, 2), KernelWindow(3, 1)
    return tuple(
        w for stride in IMPALA_STRIDES[network.depth] for w in (KernelWindow(3, 1), KernelWindow(3, stride))
    )


def check_fit(network: NetworkSpec, plant: PlantSpec) -> None:
    """Check that a network can read an environment's observations, and that the network's head fits the environment's actions.

    Raises:
        ValueError: the network does not fit the environment. The text ends in a hint.
    """
    if network.head != HeadSpec() and not isinstance(plant.action, Discrete):
        raise ValueError(
            f"a head with dueling, noisy or support needs discrete actions, and the plant has {plant.action.kind} ones. "
            "hint: leave out the network's head, or choose a plant with discrete actions"
        )
    observation, pending = without_pending(plant.observation)
    if network.predict and pending is None:
        problem = "a network with predict needs pending actions, and the agent sees none"
        raise ValueError(f"{problem}. hint: delay_aware: {{kind: predict}}")
    if network.stages:
        _check_stages(network, pending)
        observation = without_later(observation, network.later)
    if isinstance(observation, PartsSpec):
        _check_parts(network, observation)
    elif isinstance(plant.action, Continuous):
        # Actors and critics join the parts of an observation, even if there is only one.
        _check_parts(network, PartsSpec(parts={"observation": observation}))
    elif isinstance(network, MlpSpec):
        _check_one_hot(network.one_hot, observation)
    else:
        if network.head.support is not None and len(observation.shape) == 1:
            problem = f"a network of kind {network.kind} reads pictures, and this plant's observation is a vector of {observation.shape[0]:,} numbers"
            raise ValueError(
                f"{problem}. hint: with atoms, as in Rainbow, give observation=grey84 (in a graph file: kind: mlp for vectors)"
            )
        remaining(FrameShape.of(observation.shape), windows_of(network))


def _check_stages(network: NetworkSpec, pending: ArraySpec | None) -> None:
    if not isinstance(network, MlpSpec) or not network.hidden:
        found, hint = (
            ("has no hidden layers", "give the size of a layer: hidden: [64]")
            if isinstance(network, MlpSpec)
            else (
                f"is of kind {network.kind}",
                "observe=positions in catch, network=mlp in gymnasium_learning",
            )
        )
        raise ValueError(
            f"a network in stages must be fully connected, with hidden layers; this one {found}. hint: {hint}"
        )
    if pending is not None:
        raise ValueError(
            "a network in stages reads no pending actions, and no earlier actions of a chunk. hint: delay_aware=none chunk=1"
        )


def _check_parts(network: NetworkSpec, observation: PartsSpec) -> None:
    if isinstance(network, MlpSpec):
        if network.one_hot is not None:
            raise ValueError(
                "one_hot is only for observations of one array and discrete actions. hint: leave one_hot out"
            )
        return
    pictures = {name: PictureShape.of(part) for name, part in observation.parts.items()}
    if not any(pictures.values()):
        problem = f"no part of the observation is a picture: {', '.join(pictures)}"
        raise ValueError(f"{problem}. hint: use kind: mlp for vectors (network=mlp)")
    for name, shape in pictures.items():
        if shape is not None:
            try:
                remaining(shape.frame, windows_of(network))
            except ValueError as error:
                raise ValueError(f"part {name!r} of the observation: {error}") from error


def _check_one_hot(one_hot: int | None, observation: ArraySpec) -> None:
    """Check that the bounds of the observation, if its spec has any, lie in 0 to ``one_hot`` - 1. Without ``one_hot``, check nothing."""
    if one_hot is None:
        return
    low = observation.low if observation.low is not None else 0
    high = observation.high if observation.high is not None else one_hot - 1
    if observation.dtype == "uint8" and observation.high is None:
        high = 255
    if low < 0 or high >= one_hot:
        wanted = f"one_hot: {high + 1:.0f} or more" if low >= 0 and high < _NO_BOUND else "leave one_hot out"
        problem = f"one_hot is {one_hot}, and the plant's observations go from {low:g} to {high:g}"
        raise ValueError(f"{problem}. hint: {wanted}")

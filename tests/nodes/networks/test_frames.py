import pytest
import torch

from rtgraph.nodes.networks.fit import FrameShape, KernelWindow, remaining
from rtgraph.nodes.networks.frames import as_input

GREY = FrameShape(1, 2, 3)


def test_bytes_are_scaled_to_one():
    frames = torch.tensor([0, 51, 102, 153, 204, 255], dtype=torch.uint8).reshape(1, 2, 3)
    scaled = as_input(frames, GREY)
    assert scaled.dtype == torch.float32
    torch.testing.assert_close(scaled, torch.tensor([0, 0.2, 0.4, 0.6, 0.8, 1]).reshape(1, 1, 2, 3))


def test_other_types_are_taken_as_they_are():
    frames = torch.full((1, 2, 3), 7, dtype=torch.float64)
    assert torch.equal(as_input(frames, GREY), torch.full((1, 1, 2, 3), 7, dtype=torch.float32))


@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 1, 2, 3)])
def test_the_channel_axis_of_a_grey_frame_may_be_left_out(shape):
    assert as_input(torch.zeros(shape), GREY).shape == (5, 1, 2, 3)


@pytest.mark.parametrize("shape", [(2, 3), (5, 3, 2), (5, 2, 2, 3), (5, 1, 3, 2), (1, 5, 1, 2, 3)])
def test_frames_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected frames of shape \(batch, 1, 2, 3\)"):
        as_input(torch.zeros(shape), GREY)


def test_several_channels_are_never_left_out():
    with pytest.raises(ValueError, match=r"\(batch, 4, 2, 3\)"):
        as_input(torch.zeros(4, 2, 3), FrameShape(4, 2, 3))


def test_the_shape_of_a_frame():
    assert FrameShape.of((84, 80)) == FrameShape(channels=1, height=84, width=80)
    assert FrameShape.of((4, 84, 80)) == FrameShape(channels=4, height=84, width=80)


@pytest.mark.parametrize("shape", [(), (8,), (1, 2, 3, 4)])
def test_what_is_no_frame_is_refused(shape):
    with pytest.raises(ValueError, match="hint: use kind: mlp"):
        FrameShape.of(shape)


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [KernelWindow(3, 1)],
        [KernelWindow(3, 2), KernelWindow(3, 2)],
        [KernelWindow(8, 4), KernelWindow(4, 2)],
    ],
)
def test_the_smallest_frame_leaves_one_position(windows):
    smallest = next(side for side in range(1, 100) if fits(side, windows))
    assert remaining(FrameShape(1, smallest, smallest), windows) == (1, 1)


def fits(side, windows):
    try:
        remaining(FrameShape(1, side, side), windows)
    except ValueError:
        return False
    return True

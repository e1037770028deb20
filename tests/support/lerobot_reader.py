"""Reads a dataset by LeRobot's own reader. Needs LeRobot.

As a program: ``python lerobot_reader.py ROOT OUT.npz`` writes every column of the frames, and the length, to OUT. Where
torchvision is of another version than LeRobot wants, films are decoded by PyAV; LeRobot asks for their frames in any case.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
import torch
import torchvision
from lerobot.datasets import lerobot_dataset


def decoded(path, timestamps, tolerance_s, backend=None) -> torch.Tensor:
    """Return the frames nearest to some times, (number, 3, height, width), from 0 to 1."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        frames = {
            float(one.pts * stream.time_base): one.to_ndarray(format="rgb24") for one in film.decode(stream)
        }
    times = np.array(list(frames))
    nearest = [int(np.abs(times - at).argmin()) for at in timestamps]
    assert all(abs(times[index] - at) < tolerance_s for index, at in zip(nearest, timestamps, strict=True))
    pictures = np.stack([list(frames.values())[index] for index in nearest])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def main(root: Path, out: Path) -> None:
    if not hasattr(torchvision, "set_video_backend"):
        lerobot_dataset.decode_video_frames = decoded
    read = lerobot_dataset.LeRobotDataset("rtgraph/arm", root=root, video_backend="pyav")
    rows = [read[number] for number in range(read.num_frames)]
    columns = {name: np.array([np.asarray(row[name]) for row in rows]) for name in rows[0]}
    np.savez(out, **columns, num_episodes=read.num_episodes, fps=read.fps)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

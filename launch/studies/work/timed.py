"""Measures how long networks take on this machine: for a forward pass of one observation, and for an update from a batch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtgraph.launch.studies.study import Figures, ReportProgress
from rtgraph.msgs.spaces import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.networks.spec import ImpalaSpec

if TYPE_CHECKING:
    import torch

WARM_UPS = 3
TIMED = "processor time, or time on an accelerator"


@dataclass(frozen=True, slots=True)
class InferenceTime:
    """Measures τ_θ, the duration of a forward pass of an IMPALA network with one 84x84 frame, on one thread.

    The results are ``hardware`` (name of the device), ``parameters`` (number of parameters), ``mean_ms``, ``max_ms`` and
    ``sd_ms`` of the durations, and ``values_ms`` (all durations).
    """

    depth: int
    k: float
    actions: int
    passes: int
    device: str = "cpu"
    alone: bool = True

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values.

        The machine is not among the settings, although the measured times depend on it.
        """
        return {
            "depth": self.depth,
            "k": self.k,
            "actions": self.actions,
            "passes": self.passes,
            "device": self.device,
            "timed": TIMED,
        }

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Measure forward passes, and return the results."""
        import torch  # noqa: PLC0415 - a study without networks needs no torch

        from rtgraph.nodes.networks.build import build  # noqa: PLC0415

        with one_thread():
            device = _device(self.device)
            module = build(_spec(self.depth, self.k), _plant(self.actions), device=device)
            frames = torch.randint(0, 256, (1, 84, 84), dtype=torch.uint8)

            def infer() -> None:
                with torch.inference_mode():
                    int(module(frames.to(device)).argmax())  # the action is needed on the host

            times = timed(infer, self.passes, report, clock_of(device))
        return {
            "parameters": size_of(self.depth, self.k, self.actions),
            "hardware": _name(device),
            **durations(times),
        }


@dataclass(frozen=True, slots=True)
class UpdateTime:
    """Measures τ_L, the duration of a DQN update of an IMPALA network from a batch of frames, on one thread.

    The results are ``hardware`` (name of the device), ``parameters`` (number of parameters), ``mean_ms``, ``max_ms`` and
    ``sd_ms`` of the durations, and ``values_ms`` (all durations).
    """

    depth: int
    k: float
    actions: int
    batch: int
    updates: int
    device: str = "cpu"
    alone: bool = True

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values.

        The machine is not among the settings, although the measured times depend on it.
        """
        sizes = {"depth": self.depth, "k": self.k, "actions": self.actions, "batch": self.batch}
        return {**sizes, "updates": self.updates, "device": self.device, "timed": TIMED}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Measure updates, and return the results."""
        import torch  # noqa: PLC0415 - a study without networks needs no torch

        from rtgraph.nodes.algorithms.batch import TensorBatch  # noqa: PLC0415
        from rtgraph.nodes.algorithms.dqn.params import DqnParams  # noqa: PLC0415
        from rtgraph.nodes.learner.updates.update import Updater  # noqa: PLC0415

        with one_thread():
            device = _device(self.device)
            plant = _plant(self.actions)
            updater = Updater(_spec(self.depth, self.k), plant, DqnParams(device=str(device)), seed=0)
            frames = torch.randint(0, 256, (2, self.batch, 84, 84), dtype=torch.uint8)
            batch = TensorBatch(
                observations=frames[0],
                actions=torch.randint(0, self.actions, (self.batch,)),
                returns=torch.randn(self.batch),
                next_observations=frames[1],
                discounts=torch.full((self.batch,), 0.99),
                weights=torch.ones(self.batch),
            )
            times = timed(lambda: updater.step(batch), self.updates, report, clock_of(device))
        return {
            "parameters": size_of(self.depth, self.k, self.actions),
            "hardware": _name(device),
            **durations(times),
        }


def size_of(depth: int, k: float, actions: int) -> int:
    """Return the number of parameters of an IMPALA network with this depth, width factor ``k`` and number of actions."""
    from rtgraph.nodes.networks.build import build  # noqa: PLC0415 - a study without networks needs no torch

    module = build(_spec(depth, k), _plant(actions), device="meta")
    return sum(parameter.numel() for parameter in module.parameters())


def clock_of(device: torch.device) -> Callable[[], float]:
    """Return the clock, in seconds, that suits the device.

    For a CPU it is processor time, on which other programs have little effect. For an accelerator it is wall time.
    """
    return time.process_time if device.type == "cpu" else time.perf_counter


def timed(
    run: Callable[[], object], repeats: int, report: ReportProgress, clock: Callable[[], float]
) -> list[float]:
    """Call ``run`` repeatedly, and return the duration of each call in ms. A few warm-up calls at the start are left out."""
    times = []
    for number in range(-WARM_UPS, repeats):
        began = clock()
        run()
        if number >= 0:
            times.append((clock() - began) * 1e3)
        report((number + WARM_UPS + 1) / (repeats + WARM_UPS))
    return times


def durations(times_ms: list[float]) -> Figures:
    """Return statistics of durations, by name: mean, maximum, standard deviation and all values, in ms."""
    values = np.array(times_ms)
    return {
        "mean_ms": float(values.mean()),
        "max_ms": float(values.max()),
        "sd_ms": float(values.std()),
        "values_ms": times_ms,
    }


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Make torch use a single thread during this context."""
    import torch  # noqa: PLC0415 - a study without networks needs no torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _device(name: str) -> torch.device:
    """Return a torch device by name; ``auto`` is the accelerator if there is one, else the CPU.

    Raises:
        LearningError: the device does not exist.
    """
    import torch  # noqa: PLC0415 - a study without networks needs no torch

    from rtgraph.nodes.learner.updates.device import device_named  # noqa: PLC0415

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return device_named(name)


def _name(device: torch.device) -> str:
    import torch  # noqa: PLC0415 - a study without networks needs no torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _spec(depth: int, k: float) -> ImpalaSpec:
    return ImpalaSpec.model_validate({"depth": depth, "k": k})


def _plant(actions: int) -> PlantSpec:
    frame = ArraySpec(dtype="uint8", shape=(84, 84))
    return PlantSpec(rate_hz=60.0, observation=frame, action=Discrete(count=actions))

"""Small node classes with ports and params for tests of graphs; they are never run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from rtgraph.msgs import ArraySpec, Continuous, Discrete, Message, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless, queue


class Seen(Message):
    value: float = 0.0


class Chosen(Message):
    value: float = 0.0


class Note(Message):
    text: str = ""


class Assigned(Message):
    number: int = 0


class PlantParams(Params):
    game: str = "pong"
    rate_hz: float = Field(default=60.0, gt=0)


class Plant(Node[PlantParams]):
    """A plant with observations and decisions."""

    decision = Input(Chosen, queue(16), many=True, optional=True)
    observation = Output(Seen)

    @classmethod
    def spec(cls, params: PlantParams) -> PlantSpec:
        if params.game == "missing":
            raise NodeError("there is no game 'missing'", hint="games are pong and boxing")
        return PlantSpec(
            rate_hz=params.rate_hz,
            observation=ArraySpec(dtype="uint8", shape=(84, 84)),
            action=Discrete(count=6 if params.game == "pong" else 18),
        )


class RobotParams(Params):
    arm: str
    rate_hz: float = 50.0


class Robot(Node[RobotParams]):
    """A plant with the same ports and another spec."""

    decision = Input(Chosen, queue(16), many=True, optional=True)
    observation = Output(Seen)
    joints = Output(Note)

    @classmethod
    def spec(cls, params: RobotParams) -> PlantSpec:
        return PlantSpec(
            rate_hz=params.rate_hz,
            observation=ArraySpec(dtype="float32", shape=(64, 64)),
            action=Discrete(count=3),
        )


class Deaf(Node[Params]):
    """A plant that accepts no decisions."""

    observation = Output(Seen)


class Odd(Node[Params]):
    """A plant with notes as observations."""

    decision = Input(Chosen, many=True, optional=True)
    observation = Output(Note)


class WorkerParams(Params):
    plant: PlantSpec
    rate_hz: float = 60.0
    method: Literal["none", "maximum_time", "paced"] = "none"
    weights: str | None = None
    batch: int = Field(default=1, ge=1, le=64)

    @model_validator(mode="after")
    def _together(self) -> WorkerParams:
        if self.method == "paced" and self.batch != 1:
            raise ValueError("paced workers take one observation at a time")
        return self


class Worker(Node[WorkerParams]):
    """Decides on observations, and subscribes to a pacer if there is one."""

    observation = Input(Seen, latest)
    assignment = Input(Assigned, queue(4), optional=True, keyed=True)
    decision = Output(Chosen)


class Pacer(Node[Params]):
    """Assigns work to one worker at a time."""

    observation = Input(Seen)
    assignment = Output(Assigned, keyed=True)


class RecorderParams(Params):
    name: str = "session"
    options: dict[str, Any] = Field(default_factory=dict)


class Recorder(Node[RecorderParams]):
    """Subscribes to all observations and decisions."""

    observation = Input(Seen, lossless, many=True)
    decision = Input(Chosen, lossless, many=True, optional=True)


class Single(Node[Params]):
    """Accepts one publisher only."""

    decision = Input(Chosen)


class Listener(Node[Params]):
    """Subscribes to assignments without a key."""

    assignment = Input(Assigned, many=True)


class Twice(Node[Params]):
    """Publishes the same message class on two ports."""

    observation = Output(Seen)
    copy = Output(Seen)


class Unwritable(Params):
    limit: float = float("inf")


class Endless(Node[Unwritable]):
    """Has a parameter that JSON cannot hold."""


class Boundless(Plant):
    """A plant of which an action has no bound."""

    @classmethod
    def spec(cls, params):
        return PlantSpec(
            rate_hz=60.0,
            observation=ArraySpec(dtype="float32", shape=(1,)),
            action=Continuous(low=(float("-inf"),), high=(1.0,)),
        )


class NotANode:
    """Not a node."""


class FreeParams(Params):
    options: dict[str, Any] = Field(default_factory=dict)


class Free(Node[FreeParams]):
    """Has no ports and accepts any params."""


class Echo(Node[Params]):
    """Publishes on one port what it may receive on another."""

    said = Output(Note)
    heard = Input(Note, queue(2))


class Slow(Plant):
    """A plant without required params."""

"""Messages between nodes, their codec, and the exceptions of the whole package."""

from __future__ import annotations

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Header, Lineage, Message, Record
from rtgraph.msgs.lazy import on_use
from rtgraph.msgs.wire.codec import Decoder, Encoder, decode, encode
from rtgraph.msgs.wire.schemas import message_types, schema, schema_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.msgs.inference import (
        Claim,
        CoordinatorBeat,
        Decision,
        Features,
        InferenceTime,
        StaggerDelay,
        WorkerState,
    )
    from rtgraph.msgs.learning import (
        BatchRequest,
        Gradient,
        GradientAnswer,
        Learned,
        LearnerState,
        LearningProgress,
        Priorities,
        ReplayState,
        SampledBatch,
        WeightsChunk,
        WeightsRequest,
        WeightsVersion,
    )
    from rtgraph.msgs.plant import (
        Action,
        Applied,
        CameraImage,
        Ending,
        EndReason,
        EpisodeEnd,
        EStop,
        Observation,
        RobotState,
        Screen,
    )
    from rtgraph.msgs.session import Journal, KeepRecording, PlayControl, PlayProgress
    from rtgraph.msgs.spaces import (
        ActionSpec,
        ArraySpec,
        Continuous,
        Discrete,
        MultiDiscrete,
        PartsSpec,
        PlantSpec,
    )
    from rtgraph.msgs.system import Progress

__all__ = [
    "Action",
    "ActionSpec",
    "Applied",
    "ArraySpec",
    "BatchRequest",
    "CameraImage",
    "Claim",
    "Continuous",
    "CoordinatorBeat",
    "Decision",
    "Decoder",
    "Discrete",
    "EStop",
    "Encoder",
    "EndReason",
    "Ending",
    "EpisodeEnd",
    "Features",
    "Gradient",
    "GradientAnswer",
    "Header",
    "InferenceTime",
    "Journal",
    "KeepRecording",
    "Learned",
    "LearnerState",
    "LearningProgress",
    "Lineage",
    "Message",
    "MultiDiscrete",
    "Observation",
    "PartsSpec",
    "PlantSpec",
    "PlayControl",
    "PlayProgress",
    "Priorities",
    "Progress",
    "Record",
    "ReplayState",
    "RobotState",
    "SampledBatch",
    "Screen",
    "StaggerDelay",
    "WeightsChunk",
    "WeightsRequest",
    "WeightsVersion",
    "WorkerState",
    "array",
    "decode",
    "encode",
    "message_types",
    "schema",
    "schema_hash",
]

__getattr__ = on_use(
    __name__,
    {
        "inference": "Claim CoordinatorBeat Decision Features InferenceTime StaggerDelay WorkerState",
        "learning": (
            "BatchRequest Gradient GradientAnswer Learned LearnerState LearningProgress Priorities "
            "ReplayState SampledBatch WeightsChunk WeightsRequest WeightsVersion"
        ),
        "plant": "Action Applied CameraImage EStop Ending EndReason EpisodeEnd Observation RobotState Screen",
        "session": "Journal KeepRecording PlayControl PlayProgress",
        "spaces": "ActionSpec ArraySpec Continuous Discrete MultiDiscrete PartsSpec PlantSpec",
        "system": "Progress",
    },
)

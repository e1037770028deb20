"""What travels between nodes: messages, their codec, and the errors of the whole package."""

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Header, Lineage, Message, Record, message_types, schema, schema_hash
from rtgraph.msgs.inference import Claim, CoordinatorBeat, Decision, InferenceTime, StaggerDelay, WorkerState
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
from rtgraph.msgs.plant import Action, Applied, Ending, EndReason, EpisodeEnd, Observation, Screen
from rtgraph.msgs.spaces import ActionSpec, ArraySpec, Continuous, Discrete, MultiDiscrete, PlantSpec
from rtgraph.msgs.system import Progress
from rtgraph.msgs.wire.codec import Decoder, Encoder, decode, encode

__all__ = [
    "Action",
    "ActionSpec",
    "Applied",
    "ArraySpec",
    "BatchRequest",
    "Claim",
    "Continuous",
    "CoordinatorBeat",
    "Decision",
    "Decoder",
    "Discrete",
    "Encoder",
    "EndReason",
    "Ending",
    "EpisodeEnd",
    "Gradient",
    "GradientAnswer",
    "Header",
    "InferenceTime",
    "Learned",
    "LearnerState",
    "LearningProgress",
    "Lineage",
    "Message",
    "MultiDiscrete",
    "Observation",
    "PlantSpec",
    "Priorities",
    "Progress",
    "Record",
    "ReplayState",
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

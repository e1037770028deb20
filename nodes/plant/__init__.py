"""What all plants (environments that step at a fixed rate) share: the tick loop, the gate, default behaviours."""

from rtgraph.nodes.plant.default import DefaultBehaviour
from rtgraph.nodes.plant.environment import Capturing, Environment, Saveable, Step
from rtgraph.nodes.plant.gate import Choice, Gate, LatestParams, PlayoutParams
from rtgraph.nodes.plant.params import PlantParams
from rtgraph.nodes.plant.plant import Plant

__all__ = [
    "Capturing",
    "Choice",
    "DefaultBehaviour",
    "Environment",
    "Gate",
    "LatestParams",
    "Plant",
    "PlantParams",
    "PlayoutParams",
    "Saveable",
    "Step",
]

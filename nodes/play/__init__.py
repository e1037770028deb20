"""Playing: a person, or a script of inputs, acts on a plant."""

from rtgraph.nodes.play.human import Human, HumanParams
from rtgraph.nodes.play.script import read_script

__all__ = ["Human", "HumanParams", "read_script"]

"""A camera before a real screen, and buttons: a game that is filmed and played."""

from rtgraph.nodes.robot.screen.buttons import SerialButtons
from rtgraph.nodes.robot.screen.file import ScreenFile
from rtgraph.nodes.robot.screen.plant import FilmedGame, FilmedGameParams
from rtgraph.nodes.robot.screen.uinput import UinputButtons

__all__ = ["FilmedGame", "FilmedGameParams", "ScreenFile", "SerialButtons", "UinputButtons"]

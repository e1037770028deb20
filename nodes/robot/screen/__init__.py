"""Filmed games: a camera films a real screen, and a driver presses the console's buttons."""

from rtgraph.nodes.robot.screen.buttons import SerialButtons
from rtgraph.nodes.robot.screen.file import ScreenFile
from rtgraph.nodes.robot.screen.plant import FilmedGame, FilmedGameParams
from rtgraph.nodes.robot.screen.uinput import UinputButtons

__all__ = ["FilmedGame", "FilmedGameParams", "ScreenFile", "SerialButtons", "UinputButtons"]

"""Pictures of Breakout with a known score, filmed askew and noisy, and the file that reads them."""

import cv2
import numpy as np
from support.console import CORNERS, SIZE, Camera, new_game

from rtgraph.nodes.robot.screen.digits import Number, learn_colours, learn_digits
from rtgraph.nodes.robot.screen.file import Counter, ScreenFile
from rtgraph.nodes.robot.screen.rectify import Rectifier

SCORE, LIVES = (34, 4, 48, 12), (98, 4, 16, 12)
SCORE_RAM = (76, 77)
"""Where Breakout keeps its score: hundreds, and the rest, as decimal digits."""


class Filmed:
    """Breakout as a camera sees it."""

    def __init__(self, noise: float = 6.0) -> None:
        self._game, self._camera = new_game("breakout"), Camera(noise)
        self.rectify = Rectifier(CORNERS, (160, 210))

    def drawn(self, score: int) -> np.ndarray:
        """Return what the game draws with a score."""
        text = f"{score:03d}"
        self._game.setRAM(SCORE_RAM[0], int(text[0], 16))
        self._game.setRAM(SCORE_RAM[1], int(text[1:], 16))
        for _ in range(2):  # it draws a frame late
            self._game.act(0)
        return self._game.getScreenRGB()

    def camera(self, score: int) -> np.ndarray:
        jpeg = np.frombuffer(self._camera.jpeg(self.drawn(score)), np.uint8)
        return cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    def rectified(self, score: int) -> np.ndarray:
        return self.rectify(self.camera(score))


def learned(filmed: Filmed, scores=(123, 456, 789, 100)) -> ScreenFile:
    """Return a file with templates that were learned from a few scores."""
    pictures = [filmed.rectified(score) for score in scores]
    ink, background = learn_colours(pictures, SCORE)
    number = Number(SCORE, 3, tuple(ink), tuple(background))
    return ScreenFile(
        corners=CORNERS,
        camera_size=SIZE,
        counters={"score": Counter(region=SCORE, digits=3, ink=tuple(ink), background=tuple(background))},
        digits=learn_digits(
            (picture, number, score) for picture, score in zip(pictures, scores, strict=True)
        ),
    )

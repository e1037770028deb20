"""Export a recording to an animated GIF, which shows the observations and the applied actions."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageChops
from PIL.GifImagePlugin import getdata, getheader

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.pictures.film import Film
from rtgraph.msgs.bag.export.pictures.overlay import Overlay, action_names
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection

SHORTEST_CS = 2
"""Shortest duration of a frame, in hundredths of a second. Browsers show a shorter frame for 0.1 s."""

COLOURS = 256
TRAILER = b";"


def export_gif(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to GIF, one frame per image. More than 50 images per second play slower, and the report says so.

    If several selected topics have images, the topic ``screen`` is exported or, without such a topic, ``observation``.

    Raises:
        BagError: the selected part is empty or has no images, or several topics with images remain after the choice above; or
            ``out`` exists or cannot be written.
    """
    film = Film(bag, selection)
    if film.rate > 100 // SHORTEST_CS:
        film.ledger.remark(
            f"plays at {100 // SHORTEST_CS} instead of {float(film.rate):g} frames a second: GIF is not faster"
        )
    count = 0
    with whole(out) as work, (work / out.name).open("xb") as file:
        writer = _Writer(file, film.rate)
        overlay = None
        for frame in film.frames():
            overlay = overlay or Overlay(frame.pixels, action_names(bag.plan_yaml))
            writer.write(overlay.draw(frame))
            count += 1
        file.write(TRAILER)
    return film.ledger.report("gif", (out,), count)


class _Writer:
    """Writes frames one by one. Each frame is cropped to the region that differs from the previous frame.

    Pillow's own writer is not used because it keeps all frames in memory.
    """

    def __init__(self, file: BinaryIO, rate: Fraction) -> None:
        self._file, self._period_cs = file, 100 / rate
        self._before: Image.Image | None = None
        self._count = 0

    def write(self, frame: Image.Image) -> None:
        """Write one RGB frame."""
        box = (0, 0, *frame.size)
        if self._before is not None:
            # A frame needs at least one pixel: the corner, if nothing changed.
            box = ImageChops.difference(frame, self._before).getbbox() or (0, 0, 1, 1)
        drawn = frame.crop(box).quantize(COLOURS, dither=Image.Dither.NONE)
        if self._before is None:
            header, _ = getheader(drawn, info={"loop": 0})
            self._file.writelines(header)
        delay_cs = round((self._count + 1) * self._period_cs) - round(self._count * self._period_cs)
        self._file.writelines(
            getdata(
                drawn,
                offset=box[:2],
                duration=max(SHORTEST_CS, delay_cs) * 10,
                include_color_table=True,
                disposal=1,
            )
        )
        self._before, self._count = frame, self._count + 1

"""Export a recording to an MP4 film of observations and applied actions. The format is H.264, yuv420p, which plays anywhere."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.pictures.film import Film
from rtgraph.msgs.bag.export.pictures.overlay import Overlay, action_names
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection

QUALITY = {"crf": "18", "preset": "veryfast"}


def export_mp4(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to MP4: one frame per image, at the rate of the images' stamps.

    If several selected topics have images, the topic ``screen`` is exported. If no topic ``screen`` has images, the topic
    ``observation`` is exported. Only the part of a topic's name after the last slash counts.

    Raises:
        BagError: the selected part is empty or has no images, several topics have images and their names do not select exactly
            one of them, or ``out`` exists or cannot be written.
    """
    film = Film(bag, selection)
    count = 0
    with whole(out) as work:
        options = {"movflags": "+faststart"}
        with av.open(str(work / out.name), "w", format="mp4", options=options) as container:
            overlay = None
            for frame in film.frames():
                if overlay is None:
                    overlay = Overlay(frame.pixels, action_names(bag.plan_yaml))
                    stream = container.add_stream("libx264", rate=film.rate, options=QUALITY)
                    stream.width, stream.height = overlay.size
                    stream.pix_fmt = "yuv420p"
                container.mux(
                    stream.encode(av.VideoFrame.from_ndarray(np.asarray(overlay.draw(frame)), "rgb24"))
                )
                count += 1
            container.mux(stream.encode(None))
    return film.ledger.report("mp4", (out,), count)

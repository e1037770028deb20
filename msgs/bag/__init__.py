"""Recordings in MCAP files: reading, writing, splitting and recovering them. Imports nothing of ``rtgraph.nodes``."""

from rtgraph.msgs.bag.bag import Attachment, Bag, Channel, Recorded
from rtgraph.msgs.bag.writing.writer import BagWriter

__all__ = ["Attachment", "Bag", "BagWriter", "Channel", "Recorded"]

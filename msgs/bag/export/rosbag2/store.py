"""Make and serialize ROS 2 messages with rosbags, without ROS."""

from __future__ import annotations

from typing import Any

from rosbags.typesys import Stores, get_typestore

from rtgraph.msgs.bag.export.ros import RosMessage

STORE = get_typestore(Stores.ROS2_JAZZY)


def made(name: str, /, **values: Any) -> object:
    """Return a ROS message of the type ``name`` with these field values."""
    return STORE.types[name](**values)


def serialized(message: RosMessage) -> bytes:
    """Return a ROS message as CDR."""
    return bytes(STORE.serialize_cdr(message.message, message.type))

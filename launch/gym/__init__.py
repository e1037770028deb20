"""Gymnasium environments made from launch files, for agents of other libraries.

Importing this package registers them, as Gymnasium expects: ``gymnasium.make("rtgraph.launch.gym:rtgraph/Realtime-v0", launch="catch")``.
"""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

ID = "rtgraph/Realtime-v0"

if ID not in registry:
    register(ID, entry_point="rtgraph.launch.gym.environment:RealtimeEnv")

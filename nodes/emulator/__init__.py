"""Emulated plants: Atari and Game Boy games, Gymnasium environments, and small environments with a known best reward per step."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.nodes.emulator.atari_environment import Atari
    from rtgraph.nodes.emulator.catch_environment import Catch
    from rtgraph.nodes.emulator.emulator import Emulator
    from rtgraph.nodes.emulator.endless_environment import Endless
    from rtgraph.nodes.emulator.gameboy_environment import GameBoy
    from rtgraph.nodes.emulator.gymnasium_environment import Gymnasium
    from rtgraph.nodes.emulator.proof_environments import Delay, Inaction
    from rtgraph.nodes.emulator.tracking.environment import Tracking

__all__ = ["Atari", "Catch", "Delay", "Emulator", "Endless", "GameBoy", "Gymnasium", "Inaction", "Tracking"]

__getattr__ = on_use(
    __name__,
    {
        "atari_environment": "Atari",
        "catch_environment": "Catch",
        "emulator": "Emulator",
        "endless_environment": "Endless",
        "gameboy_environment": "GameBoy",
        "gymnasium_environment": "Gymnasium",
        "proof_environments": "Delay Inaction",
        "tracking.environment": "Tracking",
    },
)

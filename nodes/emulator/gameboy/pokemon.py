"""Pokémon Blue, Red and Yellow: their variables, and the rewards and ends of battles and catches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtgraph.msgs import EndReason
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables, count_fallen

_MOST: Final = 6
_CREATURE_BYTES: Final = 44


def pokemon_variables(shift: int = 0) -> dict[str, Variable]:
    """Return the variables of Blue and Red, each address increased by ``shift`` bytes. Yellow needs a shift of -1."""

    def at(address: int, size: int = 1, **how: str) -> Variable:
        return Variable(address + shift, size, **how)  # type: ignore[arg-type]

    return {
        **{f"my_hp{n + 1}": at(0xD16C + _CREATURE_BYTES * n, 2, order="big") for n in range(_MOST)},
        **{f"opp_hp{n + 1}": at(0xD8A5 + _CREATURE_BYTES * n, 2, order="big") for n in range(_MOST)},
        "my_size": at(0xD163),
        "opp_size": at(0xD89C),
        "in_battle": at(0xD057, kind="signed"),
        # One bit a species, in all 19 bytes.
        "owned": at(0xD2F7, 19, kind="bits"),
        "box_size": at(0xDA80),
    }


POKEMON_VARIABLES: Final[Mapping[str, Variable]] = pokemon_variables()
YELLOW_VARIABLES: Final[Mapping[str, Variable]] = pokemon_variables(-1)


class PokemonBattleRules:
    """A battle earns 1 for each opponent that faints, and -1 for each creature in the player's party that faints.

    The battle is won when the last opponent faints. It is lost when the player's last creature faints, or when the battle ends in
    another way.
    """

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        if not (previous["in_battle"] or now["in_battle"]):
            return 0.0
        fallen = count_fallen("opp_hp", _party("opp", now), previous, now)
        return float(fallen - count_fallen("my_hp", _party("my", now), previous, now))

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        if now["in_battle"] < 0:
            return "lost"
        if not previous["in_battle"]:
            return None  # the parties are still being set up
        for side, reason in _LAST_FALLS:
            party = _party(side, now)
            if count_fallen(f"{side}_hp", party, previous, now) and not any(
                now[f"{side}_hp{place}"] for place in party
            ):
                return reason
        return "lost" if not now["in_battle"] else None


class PokemonCatchingRules:
    """An encounter earns 1 once its creature is caught, and -1 if the encounter ends without a catch.

    After a catch, the game first adds a new species to the Pokédex (the list of caught species). Then it adds the creature to
    the party or, if the party is full, to the box (the store of further creatures).
    """

    def reward(self, start: Variables, previous: Variables, now: Variables) -> float:
        if _caught(start, now):
            return 0.0 if _caught(start, previous) else 1.0
        return -1.0 if _left(previous, now) else 0.0

    def ended(self, start: Variables, previous: Variables, now: Variables) -> EndReason | None:
        if not _left(previous, now):
            return None
        return "won" if _caught(start, now) else "lost"


_LAST_FALLS: Final[tuple[tuple[str, EndReason], ...]] = (("my", "lost"), ("opp", "won"))
"""Pairs (side, reason). If the last creature of this side falls, the battle ends for this reason. The first pair that fits
applies, so the player loses if both sides fall at once."""


def _party(side: str, now: Variables) -> range:
    """Return the positions of a side's creatures in the party. Positions after them hold data of an earlier party."""
    return range(1, min(now[f"{side}_size"], _MOST) + 1)


def _caught(start: Variables, now: Variables) -> bool:
    return any(now[name] > start[name] for name in ("my_size", "box_size", "owned"))


def _left(previous: Variables, now: Variables) -> bool:
    """Return whether the battle ended between the frames ``previous`` and ``now``."""
    return bool(previous["in_battle"] and not now["in_battle"]) or now["in_battle"] < 0

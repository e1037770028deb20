"""numpy's bit generators as plain values: the class, the state, and the seed sequence for spawning."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtgraph.msgs.errors import CheckpointError

_KINDS = {
    kind.__name__: kind
    for kind in (
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.SFC64,
        np.random.Philox,
        np.random.MT19937,
    )
}
_LARGEST_POOL = 1024


def packed_bits(bits: np.random.BitGenerator) -> list[Any]:
    """Return a bit generator as text, integers, bytes, and lists and dicts of these.

    Raises:
        CheckpointError: it is not one of numpy's own.
    """
    name = type(bits).__name__
    if _KINDS.get(name) is not type(bits):
        raise CheckpointError(f"a {type(bits).__qualname__}, which is no bit generator of numpy")
    seeds = bits.seed_seq
    spawn: list[Any] | None = None
    if type(seeds) is np.random.SeedSequence:
        entropy = seeds.entropy
        numbers = None if entropy is None else [int(n) for n in np.atleast_1d(np.array(entropy, object))]
        single = isinstance(entropy, int | np.integer)
        spawn = [
            numbers,
            single,
            [int(key) for key in seeds.spawn_key],
            seeds.pool_size,
            seeds.n_children_spawned,
        ]
    return [name, spawn, _packed(dict(bits.state))]


def unpacked_bits(packed: Any) -> np.random.BitGenerator:
    """Return the packed bit generator. Raises ``CheckpointError`` if the value is not one."""
    try:
        name, spawn, state = packed
        seeds: Any = 0
        if spawn is not None:
            numbers, single, key, pool_size, spawned = spawn
            seeds = np.random.SeedSequence(
                numbers[0] if single else numbers,
                spawn_key=tuple(key),
                pool_size=min(pool_size, _LARGEST_POOL),
                n_children_spawned=spawned,
            )
        bits: np.random.BitGenerator = _KINDS[name](seeds)
        bits.state = _unpacked(state)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(f"the state of a generator is none: {error}") from error
    return bits


def _packed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _packed(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.tobytes()]
    return value if isinstance(value, str) else int(value)


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unpacked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        dtype, data = value
        return np.frombuffer(data, np.dtype(dtype)).copy()
    return value

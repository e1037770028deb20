"""Which objects of a world can be saved and restored, and the names of their classes.

Between two events the state of the virtual world is plain data: numbers, text, the containers list, tuple, dict,
set and deque, arrays, tensors, random generators, enumerations, paths, loggers, messages, methods, functions of
modules, and instances of Python classes with such attributes. An object that holds anything else (an emulator,
a torch module, a file, a ``functools.partial``) defines its state itself::

    class Policy:
        def world_state(self) -> object:
            return {"weights": self._weights, "rng": self._rng}

        def load_world_state(self, state: Any) -> None:
            self._weights, self._rng = state["weights"], state["rng"]
            self._module = shared_module(self._weights)
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from types import FunctionType
from typing import Any, Protocol, runtime_checkable

from rtgraph.msgs.errors import CheckpointError

_OWN = ("rtgraph.msgs", "rtgraph.nodes")
"""Packages with modules that a checkpoint may import. All other modules must already be imported."""
_HEAP_TYPE = 1 << 9
"""The flag that CPython sets on classes written in Python."""
INSTEAD = "define world_state() and load_world_state(state) on its class, or on the object that holds it"
"""Hint of errors about objects that cannot be saved."""
_BUILTINS: dict[str, type] = {
    f"{kind.__module__}:{kind.__qualname__}": kind
    for kind in (
        *(bool, int, float, str, bytes, list, tuple, dict, set, frozenset),
        *(deque, Counter, OrderedDict),
    )
}


@runtime_checkable
class WorldState(Protocol):
    """An object that defines its saved state.

    The methods are not named ``state`` and ``load_state``: nodes have ports and attributes named ``state``.
    """

    def world_state(self) -> object:
        """Return the object's complete state as saveable values. Called between two events.

        The state may refer to other objects of the world: each is saved once, and all references to it are
        restored. The call must not change anything.
        """
        ...

    def load_world_state(self, state: Any) -> None:
        """Restore the object from the state. Called on an instance made without ``__init__``.

        Everything in the state is complete by then, except objects that refer back to this one.

        Raises:
            CheckpointError: the state is not of such an object.
        """
        ...


class Names:
    """The classes and functions that a checkpoint may name.

    Args:
        packages: packages with classes and functions that may be named, besides rtgraph's: those of the
            plan's nodes, of their parameters and of their messages.
    """

    def __init__(self, packages: Iterable[str] = ()) -> None:
        self._packages = {"rtgraph", *packages}

    def of(self, thing: type | FunctionType) -> str:
        """Return the name of a class or function.

        Raises:
            CheckpointError: it cannot be found again by a name.
        """
        name = f"{thing.__module__}:{thing.__qualname__}"
        if _BUILTINS.get(name) is thing:
            return name
        if not self._admits(thing.__module__):
            raise CheckpointError(f"a {name} cannot be saved", hint=INSTEAD)
        if _looked_up(sys.modules.get(thing.__module__), thing.__qualname__) is not thing:
            raise CheckpointError(
                f"{name} cannot be found by its name",
                hint="use a method in place of a lambda or an inner function",
            )
        return name

    def at(self, name: str) -> type | FunctionType:
        """Return the class or function of a name. Raises ``CheckpointError`` if none of that name is admitted."""
        if name in _BUILTINS:
            return _BUILTINS[name]
        module_name, _, qualname = name.partition(":")
        module = sys.modules.get(module_name)
        if self._admits(module_name):
            if module is None and module_name.startswith(tuple(f"{own}." for own in _OWN)):
                try:
                    module = importlib.import_module(module_name)
                except ImportError as error:
                    raise CheckpointError(f"there is no module {module_name!r}") from error
            found = _looked_up(module, qualname)
            if found is not None:
                return found
        raise CheckpointError(
            f"the checkpoint needs {name!r}, which no module of this launch's nodes defines or imports",
            hint="import it in one of them, or use the code that wrote the checkpoint",
        )

    def type_at(self, name: str) -> type:
        """Return the class of a name. Raises ``CheckpointError`` if no class of that name is admitted."""
        found = self.at(name)
        if not isinstance(found, type) or issubclass(found, type):
            raise CheckpointError(f"{name!r} is not a class with instances")
        return found

    def _admits(self, module: str) -> bool:
        return module.partition(".")[0] in self._packages


def refuse_foreign(kind: type) -> None:
    """Check that instances of a class consist only of attributes.

    Raises:
        CheckpointError: part of the class is written in another language.
    """
    if any(base is not object and not base.__flags__ & _HEAP_TYPE for base in kind.__mro__):
        raise CheckpointError(
            f"a {kind.__module__}:{kind.__qualname__} has state outside its attributes", hint=INSTEAD
        )


def _looked_up(module: object, qualname: str) -> type | FunctionType | None:
    """Return the class or function if the module defines it under this name, else None."""
    found: Any = module
    for part in qualname.split("."):
        if found is None or not isinstance(found, type | type(sys)):
            return None
        found = vars(found).get(part)
    if isinstance(found, type | FunctionType) and found.__qualname__ == qualname:
        return found if found.__module__ == getattr(module, "__name__", None) else None
    return None

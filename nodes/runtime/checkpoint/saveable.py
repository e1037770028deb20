"""Which objects of a virtual world a checkpoint can save and restore, and how it names their classes.

A checkpoint is written between two events. It can save numbers, text, the containers list, tuple, dict, set and deque,
arrays, tensors, random generators, enumerations, paths, loggers, messages, methods, functions of modules, and instances of
Python classes with such attributes. Any other object (an emulator, a torch module, a file, a ``functools.partial``) needs
a class that defines what is saved. Either the class of this object defines it, or the class of the object that holds this
object::

    class Policy:
        def world_state(self) -> object:
            return {"weights": self._weights, "rng": self._rng}

        def load_world_state(self, state: Any) -> None:
            self._weights, self._rng = state["weights"], state["rng"]
            self._module = shared_module(self._weights)
"""

from __future__ import annotations

import functools
import importlib
import struct
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType
from typing import Any, Protocol, runtime_checkable

from rtgraph.msgs.errors import CheckpointError

_OWN = ("rtgraph.msgs", "rtgraph.nodes")
"""Reading a checkpoint may import modules of these packages. Modules of all other packages must already be imported."""
_POINTER_BYTES = struct.calcsize("P")
INSTEAD = "define world_state() and load_world_state(state) on its class, or on the object that holds it"
"""The hint of errors about objects that cannot be saved."""
_BUILTINS: dict[str, type] = {
    f"{kind.__module__}:{kind.__qualname__}": kind
    for kind in (
        *(bool, int, float, str, bytes, list, tuple, dict, set, frozenset),
        *(deque, Counter, OrderedDict),
    )
}


@runtime_checkable
class WorldState(Protocol):
    """An object that defines how its state is saved in checkpoints of the virtual world.

    The methods are not named ``state`` and ``load_state``, because some nodes have a port or an attribute named ``state``.
    """

    def world_state(self) -> object:
        """Return the object's complete state as values that a checkpoint can save. Called between two events.

        The state may refer to other objects of the world. Each of them is saved once, and restored with all references
        to it. The call must not change anything.
        """
        ...

    def load_world_state(self, state: Any) -> None:
        """Restore the object from ``state``, which ``world_state`` returned.

        Objects that the new world has created, such as nodes, were made with ``__init__``. All other objects were made without
        ``__init__``. When this is called, the objects to which ``state`` refers are already restored, with two exceptions:
        objects that the new world has created, and objects that refer back to this object.

        Raises:
            CheckpointError: the state does not fit the object.
        """
        ...


class Names:
    """The classes and functions that a checkpoint may name.

    Args:
        packages: packages, besides rtgraph, with classes and functions that may be named: the packages of the
            plan's nodes, of their parameters and of their messages.
    """

    def __init__(self, packages: Iterable[str] = ()) -> None:
        self._packages = {"rtgraph", *packages}

    def of(self, thing: type | FunctionType) -> str:
        """Return the name, ``module:qualname``, by which a checkpoint refers to a class or function.

        Raises:
            CheckpointError: the name does not give the same class or function again, or its package is not in ``packages``.
        """
        name = f"{thing.__module__}:{thing.__qualname__}"
        if _BUILTINS.get(name) is thing:
            return name
        if not self._admits(thing.__module__):
            raise CheckpointError(
                f"a {name} cannot be saved: it is neither plain data nor from a package of this launch's nodes",
                hint=INSTEAD,
            )
        if _looked_up(sys.modules.get(thing.__module__), thing.__qualname__) is not thing:
            raise CheckpointError(
                f"{name} cannot be saved, because its module does not define it under this name",
                hint="use a method in place of a lambda or an inner function, and a class at the top of its module",
            )
        return name

    def at(self, name: str) -> type | FunctionType:
        """Return the class or function with a name that ``of`` returned earlier.

        Raises:
            CheckpointError: no such class or function exists, or its package is not in ``packages``.
        """
        if name in _BUILTINS:
            return _BUILTINS[name]
        module_name, _, qualname = name.partition(":")
        module = sys.modules.get(module_name)
        if self._admits(module_name):
            if module is None and module_name.startswith(tuple(f"{own}." for own in _OWN)):
                try:
                    module = importlib.import_module(module_name)
                except ImportError as error:
                    raise CheckpointError(
                        f"the checkpoint needs the module {module_name!r}, which cannot be imported: {error}",
                        hint="use the version of rtgraph that wrote the checkpoint",
                    ) from error
            found = _looked_up(module, qualname)
            if found is not None:
                return found
        raise CheckpointError(
            f"the checkpoint needs {name!r}, which no module of this launch's nodes defines or imports",
            hint="import it in one of these modules, or use the code that wrote the checkpoint",
        )

    def type_at(self, name: str) -> type:
        """Return the class with a name that ``of`` returned earlier.

        Raises:
            CheckpointError: no such class exists, its package is not in ``packages``, or the name belongs to a function or a
                metaclass.
        """
        found = self.at(name)
        if not isinstance(found, type) or issubclass(found, type):
            kind = "metaclass" if isinstance(found, type) else "function"
            raise CheckpointError(
                f"the checkpoint has an object of the class {name!r}, but this is now a {kind}"
            )
        return found

    def _admits(self, module: str) -> bool:
        return module.partition(".")[0] in self._packages


def refuse_foreign(kind: type) -> None:
    """Check that the instances of a class have all their state in attributes, which a checkpoint can save.

    Raises:
        CheckpointError: the class, or a base of it, is written in another language than Python, such as C.
    """
    if _is_foreign(kind):
        raise CheckpointError(
            f"a {kind.__module__}:{kind.__qualname__} cannot be saved: its class, or a base of it, is not written in Python, "
            "so it may have state outside its attributes",
            hint=INSTEAD,
        )


@functools.cache
def _is_foreign(kind: type) -> bool:
    """Return whether a class has a ``__new__`` written in C, or instances with more memory than their attributes need.

    The attributes need a pointer for each slot, for the dict and for the list of weak references. Pickle compares the same sizes
    (``object_getstate_default`` in CPython's ``Objects/typeobject.c``). CPython's flag ``HEAPTYPE`` does not help: classes written
    in C may have it too.
    """
    slots = 0
    for base in kind.__mro__[:-1]:
        new = vars(base).get("__new__")
        if isinstance(new, BuiltinFunctionType) and new is not object.__new__:
            return True
        declared = vars(base).get("__slots__", ())
        names = (declared,) if isinstance(declared, str) else declared
        slots += sum(name not in ("__dict__", "__weakref__") for name in names)
    pointers = slots + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    return kind.__basicsize__ > object.__basicsize__ + pointers * _POINTER_BYTES


def _looked_up(module: object, qualname: str) -> type | FunctionType | None:
    """Return the class or function with this name in a module; None if the module lacks it, or is None."""
    found: Any = module
    for part in qualname.split("."):
        if found is None or not isinstance(found, type | type(sys)):
            return None
        found = vars(found).get(part)
    if isinstance(found, type | FunctionType) and found.__qualname__ == qualname:
        return found if found.__module__ == getattr(module, "__name__", None) else None
    return None

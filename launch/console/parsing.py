"""The command-line parser: options may stand anywhere between positional arguments."""

from __future__ import annotations

import argparse
from typing import Any


class Parser(argparse.ArgumentParser):
    """Accepts ``FILE --duration 2 workers=6`` as well as ``FILE workers=6 --duration 2``, also in subparsers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"formatter_class": argparse.RawDescriptionHelpFormatter} | kwargs))
        self._intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and return the namespace and the unknown arguments."""
        if self._intermixed or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        # The method called here calls this one again, once for the options and once for the rest.
        self._intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixed = False

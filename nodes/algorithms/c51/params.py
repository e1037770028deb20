"""The parameters of C51."""

from __future__ import annotations

from typing import ClassVar, Literal

from rtgraph.nodes.algorithms.params import ValueParams


class C51Params(ValueParams):
    """The parameters of C51 (Bellemare et al., 2017). The loss is the cross-entropy of two distributions of returns.

    The distributions have the support (possible returns) of the network's head.
    """

    algorithm: ClassVar[str] = "rtgraph.nodes.algorithms.c51.algorithm:C51"
    distributional: ClassVar[bool] = True

    kind: Literal["c51"] = "c51"
    double: bool = False
    """Double learning: the online network chooses the next action, and the target network computes its value (van Hasselt et al., 2016)."""

"""Networks: what a launch file says about one (light), and the torch modules that do it (submodules).

Importing this package does not import torch. The rest is imported where it is used, from
``rtgraph.nodes.networks.build`` and ``rtgraph.nodes.networks.parameters``.
"""

from rtgraph.nodes.networks.spec import (
    HeadSpec,
    ImpalaSpec,
    MlpSpec,
    NatureSpec,
    NetworkSpec,
    SupportSpec,
)

__all__ = ["HeadSpec", "ImpalaSpec", "MlpSpec", "NatureSpec", "NetworkSpec", "SupportSpec"]

"""Networks: their specifications in launch files (light), and their torch modules (submodules).

Importing this package does not import torch. Import the modules that need torch directly:
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

"""Networks: what a launch file says about one (light), and the torch modules that do it (submodules).

Importing this package does not import torch. The rest is imported where it is used, from
``rtgraph.nodes.networks.build`` and ``rtgraph.nodes.networks.parameters``.
"""

from rtgraph.nodes.networks.spec import ImpalaSpec, MlpSpec, NatureSpec, NetworkSpec

__all__ = ["ImpalaSpec", "MlpSpec", "NatureSpec", "NetworkSpec"]

"""Networks: their specifications in launch files, and their torch modules (in submodules).

Importing this package does not import torch, and neither do the submodules ``spec``, ``fit`` and ``checkpoints``. Most
other submodules need torch. A network has a *trunk*, which computes features from an observation, and a *head*, the last layers.
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

"""Figure 10 of Riemer et al. (ICLR 2025): how the return of Atari games depends on the delay.

The delays are those of networks twice as deep as in Figure 6. The network that learns is that of
``fig6``: only the delays differ.
"""

from __future__ import annotations

from rtgraph.launch.studies.games.atari import FROM_MEMORY, MEMORY_NETWORK, AtariReturns, Size, atari_study
from rtgraph.launch.studies.study import Scale

STUDY = atari_study(
    "fig10",
    "return of Atari games against the delay of 2xDeep networks",
    "As Fig. 6: depth costs delay, and staggered inference tolerates it (Fig. 10).",
    AtariReturns(
        {
            Scale.QUICK: Size(("boxing",), (1, 8), 1, 300, 1, 200),
            Scale.DESK: Size(("boxing", "kung_fu_master"), (3, 29, 47, 80), 3, 120_000, 10, 10_000),
            Scale.PAPER: Size(
                ("boxing", "krull", "name_this_game"), (3, 29, 47, 80, 750), 3, 10_000_000, 30, 108_000
            ),
        },
        FROM_MEMORY,
        MEMORY_NETWORK,
    ),
    {Scale.QUICK: "10 s", Scale.DESK: "1.5 h", Scale.PAPER: "3 weeks"},
    edition=2,  # rewards are clipped; in edition 1 they were not
)

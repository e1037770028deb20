"""Figure 6 of Riemer et al. (ICLR 2025): the return of Atari games against the delay of networks of depth 1."""

from __future__ import annotations

from rtgraph.launch.studies.games.atari import FROM_MEMORY, MEMORY_NETWORK, AtariReturns, Size, atari_study
from rtgraph.launch.studies.study import Scale

STUDY = atari_study(
    "fig6",
    "return of Atari games against the delay, staggered and sequential",
    "Staggered inference keeps a return above sequential interaction as the delay grows; the delay that a game "
    "tolerates differs: Krull tolerates much, Boxing hardly any (Fig. 6).",
    AtariReturns(
        {
            Scale.QUICK: Size(("boxing",), (1, 8), 1, 300, 1, 200),
            Scale.DESK: Size(("boxing", "kung_fu_master"), (1, 5, 8, 70), 3, 120_000, 10, 10_000),
            Scale.PAPER: Size(
                ("boxing", "krull", "name_this_game"), (1, 5, 8, 29, 70, 596), 3, 10_000_000, 30, 108_000
            ),
        },
        FROM_MEMORY,
        MEMORY_NETWORK,
    ),
    {Scale.QUICK: "10 s", Scale.DESK: "1.5 h", Scale.PAPER: "2 weeks"},
    edition=2,  # rewards are clipped; in edition 1 they were not
)

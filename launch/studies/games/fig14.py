"""Figure 14 of Riemer et al. (ICLR 2025): the return of Atari games against the delay, with Rainbow (Hessel et al., 2018)."""

from __future__ import annotations

from rtgraph.launch.studies.games.atari import AtariReturns, Size, atari_study
from rtgraph.launch.studies.study import Scale

STUDY = atari_study(
    "fig14",
    "return of Atari games against the delay, with Rainbow",
    "The trend of Fig. 6 does not depend on the algorithm (Fig. 14).",
    AtariReturns(
        {
            Scale.QUICK: Size(("boxing",), (1, 8), 1, 300, 1, 200),
            Scale.DESK: Size(("boxing", "name_this_game"), (1, 8, 70), 3, 200_000, 20, 10_000),
            Scale.PAPER: Size(
                ("boxing", "krull", "name_this_game"), (1, 5, 8, 29, 70, 596), 3, 10_000_000, 30, 108_000
            ),
        },
        {
            "k": "0.0625",
            "learning_rate": "0.0001",
            "target_every": "2000",
            "n_step": "3",
            "replay_mib": "512",
        },
        "a 1xDeep network of k = 1/16 with the head of Rainbow",
        launch="{}_rainbow",
        explores=False,
    ),
    {Scale.QUICK: "10 s", Scale.DESK: "9 h", Scale.PAPER: "6 weeks"},
)

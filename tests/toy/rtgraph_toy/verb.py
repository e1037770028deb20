"""A verb: rtgraph beats N."""

from __future__ import annotations


def configure(parser):
    parser.description = "Print N beats."
    parser.add_argument("count", type=int, metavar="N")


def run(args):
    print(" ".join("tick" if beat % 2 == 0 else "tock" for beat in range(args.count)))
    return 0

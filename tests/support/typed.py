"""Text as people type it, right and wrong, and a class with a field of each type that accepts typed values."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from pydantic import Field

from rtgraph.msgs import Message, array
from rtgraph.nodes import Changeable, Node, Params

ODD = [
    *(
        "010",
        "12:30",
        "a # c",
        "nan",
        "inf",
        "-inf",
        ".inf",
        ".nan",
        "NaN",
        "Infinity",
        "off",
        "no",
        "on",
        "yes",
    ),
    *(
        "Off",
        "NO",
        "y",
        "n",
        "null",
        "none",
        "None",
        "~",
        "",
        " ",
        "5 ",
        " 5",
        "\t5",
        "5\n",
        "0x10",
        "0o17",
        "1_000",
    ),
    *(
        "1e3",
        "1e400",
        "1e-400",
        "-0",
        "-0.0",
        "+5",
        "--5",
        "5.",
        ".5",
        ".",
        "1.5.2",
        "1,5",
        "1,2,3",
        "[1, 2]",
        "{}",
    ),
    *(
        "{1: 2}",
        '{"a": 1}',
        "2024-01-01",
        "2024-01-01T10:00:00Z",
        "=",
        "<<",
        "*a",
        "&a",
        "!!int 5",
        "true",
        "TRUE",
    ),
    *(
        "tRuE",
        "false",
        "1",
        "0",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "9" * 40,
    ),
    *(
        "9" * 5000,
        "-9223372036854775809",
        "0.1",
        "1e308",
        "1.8e308",
        "\u0661\u0662",
        "\u00b2",
        "\uff15",
        "5\x00",
    ),
    *(
        "\udcff",
        "é",
        "\u2028",
        "'5'",
        '"5"',
        "fast",
        "fasst",
        "slow",
        "1/2",
        "5%",
        "5s",
        "1e",
        "e1",
        "0b1",
        "0777",
    ),
]
text = st.one_of(
    st.sampled_from(ODD),
    st.text(alphabet="0123456789+-.eE_xX naif:#,[]{}\"'", max_size=12),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=8),
)
"""Text that is often a number, or almost one."""


class AllParams(Params):
    whole: Changeable[int] = Field(default=1, ge=-1000, le=1000)
    wide: Changeable[int] = 1
    real: Changeable[float] = 1.0
    flag: Changeable[bool] = False
    name: Changeable[str] = "x"
    mode: Changeable[Literal["fast", "slow", "none"]] = "fast"
    limit: Changeable[int | None] = None
    either: Changeable[int | Literal["auto"]] = "auto"
    file: Changeable[Path] = Path("a")
    names: Changeable[tuple[str, ...]] = ()
    numbers: Changeable[list[float]] = Field(default_factory=list)
    anything: Changeable[Any] = None
    table: Changeable[dict[str, int]] = Field(default_factory=dict)


class Typist(Node[AllParams]):
    """Does nothing."""


class Everything(Message):
    whole: int = 0
    small: int = Field(default=0, ge=0, le=9)
    real: float = 0.0
    flag: bool = False
    name: str = ""
    mode: Literal["fast", "slow"] = "fast"
    bytes_: array("uint8", None) = np.zeros(0, np.uint8)  # type: ignore[valid-type]
    reals: array("float32", None) = np.zeros(0, np.float32)  # type: ignore[valid-type]
    flags: array("bool", None) = np.zeros(0, bool)  # type: ignore[valid-type]
    wholes: array("int64", None, None) = np.zeros((0, 0), np.int64)  # type: ignore[valid-type]
    some: array() | None = None  # type: ignore[valid-type]
    parts: dict[str, array("int8", None)] = Field(default_factory=dict)  # type: ignore[valid-type]
    pair: tuple[int, float] = (0, 0.0)

"""``rtgraph screen learn-digits``: Learn to read numbers from rectified pictures that show known numbers. Digits that no picture shows stay unreadable."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.verbs.screen.opening import region

if TYPE_CHECKING:
    from rtgraph.nodes.robot.screen.file import ScreenFile
    from rtgraph.nodes.robot.screen.rectify import Image

EXAMPLE = """\
example:
  rtgraph screen learn-digits screen.yaml --counter score=34,4,48,12/3 shots/01.png score=120 shots/07.png score=456

--counter adds a counter: its region in the rectified picture, and its number of digits. Its region holds exactly as many
cells of one width. Weight, limits and the end of a game are edited in the file.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph screen learn-digits`` to its parser."""
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="file of `screen mark`, to which the digits are added"
    )
    parser.add_argument(
        "shown", metavar="PICTURE NAME=NUMBER", nargs="+", help="pictures, each before its numbers"
    )
    parser.add_argument(
        "--counter",
        metavar="NAME=X,Y,W,H/DIGITS",
        type=_counter,
        action="append",
        default=[],
        help="add a counter, or move it",
    )
    parser.add_argument("--json", action="store_true", help="print the digits as JSON")


def run(args: argparse.Namespace) -> int:
    """Learn how each digit looks on the screen, and write a template of each digit to a file."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.digits import learn_digits  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.file import ScreenFile  # noqa: PLC0415

    file = ScreenFile.read(args.file)
    counters = {name: counter.model_dump() for name, counter in file.counters.items()}
    for name, where, digits in args.counter:
        counters[name] = counters.get(name, {}) | {"region": where, "digits": digits}
    file = file.changed("--counter", counters=counters)
    shown = _pictures(args.shown, file)
    if not shown:
        raise RobotError(
            "no number is given, so no digit can be learned",
            hint="give PICTURE COUNTER=NUMBER …",
        )
    file = _with_colours(file, shown)
    numbers = {name: counter.number() for name, counter in file.counters.items()}
    examples = [(picture, number, value) for picture, name, value in shown if (number := numbers[name])]
    learned = learn_digits(examples)
    templates = {digit: (file.digits | learned)[digit] for digit in sorted(file.digits | learned)}
    file.model_copy(update={"digits": templates}).write(args.file)
    missing = [str(digit) for digit in range(10) if str(digit) not in templates]
    if args.json:
        print_json({"file": str(args.file), "digits": list(learned), "missing": missing})
    else:
        print(f"{args.file}: learned {' '.join(learned)}")
        if missing:
            print(f"not shown, and so unreadable: {' '.join(missing)}")
    return 0


def _counter(text: str) -> tuple[str, tuple[int, int, int, int], int]:
    name, _, rest = text.partition("=")
    where, _, digits = rest.partition("/")
    if not name or not digits.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=X,Y,W,H/DIGITS")
    return name, region(where), int(digits)


def _pictures(shown: list[str], file: ScreenFile) -> list[tuple[Image, str, int]]:
    """Read pictures, and the numbers that they show, from command-line arguments.

    The arguments are ``PICTURE COUNTER=NUMBER …``. A counter is a place on the screen that shows a number, such as the score.

    Returns:
        For each number: the picture, the name of the counter, and the number.

    Raises:
        RobotError: the arguments are in a wrong order, or a picture cannot be read or has the wrong size.
    """
    import numpy as np  # noqa: PLC0415 - so that --help is instant
    from PIL import Image  # noqa: PLC0415

    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415

    found, picture = [], None
    for text in shown:
        name, _, number = text.partition("=")
        if name in file.counters and number.isdecimal():
            if picture is None:
                raise RobotError(
                    f"{text} is given before the first picture, so it is unclear which picture shows it",
                    hint="give PICTURE COUNTER=NUMBER …",
                )
            found.append((picture, name, int(number)))
            continue
        if number:
            known = ", ".join(file.counters) or "none"
            raise RobotError(
                f"{text!r} is not COUNTER=NUMBER, with a whole number and one of these counters: {known}",
                hint="--counter adds a counter",
            )
        try:
            with Image.open(text) as opened:
                picture = np.array(opened.convert("RGB"))
        except OSError as error:
            raise RobotError(f"{text}: cannot be read: {error.strerror or error}") from error
        if picture.shape[:2] != (file.size[1], file.size[0]):
            raise RobotError(
                f"{text}: {picture.shape[1]} × {picture.shape[0]} is not a rectified picture, "
                f"which has {file.size[0]} × {file.size[1]} pixels",
                hint="take pictures with `rtgraph screen grab`",
            )
    return found


def _with_colours(file: ScreenFile, shown: list[tuple[Image, str, int]]) -> ScreenFile:
    """Return the screen file with the colours of the digits and of their background, as measured in the pictures.

    A counter, i.e. a place that shows a number, keeps its colours if no picture shows it.
    """
    from rtgraph.nodes.robot.screen.digits import learn_colours  # noqa: PLC0415 - so that --help is instant

    counters = dict(file.counters)
    for name, counter in counters.items():
        pictures = [picture for picture, shows, _ in shown if shows == name]
        if pictures:
            ink, background = (
                tuple(map(float, one.round(1))) for one in learn_colours(pictures, counter.region)
            )
            counters[name] = counter.model_copy(update={"ink": ink, "background": background})
    return file.model_copy(update={"counters": counters})

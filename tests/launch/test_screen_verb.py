"""``rtgraph screen`` with pictures in files as the camera."""

from __future__ import annotations

import json

import cv2
import pytest
from PIL import Image
from support.console import CORNERS, SIZE
from support.filmed import Filmed

from rtgraph.launch.cli import main
from rtgraph.nodes.robot.screen import ScreenFile

POINTS = [f"{x},{y}" for x, y in CORNERS]


@pytest.fixture(scope="module")
def filmed():
    return Filmed()


@pytest.fixture(scope="module")
def film(filmed, tmp_path_factory):
    """Return a video in which the score is 123, then 456."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 60.0, SIZE)
    for score in [123] * 20 + [456] * 20:
        writer.write(cv2.cvtColor(filmed.camera(score), cv2.COLOR_RGB2BGR))
    writer.release()
    return str(path)


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_corners_are_marked_and_a_file_keeps_the_rest(film, tmp_path, capsys):
    path = tmp_path / "screen.yaml"
    assert main(["screen", "mark", film, "--out", str(path), "--corners", *POINTS[::-1]]) == 0
    found = ScreenFile.read(path)
    assert (found.corners, found.camera_size) == (CORNERS, SIZE)
    kept = found.model_copy(update={"size": (160, 200)})
    kept.write(path)
    given = ["--corners", *POINTS, "--picture", str(tmp_path / "seen.png"), "--json"]
    capsys.readouterr()
    assert main(["screen", "mark", film, "--out", str(path), *given]) == 0
    assert json.loads(capsys.readouterr().out)["camera_size"] == list(SIZE)
    assert ScreenFile.read(path) == kept
    assert size_of(tmp_path / "seen.png") == (160, 200)


def test_a_picture_without_a_bright_rectangle_needs_corners(tmp_path, capsys):
    Image.new("RGB", SIZE, (28, 28, 28)).save(tmp_path / "dark.png")
    assert main(["screen", "mark", str(tmp_path / "dark.png"), "--out", str(tmp_path / "screen.yaml")]) == 1
    assert "no bright rectangle in the picture. hint: show a bright picture" in capsys.readouterr().err


def test_digits_are_learned_from_pictures_with_known_numbers(filmed, tmp_path, capsys):
    path = tmp_path / "screen.yaml"
    ScreenFile(corners=CORNERS, camera_size=SIZE).write(path)
    shown = []
    for score in (123, 456):
        Image.fromarray(filmed.rectified(score)).save(tmp_path / f"{score}.png")
        shown += [str(tmp_path / f"{score}.png"), f"score={score}"]
    where = ["--counter", "score=34,4,48,12/3"]
    assert main(["screen", "learn-digits", str(path), *where, *shown]) == 0
    assert "not shown, and so unreadable: 0 7 8 9" in capsys.readouterr().out
    file = ScreenFile.read(path)
    assert set(file.digits) == set("123456")
    assert file.unlearned == ()


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        (["score=1"], "score=1 is given before the first picture"),
        (["{}/456.png", "lives=3"], "'lives=3' is not COUNTER=NUMBER"),
        (["{}/456.png", "score=3a"], "with a whole number and one of these counters: score"),
        (["{}/big.png", "score=1"], "480 × 360 is not a rectified picture"),
        (["{}/none.png", "score=1"], "cannot be read"),
    ],
)
def test_wrong_pictures_are_clear_errors(filmed, shown, problem, tmp_path, capsys):
    ScreenFile(corners=CORNERS, camera_size=SIZE).write(tmp_path / "screen.yaml")
    Image.fromarray(filmed.rectified(456)).save(tmp_path / "456.png")
    Image.fromarray(filmed.camera(456)).save(tmp_path / "big.png")
    where = ["--counter", "score=34,4,48,12/3"]
    given = [text.format(tmp_path) for text in shown]
    assert main(["screen", "learn-digits", str(tmp_path / "screen.yaml"), *where, *given]) == 1
    assert problem in capsys.readouterr().err


def test_pictures_are_grabbed(film, tmp_path):
    path = tmp_path / "screen.yaml"
    ScreenFile(corners=CORNERS, camera_size=SIZE).write(path)
    given = ["--file", str(path), "--out", str(tmp_path / "shots"), "--count", "2", "--every", "0"]
    assert main(["screen", "grab", film, *given]) == 0
    assert [one.name for one in sorted((tmp_path / "shots").iterdir())] == ["01.png", "02.png"]
    assert size_of(tmp_path / "shots" / "01.png") == (160, 210)


@pytest.fixture
def screen(filmed, tmp_path):
    """Return a file that has learned digits, with a picture beside it."""
    path = tmp_path / "screen.yaml"
    ScreenFile(corners=CORNERS, camera_size=SIZE).write(path)
    Image.fromarray(filmed.rectified(456)).save(tmp_path / "456.png")
    given = ["--counter", "score=34,4,48,12/3", str(tmp_path / "456.png"), "score=456"]
    assert main(["screen", "learn-digits", str(path), *given]) == 0
    return path


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            ["--counter", "score=150,4,48,12/3", "{}/456.png", "score=456"],
            "counters.score: the region [150, 4, 48, 12] is not within",
        ),
        (
            ["--counter", "lives=1,1,9,9/0", "{}/456.png", "score=456"],
            "--counter: counters.lives.digits: Input",
        ),
        (["{}/456.png"], "no number is given, so no digit can be learned"),
    ],
)
def test_what_cannot_be_learned_changes_nothing(screen, tmp_path, given, problem, capsys):
    before = screen.read_text()
    arguments = [text.format(tmp_path) for text in given]
    assert main(["screen", "learn-digits", str(screen), *arguments]) == 1
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1
    assert screen.read_text() == before


def test_digits_that_are_not_shown_again_stay(screen, filmed, tmp_path):
    Image.fromarray(filmed.rectified(123)).save(tmp_path / "123.png")
    assert main(["screen", "learn-digits", str(screen), str(tmp_path / "123.png"), "score=123"]) == 0
    assert list(ScreenFile.read(screen).digits) == list("123456")


def test_a_picture_that_cannot_be_written_leaves_the_file_as_it_was(film, tmp_path, capsys):
    path = tmp_path / "screen.yaml"
    given = ["--corners", *POINTS, "--picture", str(tmp_path / "none" / "seen.png")]
    assert main(["screen", "mark", film, "--out", str(path), *given]) == 1
    assert "seen.png" in capsys.readouterr().err
    assert not path.exists()


def test_corners_outside_the_picture_are_refused(film, tmp_path, capsys):
    path = tmp_path / "screen.yaml"
    given = ["--corners", "0,0", "900,0", "900,900", "0,900"]
    assert main(["screen", "mark", film, "--out", str(path), *given]) == 1
    assert "corners: 900,0 is not within the camera's picture, 480 × 360" in capsys.readouterr().err
    assert not path.exists()


def test_pictures_need_a_folder(screen, film, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    assert main(["screen", "grab", film, "--file", str(screen), "--out", str(tmp_path / "taken")]) == 1
    error = capsys.readouterr().err
    assert "taken" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", [["--every", "inf"], ["--every", "-1"], ["--count", "0"]])
def test_numbers_of_pictures_and_pauses_are_checked(film, option, capsys):
    with pytest.raises(SystemExit):
        main(["screen", "grab", film, "--file", "screen.yaml", "--out", "shots", *option])
    assert option[0] in capsys.readouterr().err


def test_latency_looks_within_the_picture(screen, film, capsys):
    given = ["--file", str(screen), "--port", "/nowhere", "--region", "150,0,20,10"]
    assert main(["screen", "latency", film, *given]) == 1
    assert "--region: the region [150, 0, 20, 10] is not within 160 × 210" in capsys.readouterr().err

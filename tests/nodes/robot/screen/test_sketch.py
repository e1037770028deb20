"""The Arduino sketch of docs/screen.md, compiled with a stand-in for the board, speaks the protocol."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[4] / "docs" / "screen.md"
BOARD = r"""
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
typedef unsigned char byte;
enum { OUTPUT, INPUT, LOW, HEX };
unsigned long now = 0;
unsigned long millis() { return now; }
void pinMode(int, int) {}
void digitalWrite(int, int) {}
struct {
  std::string received;
  void begin(long) {}
  int available() { return received.size(); }
  int read() { int c = (byte)received[0]; received.erase(0, 1); return c; }
  void print(const char *text) { std::fputs(text, stdout); }
  void print(char c) { std::putchar(c); }
  void print(unsigned long number, int) { std::printf("%lX", number); }
} Serial;
"""
MAIN = r"""
int main() {
  setup();
  char text[400];
  while (std::fgets(text, sizeof text, stdin)) {  // each line: ms that pass, and what arrives, with ; for a newline
    char *rest;
    now += strtoul(text, &rest, 10);
    for (char *c = rest + 1; *c && *c != '\n'; c++) Serial.received += *c == ';' ? '\n' : *c;
    loop();
  }
}
"""


@pytest.fixture(scope="module")
def sketch(tmp_path_factory):
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    text = re.search(r"^```\n(const char \*NAMES.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("sketch")
    (folder / "sketch.cpp").write_text(BOARD + text[1] + MAIN)
    subprocess.run([compiler, "-Wall", "-Werror", "-o", "sketch", "sketch.cpp"], cwd=folder, check=True)

    def run(*events: str) -> list[str]:
        given = "".join(f"{event}\n" for event in events)
        ended = subprocess.run([folder / "sketch"], input=given, capture_output=True, text=True, check=True)
        return ended.stdout.splitlines()

    return run


def test_it_answers_each_line_with_one(sketch):
    assert sketch("0 ?;", "0 p 11;", "0 r;") == [
        "buttons 1 100 UP DOWN LEFT RIGHT FIRE RESET",
        "p 11",
        "p 11",
    ]


def test_it_acts_on_whole_lines_only(sketch):
    assert sketch("0 p 1", "90 0;", "0 r;") == ["p 10", "p 10"]


def test_it_releases_after_the_timeout_which_reading_does_not_put_off(sketch):
    assert sketch("0 p 1;", "60 r;", "60 r;") == ["p 1", "p 1", "p 0"]


@pytest.mark.parametrize(
    "line", ["p xyz", "p ", "p -1", "p 0x1", "p 40", "p 123456789", "p 1 ", "q", "", "rr", "9" * 200]
)
def test_a_line_that_it_does_not_understand_changes_nothing(sketch, line):
    answers = sketch("0 p 1;", f"0 {line};", "0 r;")
    assert answers[1].startswith("error ")
    assert (answers[0], answers[2:]) == ("p 1", ["p 1"])

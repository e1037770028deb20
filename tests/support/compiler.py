"""Whether the compiler of our Game Boy programs is here."""

import shutil
import subprocess

import pytest


def _is_installed() -> bool:
    if shutil.which("sdcc") is None:
        return False
    return "4.2.0" in subprocess.run(["sdcc", "-v"], capture_output=True, text=True, check=True).stdout


needs_compiler = pytest.mark.skipif(
    not _is_installed(), reason="sdcc 4.2.0 is not installed: the programs are not built anew"
)

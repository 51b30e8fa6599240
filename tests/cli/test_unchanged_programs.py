"""A right program does, beside asyncrepl, what it does without: what it prints, and how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from explain.harness import DATA

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sampled(3)

_NOTHING = "nothing to explain: it ran without an error\n"
_ENTRIES = re.split(
    r"^== (.*)\n", (DATA / "unchanged.txt").read_text("utf-8"), flags=re.MULTILINE
)[1:]
PROGRAMS = dict(zip(_ENTRIES[::2], _ENTRIES[1::2], strict=True))


def ended(*words: str) -> tuple[str, str, int]:
    """What a program printed, also on standard error, and its exit status."""
    found = subprocess.run(
        [sys.executable, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return found.stdout, found.stderr, found.returncode


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_right_program_is_left_alone(tmp_path: Path, name: str) -> None:
    """Explained, or only run: it is told nothing, and prints the same in the same order."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAMS[name], encoding="utf-8")
    out, err, status = ended(str(file))
    assert ended("-m", "asyncrepl", str(file)) == (out, err, status)
    assert ended("-m", "asyncrepl", "explain", str(file)) == (out + _NOTHING, err, status)

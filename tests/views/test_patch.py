r"""A patch is for a program: it has to fit the bytes of the file."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from asyncrepl.views.diagnosis_patch import unified_diff

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = {"patch": ["patch", "-p0"], "git": ["git", "apply", "--whitespace=nowarn"]}
LINES = [f"x{number} = {number}" for number in range(9)]
FILES = {
    "plain": "\n".join([*LINES, "for x in y: pass", "\tz = 1", ""]),
    "a mark": "\ufeff" + "\n".join(["for x in y: pass", *LINES, ""]),
    "a mark in the context": "\ufeff" + "\n".join([LINES[0], "for x in y: pass", *LINES, ""]),
    "Windows": "\r\n".join([*LINES, "for x in y: pass", ""]),
    "Windows and a mark": "\ufeff" + "\r\n".join(["for x in y: pass", *LINES, ""]),
    "both ends": "a = 1\r\nb = 2\nfor x in y: pass\r\nc = 3\n",
    "no end": "\n".join([*LINES, "for x in y: pass"]),
    "Windows without an end": "\r\n".join([*LINES, "for x in y: pass"]),
    "a form feed": "a = 1\n\x0c\nfor x in y: pass\nb = '\x1b'\n",
    "a line of dashes": "-- = 1\nfor x in y: pass\n-- = 1",
}


def corrected(text: str) -> str:
    """The correction as the rules make it: of what Python has read."""
    read = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return "import asyncio\n" + read.replace("for x", "async for x")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("before", FILES.values(), ids=list(FILES))
def test_a_patch_can_be_applied(tmp_path: Path, tool: str, before: str) -> None:
    """The file is as it was, but for the lines that change."""
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool} here")
    path = tmp_path / "a b.py"
    path.write_bytes(before.encode())
    diff = "".join(line + "\n" for line in unified_diff("a b.py", before, corrected(before)))
    told = f"why  because\n\n{diff}\napply it\n"
    subprocess.run(TOOLS[tool], input=told.encode(), cwd=tmp_path, check=True, capture_output=True)
    after = path.read_bytes().decode()
    ends = "\r\n" if before.count("\r\n") * 2 > before.count("\n") else "\n"
    mark = "\ufeff" if before[0] == "\ufeff" else ""
    rest = before.removeprefix("\ufeff").replace("for x", "async for x")
    assert after == f"{mark}import asyncio{ends}{rest}"


def test_a_file_below_is_called_as_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``patch`` takes no name that begins at the root."""
    monkeypatch.chdir(tmp_path)
    near, far = (
        next(unified_diff(str(folder / "a.py"), "", "x = 1\n"))
        for folder in (tmp_path / "b", tmp_path.parent)
    )
    assert near == "--- b/a.py"
    assert far == f"--- {tmp_path.parent / 'a.py'}"

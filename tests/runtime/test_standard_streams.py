"""Standard streams that are closed, full, or read by nobody: one line at most, the right status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = {
    "code": ["-c", "for i in range(20000): print(i)"],
    "async": ["-c", "for i in range(20000): print(i)\nawait asyncio.sleep(0)"],
    "file": ["many.py"],
    "pipe": [],
    "command": ["-c", ":help"],
    "background": ["-c", "async def f():\n    while True: print('x' * 999); await asyncio.sleep(0)\nasyncio.create_task(f())\nawait asyncio.sleep(60)"],
    "demos": ["demos"],
    "check": ["check", "t.pycon"],
    "explain": ["explain", "many.py"],
    "json": ["explain", "--json", "f.py"],
    "export": ["export", "t.pycon", "--to", "py"],
    "replay": ["replay", "t.pycon", "--speed", "1000"],
    "version": ["-V"],
    "help": ["-h"],
}  # fmt: skip
MANY = "for i in range(20000): print(i)\n\n"
COMMAND = [sys.executable, "-m", "asyncrepl"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "many.py").write_text(MANY)
    (tmp_path / "f.py").write_text("x = 1\n")
    (tmp_path / "t.pycon").write_text(">>> 1\n1\n")
    return tmp_path


def environment() -> dict[str, str]:
    """Buffered streams, as those of users are."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", sorted(WORDS))
def test_a_pipe_that_nobody_reads(folder: Path, name: str) -> None:
    """Nothing is said, and the status is that of a program that SIGPIPE ends."""
    reading, writing = os.pipe()
    os.close(reading)
    finished = subprocess.run(
        [*COMMAND, *WORDS[name]],
        input=MANY, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=folder,
        env=environment(), check=False, timeout=60,
    )  # fmt: skip
    os.close(writing)
    assert (finished.stderr, finished.returncode) == ("", 141)


def test_standard_error_that_nobody_reads(folder: Path) -> None:
    """The same."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, "-c", "1/0"]
    finished = subprocess.run(
        command, stdout=writing, stderr=writing, cwd=folder, env=environment(), check=False
    )
    os.close(writing)
    assert finished.returncode == 141


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "name", sorted(set(WORDS) - {"background", "async", "file", "code", "pipe"})
)
def test_a_full_disk(folder: Path, name: str) -> None:
    """One line says so; the status is that of an error."""
    with Path("/dev/full").open("wb") as full:
        finished = subprocess.run(
            [*COMMAND, *WORDS[name]],
            input="", stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder,
            env=environment(), check=False, timeout=60,
        )  # fmt: skip
    assert "No space left on device" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert finished.returncode == 1


@pytest.mark.sampled(15)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("-c 'print(1); import sys; print(2, file=sys.stderr)'", 0),
        ('-c \'open("out", "w").write("x")\'', 0),
        ("-c 1/0", 1),
        ("f.py", 0),
        ("", 0),
        ("check t.pycon", 0),
        ("explain f.py", 0),
        ("export t.pycon --to py", 0),
        ("nothing.py", 2),
        ("-h", 0),
    ],
)
def test_a_closed_stream(folder: Path, closed: str, words: str, status: int) -> None:
    """It is as if it led nowhere: what runs, runs, and files get nothing that is not theirs."""
    finished = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m asyncrepl {words} {closed}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=folder,
        env=environment(), check=False, timeout=60,
    )  # fmt: skip
    assert finished.returncode == status
    assert "asyncrepl/" not in finished.stderr
    if "out" in words:
        assert (folder / "out").read_text() == "x"


def test_a_full_disk_for_errors_changes_no_status(folder: Path) -> None:
    """Nobody hears of them, but the status is as ever."""
    with Path("/dev/full").open("wb") as full:
        for words, status in ((["nothing.py"], 2), (["-c", "1/0"], 1), (["check", "no.pycon"], 2)):
            finished = subprocess.run(
                [*COMMAND, *words], stderr=full, cwd=folder, env=environment(), check=False
            )
            assert finished.returncode == status

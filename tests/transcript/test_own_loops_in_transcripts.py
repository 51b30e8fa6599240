"""Files that bring their own loop, in a transcript and down a pipe: on the session's clock."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support import forked_starts

from asyncrepl.transcript.transcript_check import check_transcript
from asyncrepl.transcript.transcript_parser import parse_transcript
from asyncrepl.transcript.transcript_run import TimeLimits

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """\
import asyncio

async def numbers():
    for number in range(2):
        await asyncio.sleep(86400)
        yield number

async def main():
    try:
        async for number in numbers():
            print(number, asyncio.get_running_loop().time())
    finally:
        print("over")

asyncio.run(main())
"""


def outputs(text: str, limits: TimeLimits | None = None) -> tuple[list[str], str | None]:
    """What each input prints, on a virtual clock; and what was wrong."""
    transcript = parse_transcript(f"#: clock virtual\n{text}", "t.pycon")
    report = check_transcript(transcript, limits=limits)
    by_line = {each.input.line: "\n".join(each.actual) for each in report.differences}
    return [by_line.get(entry.line, "") for entry in transcript.inputs], report.trouble


def test_time_passes_in_the_program_and_for_the_session(tmp_path: Path) -> None:
    """Days pass at once. What was due meanwhile is late, as behind any code that blocks."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    ran, trouble = outputs(
        ">>> def rang(): print('rang', asyncio.get_running_loop().time())\n"
        ">>> asyncio.get_running_loop().call_later(3600, rang) and None\n"
        ">>> :ticker tick 1\n>>> await asyncio.sleep(1)\n"
        f">>> :run {path}\n"
        ">>> await asyncio.sleep(1)\n"
    )
    assert trouble is None
    assert ran[3:] == [
        "tick │ 1",
        "0 86401.0\n1 172801.0\nover\nrang 172801.0\ntick │ 2\ntick │ 3",
        "tick │ 4",
    ]


def test_a_scripted_ctrl_c_reaches_the_program(tmp_path: Path) -> None:
    """After so many seconds of its time; it cleans up, and the next input runs."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    ran, trouble = outputs(
        f"#: key C-c after 100000\n>>> :run {path}\n"
        ">>> await asyncio.sleep(100000)\n"
        f"#: key C-c after 1000000\n>>> :run {path}\n"
    )
    assert trouble is None
    assert ran[0].startswith("0 86400.0\nover\nKeyboardInterrupt at ")
    assert ran[1] == ""
    assert ran[2].endswith("over")


def test_its_iterations_are_narrated_and_its_mistakes_explained(tmp_path: Path) -> None:
    """As those of a statement; so are those of the statement after it."""
    path = tmp_path / "program.py"
    path.write_text(
        PROGRAM.replace('print("over")', "asyncio.sleep(0)").replace("print(number", "print(0")
    )
    ran, trouble = outputs(
        f">>> :trace on\n>>> :run {path}\n>>> async for x in numbers(): break\n>>> :leaks\n"
    )
    assert trouble is None
    assert "3 await      suspends on asyncio.sleep(86400)" in ran[1]
    assert "2 items" in ran[1]
    assert "`asyncio.sleep(0)` only makes a coroutine" in ran[1]
    assert "1 __aiter__  numbers()" in ran[2]
    assert "1 item" in ran[2]
    assert ran[3].startswith("never awaited  sleep")


def test_one_that_will_not_end_is_given_up(tmp_path: Path) -> None:
    """Whether it waits or computes."""
    path = tmp_path / "program.py"
    for body in ("await asyncio.Event().wait()", "while True: pass"):
        path.write_text(f"import asyncio\nasync def main():\n    {body}\nasyncio.run(main())\n")
        _, trouble = outputs(f">>> 1\n>>> :run {path}\n>>> 2\n", TimeLimits(quiet=0.3))
        assert trouble == "t.pycon:3: hangs: nothing has happened for 0.3 s"


@pytest.mark.parametrize("way", ["pipe", "-c"])
def test_without_a_prompt(tmp_path: Path, way: str) -> None:
    """Its names are there for the next line; a ticker goes on after it."""
    path = tmp_path / "program.py"
    path.write_text(
        "import asyncio\nits = asyncio.run(asyncio.sleep(0.01, 'slept'))\nprint(its)\n"
    )
    lines = f":ticker tick 0.05\n:run {path}\nits\nawait asyncio.sleep(0.01)\n"
    words = ["-c", lines] if way == "-c" else []
    ran = forked_starts.run(
        [sys.executable, "-m", "asyncrepl", *words],
        input="" if words else lines,
        text=True,
        encoding="utf-8",
    )
    assert "slept\n'slept'\n" in ran.stdout
    assert (ran.stderr, ran.returncode) == ("", 0)

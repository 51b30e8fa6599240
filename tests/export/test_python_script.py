"""A session as a script: plain Python runs it, and it prints what the session printed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from asyncrepl.export.saved_session import export
from asyncrepl.runtime.shipped_demos import demo_transcripts
from asyncrepl.transcript.transcript_parser import (
    load_transcript,
    missing_requirement,
    parse_transcript,
)

if TYPE_CHECKING:
    from pathlib import Path

    from asyncrepl.runtime.shipped_demos import Demo

ALL = [pytest.param(demo, id=demo.name) for demo in demo_transcripts()]


def script(text: str) -> str:
    return export(parse_transcript(text), "py")


def ran(code: str, folder: Path) -> str:
    """What `code` prints, run by plain Python."""
    assert "asyncrepl" not in code
    (folder / "script.py").write_text(code, "utf-8")
    command = [sys.executable, "-I", "-X", "utf8", "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.stderr == ""
    return done.stdout


since_3_14 = pytest.mark.skipif(sys.version_info < (3, 14), reason="new in Python 3.14")
since_3_15 = pytest.mark.skipif(sys.version_info < (3, 15), reason="new in Python 3.15")


@pytest.mark.sampled(12)
@pytest.mark.parametrize(
    ("inputs", "printed"),
    [
        (["1", "None", "x = 2", "x", "1, 2", "(3)", "[n for n in (1, 2)]"], "1\n2\n(1, 2)\n3\n[1, 2]\n"),
        (["for n in (1, 2): n; n + 1"], "1\n2\n2\n3\n"),
        (["if 1:\n...     'a'\n... else:\n...     'b'\n..."], "'a'\n"),
        (["match 1:\n...     case 1:\n...         'one'\n..."], "'one'\n"),
        (["try: 1 / 0\n... except ZeroDivisionError: 'zero'\n... finally: 'end'\n..."], "'zero'\n'end'\n"),
        (["try:\n...     for n in (1, 2): n\n... except ValueError: 3\n..."], "1\n2\n"),
        (["1 / 0", "2"], "ZeroDivisionError: division by zero\n2\n"),
        (["raise ValueError", "_ = 3", "_"], "ValueError\n3\n"),
        (["def f(): 1\n...", "f()", "f.__name__"], "'f'\n"),
        (["n: int = 1", "m: int", "n"], "1\n"),
        (["for n in (1, 2): m: int = n", "m"], "2\n"),
        (["a: (int) = (3)", "(b): (int) = 4", "a, b"], "(3, 4)\n"),
        (["x = '''a\n... b'''", "print(x)"], "a\nb\n"),
        (["if 1:\n...     print('''a\n...   b''')\n..."], "a\n  b\n"),
        (["from math import *", "floor(1.5)"], "1\n"),
        (["from __future__ import annotations", "def f(x: nothing): ...\n...", "f(1)"], ""),
        (["show = tasks = main = 5", "show"], "5\n"),
        (["表 = 'é'; 表"], "'é'\n"),
        (["class A:\n...     x = 1\n...     async def go(self): return A.x\n...", "await A().go()"], "1\n"),
        (["async for x in nothing: x", "def (", "1"], "NameError: name 'nothing' is not defined\n1\n"),
        (["total = 0", "for n in range(3): total += n", "total"], "3\n"),
        ([":spawn y = await asyncio.sleep(0, 7)", ":wait 0.001", "y"], "7\n"),
        ([":spawn", ":spawn # nothing", ":spawn 1 +", ":wait x", ":stop none", ":ticker a 0", "1"], "1\n"),
        (["print('a'); exit()", "2"], "a\n"),
        ([":load counter", "[n async for n in Counter(2, 0.001)]"], "[0, 1]\n"),
        pytest.param(
            ["try: 1 / 0\n... except KeyError, ZeroDivisionError: 'zero'\n..."], "'zero'\n", marks=since_3_14
        ),
        pytest.param(
            ["if 1:\n...     a = t'''a\n...   b'''\n...", "a.strings"], "('a\\n  b',)\n", marks=since_3_14
        ),
        pytest.param(["1", "lazy import bisect", "bisect.__name__"], "1\n'bisect'\n", marks=since_3_15),
        pytest.param(
            ["1", "for n in (1,): lazy import bisect; 2", "bisect.__name__"], "1\n2\n'bisect'\n", marks=since_3_15
        ),
        pytest.param([":load counter", "[*(n, n) async for n in Counter(2, 0.001)]"], "[0, 0, 1, 1]\n", marks=since_3_15),
    ],
    ids=lambda value: value[0][:20] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_script_prints_what_the_session_printed(
    inputs: list[str], printed: str, tmp_path: Path
) -> None:
    """Values are shown, names are global, errors do not end it, definitions stand at the top."""
    transcript = "".join(f">>> {text}\n" for text in inputs)
    assert ran(script(transcript), tmp_path) == printed


def test_tickers_and_ctrl_c_become_tasks_and_timeouts(tmp_path: Path) -> None:
    """What runs in the background runs in the script; a Ctrl-C comes after as long."""
    text = """\
>>> :ticker tick 0.05
>>> async def wait():
...     try: await asyncio.sleep(9)
...     finally: print("cleaned up")
...
#: key C-c after 0.12
>>> await wait()
>>> :stop tick
>>> :wait 0.1
>>> 'end'
"""
    expected = "tick │ 1\ntick │ 2\ncleaned up\nKeyboardInterrupt\n'end'\n"
    assert ran(script(text), tmp_path) == expected


def test_a_script_keeps_what_is_told() -> None:
    """Title and narration are its docstring and its comments."""
    code = script('#: title A "b"\n\n# Why.\n>>> x = 1\n\n# How.\n>>> :tasks\n')
    assert code == (
        '"""A \'b\'"""\n\nimport asyncio\n\n\nasync def main():\n    global x\n\n'
        "    # Why.\n    x = 1\n\n    # How.\n    # :tasks\n\n\nasyncio.run(main())\n"
    )  # fmt: skip


@pytest.mark.sampled(15)
@pytest.mark.parametrize("demo", ALL)
def test_each_demo_becomes_a_script(demo: Demo) -> None:
    """Every shipped transcript gives code that compiles, and the same code each time."""
    transcript = load_transcript(demo.path)
    if missing_requirement(transcript):
        pytest.skip(missing_requirement(transcript))
    code = export(transcript, "py")
    compile(code, demo.name, "exec")
    assert code == export(load_transcript(demo.path), "py")

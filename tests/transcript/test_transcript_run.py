from __future__ import annotations

import builtins
import io
import sys
import warnings
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.session.frontend import Console
from asyncrepl.session.shell import open_shell
from asyncrepl.transcript.grammar import TranscriptError
from asyncrepl.transcript.transcript_check import (
    CheckReport,
    accepted_transcript,
    check_file,
    check_transcript,
    diff_lines,
)
from asyncrepl.transcript.transcript_parser import parse_transcript
from asyncrepl.transcript.transcript_run import HangDetector, TimeLimits

if TYPE_CHECKING:
    from pathlib import Path

SPEC_EXAMPLE = """\
#: title  Two things at once, one thread
#: clock  virtual

# A ticker is a background task: it prints every 0.2 s, whatever we do.
>>> :ticker tick 0.2
tick started: every 0.2 s

# An async generator that takes 0.33 s to make each value.
>>> async def readings(n):
...     for i in range(n):
...         await asyncio.sleep(0.33)
...         yield i * 10
...

# `async for` waits for each value; while it waits, the ticker runs.
>>> async for r in readings(3): print("reading", r)
tick │ 1
reading 0
tick │ 2
tick │ 3
reading 10
tick │ 4
reading 20

# A plain `for` cannot wait, so Python refuses.
>>> for r in readings(3): print(r)
TypeError: 'async_generator' object is not iterable
…
# Ctrl-C cancels this statement only: the ticker goes on.
#: key C-c after 0.5
>>> async for r in readings(99): print("reading", r)
tick │ 5
tick │ 6
reading 0
tick │ 7
KeyboardInterrupt…
"""


def checked(text: str, limits: TimeLimits | None = None) -> CheckReport:
    return check_transcript(parse_transcript(text, "t.pycon"), limits=limits)


def outputs(text: str) -> list[list[str]]:
    """What the inputs of `text` print, each with nothing expected."""
    report = checked(text)
    assert report.trouble is None
    by_line = {found.input.line: list(found.actual) for found in report.differences}
    return [by_line.get(entry.line, []) for entry in report.transcript.inputs]


def test_the_example_of_the_specification_is_as_written() -> None:
    """Tickers, an `async for`, an error and a Ctrl-C print what the file says."""
    report = checked(SPEC_EXAMPLE)
    assert list(diff_lines(report)) == []
    assert (report.passed, report.ran) == (True, 5)


def test_each_input_has_its_own_output() -> None:
    """What a statement prints to either stream and the value it shows are compared in order."""
    text = ">>> import sys\n>>> print(1); print(2, file=sys.stderr); print(3)\n>>> 'x'\n"
    assert outputs(text) == [[], ["1", "2", "3"], ["'x'"]]


def test_a_transcript_is_one_session() -> None:
    """Names live on from statement to statement, and not from file to file."""
    assert outputs(">>> x = 1\n>>> x\n>>> _\n") == [[], ["1"], ["1"]]
    assert outputs(">>> 'x' in globals()\n") == [["False"]]
    assert not hasattr(builtins, "_")


def test_time_stands_still_between_statements() -> None:
    """Only a running statement lets time pass, exactly as long as it takes."""
    text = """\
>>> now = asyncio.get_running_loop().time
>>> start = now()
>>> await asyncio.sleep(0.5)
>>> now() - start
>>> :wait 2
>>> now() - start
"""
    assert outputs(text)[3::2] == [["0.5"], ["2.5"]]


def test_what_is_due_as_the_statement_ends_belongs_to_it() -> None:
    """Output at the very instant of the end is that statement's, not the next one's."""
    text = ">>> :ticker t 0.5\n>>> await asyncio.sleep(1)\n>>> 'next'\n"
    assert outputs(text)[1:] == [["t │ 1", "t │ 2"], ["'next'"]]


def test_output_is_compared_without_empty_lines_at_its_end() -> None:
    """The grammar has no empty lines at the end of an output, so they don't count."""
    assert outputs(r">>> print('\na\n\nb\n\n')" + "\n") == [["", "a", "", "b"]]


def test_control_characters_are_spelled_out() -> None:
    """Escape sequences, NUL and lone surrogates are compared as Python escapes."""
    text = r""">>> print("\x1b[31m \0 \x9b \a \x1b[2S \ud800")""" + "\n"
    assert outputs(text) == [[r"\x1b[31m \x00 \x9b \x07 \x1b[2S \ud800"]]


def test_of_rows_drawn_again_the_last_state_is_compared() -> None:
    """A progress bar is its last row, a table drawn anew is itself; ours begins a row."""
    bar = r""">>> for i in range(3): print(f"\r{i} of 2", end="")""" + "\n"
    table = r""">>> print("a\nb\n\x1b[2A\x1b[2KA\n\x1b[2KB")""" + "\n"
    value = ">>> print('half', end=''); 5\n"
    assert outputs(bar + table + value) == [["2 of 2"], ["A", "B"], ["half", "5"]]


def test_a_statement_may_close_or_replace_the_streams() -> None:
    """Closed streams go on; a replaced one is the user's own, and given back after the file."""
    before = sys.stdout, sys.stderr, sys.stdin
    text = ">>> import sys, io\n>>> sys.stdout.close()\n>>> print(1)\n"
    text += ">>> sys.stdout = io.StringIO()\n"
    assert outputs(text)[2] == ["1"]
    assert (sys.stdout, sys.stderr, sys.stdin) == before


def test_standard_input_is_empty() -> None:
    """`input()` doesn't wait for the person who runs the check."""
    assert outputs(">>> input()\n")[0][-1] == "EOFError: EOF when reading a line"


def test_warnings_come_once_in_each_file() -> None:
    """A warning shown in one file is shown in the next one too; filters stay as they were."""
    text = ">>> import warnings\n>>> warnings.warn('careful')\n"
    filters = list(warnings.filters)
    first, second = outputs(text)[1], outputs(text)[1]
    assert first == second
    assert "UserWarning: careful" in first[0]
    assert warnings.filters == filters


def test_a_leak_is_part_of_what_a_statement_prints() -> None:
    """A generator left open is told in the statement that left it, the same each time."""
    text = (
        ">>> async def ticks():\n...     yield 1\n...     yield 2\n...\n"
        ">>> t = ticks()\n"
        ">>> async for n in t: break\n"
        "leak t, made at <input 2>:1, is still open: `break` at <input 3>:1 left it\n"
        "try  await t.aclose()\n"
        ">>> :leaks\n"
        "left open  t (ticks), by `break` at <input 3>:1, made at <input 2>:1: t = ticks()\n"
        "open now   ticks waits at <input 1>:2: yield 1, begun at <input 3>:1\n"
        ">>> await t.aclose()\n"
        ">>> :leaks\n"
        "no leaks\n"
    )
    for _ in range(2):
        assert not check_transcript(parse_transcript(text)).differences


def test_a_warning_names_no_file_of_ours() -> None:
    """A coroutine that dies unawaited between statements is told without our own line."""
    text = ">>> async def f(): pass\n...\n>>> x = [f()]; x.append(x); del x\n"
    assert outputs(text)[1] == [
        "RuntimeWarning: coroutine 'f' was never awaited",
        "why  <input 2>:1: `f()` only makes a coroutine: without `await` nothing of it runs.",
        "try  x = [await f()]; x.append(x); del x",
    ]


def test_output_without_end_does_not_fill_the_memory() -> None:
    """Of a flood a million characters are kept, and that the rest is dropped is said."""
    flood, after = outputs(">>> for i in range(300_000): print('a flood')\n>>> 1\n")
    assert flood[-1] == "(more than 1,000,000 characters: the rest is dropped)"
    assert len(flood) == 125_001
    assert after == ["1"]


def test_what_closing_the_session_prints_is_ignored() -> None:
    """Tasks are cancelled and generators closed at the end; what that prints is in no output."""
    text = """\
>>> log = []
>>> async def walk():
...     try:
...         yield 1
...     finally:
...         print("closed")
...
>>> w = walk()
>>> await anext(w)
1
"""
    assert checked(text).passed


def test_a_difference_is_a_hunk_of_a_diff() -> None:
    """The diff shows what is written and what came, with file, line and what is typed there."""
    text = "# a\n>>> for x in 1, 2, 3, 4:\n...     x\n...\n1\n2\n3\n5\n"
    assert list(diff_lines(checked(text))) == [
        "--- t.pycon\tas written",
        "+++ t.pycon\tas run",
        "@@ -5,4 +5,4 @@ t.pycon:8: >>> for x in 1, 2, 3, 4:",
        " 1",
        " 2",
        " 3",
        "-5",
        "+4",
    ]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "printed", ["# a", ">>> b", "... c", "#: d", "…", "a\n\nb", "\na", "a\n…\nb"]
)
def test_accepted_output_passes(printed: str) -> None:
    """Whatever a statement prints, accepting it makes the transcript pass."""
    report = checked(f">>> print({printed!r})\nsomething else\n>>> 1\n1\n")
    assert not report.passed
    assert checked(accepted_transcript(report).render()).passed


def test_a_deadlock_is_told_at_once() -> None:
    """A statement that nothing can wake is given up without waiting for a limit."""
    report = checked(">>> 1\n1\n>>> await asyncio.Event().wait()\n>>> 2\n", TimeLimits(60, 60))
    assert report.trouble == "t.pycon:3: hangs: nothing is left that could wake it"
    assert (report.ran, report.passed) == (1, False)


@pytest.mark.parametrize(
    ("statement", "limits", "reason"),
    [
        ("while True: pass", TimeLimits(0.1, 60), "nothing has happened for 0.1 s"),
        ("import time; time.sleep(60)", TimeLimits(0.1, 60), "nothing has happened for 0.1 s"),
        ("while True: await asyncio.sleep(1)", TimeLimits(60, 0.1), "it still runs after 0.1 s"),
        (
            "await asyncio.to_thread(__import__('time').sleep, 0.5)",
            TimeLimits(0.1, 60),
            "nothing has happened for 0.1 s",
        ),
    ],
)
def test_a_statement_without_end_is_given_up(
    statement: str, limits: TimeLimits, reason: str
) -> None:
    """A statement that holds the loop, waits too long or goes round for ever is given up."""
    assert checked(f">>> {statement}\n", limits).trouble == f"t.pycon:1: hangs: {reason}"


def test_a_thread_of_the_users_may_wake_a_statement() -> None:
    """A statement that waits for a thread is no deadlock, though the loop has nothing to do."""
    text = """\
>>> import threading
>>> async def wait_for_thread():
...     done, loop = asyncio.Event(), asyncio.get_running_loop()
...     threading.Timer(0.2, loop.call_soon_threadsafe, [done.set]).start()
...     return await done.wait()
...
>>> await wait_for_thread()
True
"""
    assert checked(text).passed


def test_a_session_that_is_left_early_is_trouble() -> None:
    """Statements after `exit` would never be compared, so the transcript does not pass."""
    report = checked(">>> exit\n>>> 1\n1\n")
    assert report.trouble == "t.pycon:1: ends the session; what comes after it was not run"
    assert checked(">>> 1\n1\n>>> exit\n").passed


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "import sys; sys.exit(3)"])
def test_leaving_by_an_exception_is_leaving(statement: str) -> None:
    """SystemExit ends the transcript's session, not the check."""
    assert checked(f">>> {statement}\n").passed


@pytest.mark.parametrize(
    ("required", "missing"),
    [("python>=99.0", "Python 99.0"), ("no_such_module", "the module no_such_module")],
)
def test_a_transcript_that_needs_more_is_skipped(required: str, missing: str) -> None:
    """What a transcript requires and this Python lacks is told, and nothing is run."""
    report = checked(f"#: requires {required}\n>>> 1 / 0\n")
    assert report.skipped == f"t.pycon: skipped, it needs {missing}"
    assert (report.passed, report.ran) == (True, 0)


@pytest.mark.parametrize("required", ["python>=3.11", "asyncio", "os.path"])
def test_a_transcript_that_has_what_it_needs_is_run(required: str) -> None:
    """A requirement that is met changes nothing."""
    assert checked(f"#: requires {required}\n>>> 1\n1\n").ran == 1


@pytest.mark.parametrize("requirement", ["os.path.no.such", "json.nothing", "no_package.module"])
def test_a_missing_submodule_is_missing(requirement: str) -> None:
    """Also a module inside a package that isn't there is told as missing."""
    assert checked(f"#: requires {requirement}\n>>> 1\n").skipped is not None


def test_an_input_that_enter_would_not_submit_is_refused() -> None:
    """A block without its empty line could be checked, but never typed: it is refused."""
    with pytest.raises(TranscriptError, match=r"^t.pycon:2: Enter would not submit this"):
        checked(">>> def f():\n...     return 1\n>>> f()\n1\n")
    with pytest.raises(
        TranscriptError, match=r"^t.pycon:1: .*: it goes on with another '...' line"
    ):
        checked(">>> print(1,\n>>> 2\n")


def test_a_file_is_checked_by_its_path(tmp_path: Path) -> None:
    """A report's transcript is named as the path it was read from."""
    path = tmp_path / "a.pycon"
    path.write_text(">>> 1\n2\n")
    assert f"@@ -1,2 +1,2 @@ {path}:2: >>> 1" in list(diff_lines(check_file(path)))


def test_user_code_may_stop_the_loop() -> None:
    """`loop.stop()` and a cancelled world don't end the transcript."""
    text = """\
>>> asyncio.get_running_loop().stop()
>>> [task.cancel() for task in asyncio.all_tasks()] and None
…
>>> 1
1
"""
    assert checked(text).passed


def test_a_loop_that_goes_on_by_itself_is_not_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a busy machine would show in the slices of an export, which is to be the same each time."""
    monkeypatch.setattr("asyncrepl.transcript.transcript_run.POLL_INTERVAL", 60.0)
    with open_shell(Console(io.StringIO()), clock=Clock.virtual()) as shell:
        detector = HangDetector(shell.loop, lambda: None, TimeLimits())
        timer, began = shell.loop.call_later(1, bool), monotonic()
        for _ in range(3):
            detector._look(began)
        assert not shell.loop._ready
        timer.cancel()
        detector.loop_waits()
        detector._look(began)
        assert len(shell.loop._ready) == 1
        detector.close()

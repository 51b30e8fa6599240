"""A sleep that holds the loop: told in each run alike, and as long in virtual time as it says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.engine.loop.loop_clock import Clock
from asyncrepl.export.recording import output_lines, record_transcript
from asyncrepl.runtime.shipped_demos import find_transcript
from asyncrepl.session.frontend import Console
from asyncrepl.transcript.replay import replay_plain
from asyncrepl.transcript.transcript_parser import load_transcript, parse_transcript
from asyncrepl.transcript.transcript_run import TimeLimits, run_transcript
from asyncrepl.views.styled_lines import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.shells import Typed

BLOCKED = "loop was blocked 0.3 s by task 'input {}' at <input {}>:{}: {}\n"


@pytest.fixture
def told() -> Iterator[Typed]:
    """A shell that plays a script."""
    with typed_shell() as typed:
        typed.shell.sleeps.wanted = lambda: True
        typed(
            "import time; from time import sleep\nnow = lambda: asyncio.get_running_loop().time()"
        )
        yield typed


ONE_LINE = {
    "at the prompt": "time.sleep(0.3)",
    "by its own name": "sleep(0.3)",
    "again and again": "for _ in range(3): time.sleep(0.1)",
    "in an expression": "x = [time.sleep(0.15) for _ in 'ab']",
    "in a lambda": "(lambda: time.sleep(0.3))()",
}


@pytest.mark.parametrize("text", ONE_LINE.values(), ids=list(ONE_LINE))
def test_a_sleep_is_told_with_its_line_and_takes_its_time(told: Typed, text: str) -> None:
    """Once a slice; what it says is what passes."""
    before = told("now()")
    assert told(text) == BLOCKED.format(3, 3, 1, text)
    assert float(told("now()")) - float(before) == pytest.approx(0.3)


def test_what_is_due_meanwhile_is_late(told: Typed) -> None:
    """As it is on a real clock."""
    told(
        "async def tick():\n    await asyncio.sleep(0.1)\n    print('late by', round(now() - 0.1, 3))\n"
    )
    shown = told("t = asyncio.create_task(tick())\nawait asyncio.sleep(0)\nsleep(0.3)\nawait t\n")
    assert "late by 0.2\n" in shown


def test_a_sleep_in_a_function_is_the_functions_line(told: Typed) -> None:
    """Also in a plain one that a coroutine calls, or a callback; the task is named."""
    told("def work():\n    time.sleep(0.3)\n")
    told("async def main(): work()\n")
    assert told("await main()") == BLOCKED.format(4, 2, 2, "time.sleep(0.3)")
    shown = told("_ = asyncio.get_running_loop().call_soon(work)\nawait asyncio.sleep(1)\n")
    assert "loop was blocked 0.3 s by a callback at <input 2>:2: time.sleep(0.3)" in shown


@pytest.mark.parametrize(
    "text",
    [
        "time.sleep(0.05)",
        "async for n in ticks(3): time.sleep(0.05)",
        "await asyncio.to_thread(time.sleep, 0.2)",
        "await asyncio.to_thread(lambda: time.sleep(0.2))",
        "await asyncio.sleep(0.2)",
    ],
)
def test_what_holds_nobody_for_long_is_not_told(told: Typed, text: str) -> None:
    """Short sleeps, one a slice; other threads."""
    told(
        "async def ticks(n):\n    for i in range(n):\n        await asyncio.sleep(0.01)\n        yield i\n"
    )
    assert "blocked" not in told(text)


def test_an_error_of_a_sleep_looks_as_it_did(told: Typed) -> None:
    """No frame of ours stands in its traceback."""
    told("def f():\n    time.sleep(-1)\n")
    shown = told("f()")
    assert "blocked" not in shown
    assert shown.splitlines()[-1] == "ValueError: sleep length must be non-negative"
    assert "sleeping.py" not in shown


def test_a_real_clock_is_left_alone() -> None:
    """Where the watch measures, nothing stands in for the function."""
    with typed_shell(clock=Clock.real()) as typed:
        assert typed("import time; time.sleep(0.11)") == ""


def outputs(text: str) -> list[list[str]]:
    """What a transcript prints in a check, in an export and in a replay without a terminal."""
    transcript = parse_transcript(text, "blocking.pycon")
    checked = [
        line for lines in run_transcript(transcript, TimeLimits()).outputs for line in lines
    ]
    recorded_inputs = record_transcript(transcript).recorded_inputs
    exported = [plain(line) for recorded in recorded_inputs for line in output_lines(recorded)]
    out = io.StringIO()
    replay_plain(transcript, Console(out))
    replayed = [
        line for line in out.getvalue().splitlines() if not line.startswith((">>>", "..."))
    ]
    return [checked, exported, replayed]


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_check_an_export_and_a_replay_tell_the_same(clock: str) -> None:
    """On both clocks, and once."""
    text = f"#: clock {clock}\n>>> import time\n>>> async def f():\n...     time.sleep(0.12)\n...\n>>> await f()\n"
    checked, exported, replayed = outputs(text)
    assert checked[0] == (
        "loop was blocked 0.1 s by task 'input 3' at <input 2>:2: time.sleep(0.12)"
    )
    assert sum("loop was blocked" in line for line in checked) == 1
    assert [" ".join(exported).split(), " ".join(replayed).split()] == [
        " ".join(checked).split()
    ] * 2


def test_the_demo_has_it_in_its_expected_output() -> None:
    """What is checked is what is seen."""
    transcript = load_transcript(find_transcript("11-blocking"))
    expected = [line for entry in transcript.inputs for line in entry.expected]
    assert sum("loop was blocked" in line for line in expected) == 1

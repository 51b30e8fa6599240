"""A check warns where the output depends on which of two timers goes first."""

from __future__ import annotations

import pytest

from asyncrepl.transcript.transcript_check import check_transcript
from asyncrepl.transcript.transcript_parser import parse_transcript

TWO = "import asyncio\n>>> order = []\n>>> async def add(name, *naps):\n...     for nap in naps: await asyncio.sleep(nap)\n...     order.append(name)\n...\n"
TICKERS = ">>> :ticker a 0.2\n…\n>>> :ticker b 0.3\n…\n>>> :wait 1\n…\n"
#: How often this was run in this process.
COUNTED = """\
>>> import sys
>>> count = vars(sys).setdefault("{0}", [])
>>> count.append(1)
>>> len(count)
"""


def warned(text: str) -> str | None:
    return check_transcript(parse_transcript(text, "t.pycon")).warning


def tasks(*calls: str, then: str = "print(*order)") -> str | None:
    """What is warned of when these coroutines run side by side, in a statement in line 6."""
    return warned(f">>> {TWO}>>> _ = await asyncio.gather({', '.join(calls)}); {then}\n…\n")


def test_a_tie_that_shows_is_warned_of() -> None:
    """Timers set at different instants and due at the same one: the line, the instant, the tasks."""
    text = TICKERS.replace(":wait 1", ":wait 0.5") + ">>> :wait 0.2\n…\n"
    assert warned(text) == (
        "t.pycon:7: warning: timers tie at 0.6 s (b and a), and the output depends on which goes first"
    )


def test_it_is_seen_also_where_another_task_prints() -> None:
    """The order need not be printed at once, nor by those who tie."""
    told = tasks("add('a', 1, 1)", "add('b', 2)")
    assert told is not None
    assert told.startswith("t.pycon:7: warning: timers tie at 2 s (Task-")


@pytest.mark.parametrize(
    ("calls", "then"),
    [
        (["add('a', 1, 1)", "add('b', 2)"], "print(*sorted(order))"),
        (["add('a', 1)", "add('b', 1)"], "print(*order)"),
        (["add('a', 1)", "add('b', 2)"], "print(*order)"),
        (["add('a', 1, 1)", "add('b', 2.001)"], "print(*order)"),
    ],
    ids=["the order does not show", "set at the same instant", "no tie", "close is no tie"],
)
def test_a_harmless_tie_is_not(calls: list[str], then: str) -> None:
    """No warning where the output is the same either way, or the order is the program's own."""
    assert tasks(*calls, then=then) is None


@pytest.mark.parametrize(
    "text",
    [
        ">>> :ticker a 0.2\n…\n>>> :wait 0.1\n#: key C-c after 0.3\n>>> await asyncio.sleep(9)\n…\n",
        ">>> async with asyncio.timeout(1):\n...     await asyncio.sleep(0.5); await asyncio.sleep(0.5)\n...\n…\n",
    ],
    ids=["Ctrl-C", "timeout"],
)
def test_a_cancellation_wins_either_way(text: str) -> None:
    """Ctrl-C or a timeout that ties with what it cancels ends it in either order: no warning."""
    assert warned(text) is None


def test_what_differs_each_time_is_not_blamed_on_a_tie() -> None:
    """A transcript that prints something else in each run anyway gets no warning."""
    assert warned(COUNTED.format("differs each time") + TICKERS) is None


def test_only_a_transcript_with_ties_runs_again() -> None:
    """Without ties a transcript is run once; what is reported is the first run."""
    once = COUNTED.format("without ties")
    assert check_transcript(parse_transcript(once + "1\n")).passed
    assert check_transcript(parse_transcript(once + "2\n")).passed
    assert check_transcript(parse_transcript(once + "3\n" + TICKERS)).passed
    assert not check_transcript(parse_transcript(once + "4\n")).passed


def test_a_real_clock_has_no_ties() -> None:
    """On the real clock nothing is exact, so nothing is said."""
    text = "#: clock real\n>>> :ticker a 0.002\n…\n>>> :ticker b 0.003\n…\n>>> :wait 0.01\n…\n"
    assert warned(text) is None


def test_no_verdict_where_the_outside_is_waited_for() -> None:
    """Instants that depend on another program are not exact: nothing is said."""
    text = """\
>>> import threading
>>> come = threading.Event()
>>> _ = asyncio.get_running_loop().call_later(0.001, come.set)
>>> await asyncio.to_thread(come.wait)
True
>>> :ticker a 0.2
…
>>> :ticker b 0.3
…
>>> :wait 1
…
"""
    assert warned(text) is None
    assert warned(text.replace("await asyncio.to_thread(come.wait)", "True")) is not None

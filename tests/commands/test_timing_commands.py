"""``:time STATEMENT``: what is measured, and what is said of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.shells import typed_shell

from asyncrepl.commands.time_commands import span
from asyncrepl.engine.loop.loop_clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.shells import Typed

_UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


@pytest.fixture
def real() -> Iterator[Typed]:
    """A shell in real time."""
    with typed_shell(clock=Clock.real()) as typed:
        yield typed


def seconds(text: str, what: str) -> float:
    """The span that stands behind (or, for a run, before) `what`."""
    found = re.search(rf"{what} ([\d.]+) (\w+)", text) or re.search(
        rf"([\d.]+) (\w+) {what}", text
    )
    assert found is not None, text
    return float(found[1]) * _UNITS[found[2]]


def test_a_statement_is_run_many_times(real: Typed) -> None:
    """The mean, the best, the worst, how they differ, how many runs there were."""
    real("runs = 0")
    shown = real(":time runs += 1")
    first, second = shown.splitlines()
    assert seconds(first, "a run") < 1e-3
    counted = re.fullmatch(r"best .+, worst .+, deviation .+; 7 times ([\d,]+) runs", second)
    assert counted is not None
    assert int(real("runs")) > 7 * int(counted[1].replace(",", "")) >= 7000
    assert seconds(shown, "best") <= seconds(first, "a run") <= seconds(shown, "worst")


def test_running_and_waiting_are_told_apart(real: Typed) -> None:
    """One statement sleeps in the loop, one in the way of all others."""
    shown = real(":time await asyncio.sleep(0.03)")
    assert seconds(shown, "suspended") > 0.025 > 3 * seconds(shown, "ran")
    real("import time\nasync def f():\n    time.sleep(0.03)\n    await asyncio.sleep(0)\n")
    shown = real(":time await f()")
    assert seconds(shown, "ran") > 0.025 > 3 * seconds(shown, "suspended")


def test_a_long_statement_is_run_once(real: Typed) -> None:
    """Nobody waits for seven runs of three seconds."""
    real("import time")
    shown = real(":time time.sleep(3.01)")
    assert shown.endswith("of 1 run\n")
    assert seconds(shown, "a run") > 3


def test_other_tasks_run_meanwhile(real: Typed) -> None:
    """A measurement is short, then the loop goes on."""
    real(
        "n = 0\nasync def tick():\n    global n\n    while True:\n        n += 1\n        await asyncio.sleep(0.005)\n"
    )
    real("task = asyncio.create_task(tick())")
    real(":time sum(range(1000))")
    assert int(real("n")) > 1  # the first is that of its start


def test_the_sessions_clock_is_told_where_it_is_another(type_in: Typed) -> None:
    """In virtual time a second takes none."""
    shown = type_in(":time await asyncio.sleep(2)")
    assert "by the session's clock: 2.00 s a run" in shown


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (":time", ":time takes a statement: try :time sum(range(1000))\n"),
        (":time 1/0", "ZeroDivisionError: division by zero\n"),
        (":time a b", "SyntaxError: invalid syntax\n"),
        (":time await 1", "TypeError"),
        (":time for x in asyncio.sleep(1): x", "why "),
        (":time break", "SyntaxError: 'break' outside loop"),
    ],
)
def test_an_error_is_one_of_the_statement(type_in: Typed, typed: str, said: str) -> None:
    """Shown, explained and kept as that of any statement."""
    shown = type_in(typed)
    assert said in shown
    assert "asyncrepl" not in shown
    assert type_in.status is not None
    assert type_in.status.kind == "error"


def test_what_ends_the_session_ends_it(type_in: Typed) -> None:
    """SystemExit passes through."""
    type_in(":time raise SystemExit(4)")
    assert type_in.status is not None
    assert (type_in.status.kind, type_in.status.exit_code) == ("exit", 4)


def test_no_names_are_left(type_in: Typed) -> None:
    """What drives the runs is not seen afterwards."""
    type_in(":time x = 1")
    assert type_in("[n for n in globals() if n.startswith('.')], x") == "([], 1)\n"


def test_an_interrupt_ends_it(type_in: Typed) -> None:
    """And says so, as for any statement."""
    assert "KeyboardInterrupt" in type_in(":time await asyncio.sleep(60)", interrupt_after=1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (1.5e-9, "1.50 ns"), (12.34e-6, "12.3 µs"), (0.3312, "331 ms"), (0.9999, "1.00 s"), (61.2, "61.2 s")],
)  # fmt: skip
def test_a_span_has_three_digits(value: float, text: str) -> None:
    """In the unit that fits; in ASCII where that is all there is."""
    assert span(value) == text
    assert span(value, ascii=True).isascii()

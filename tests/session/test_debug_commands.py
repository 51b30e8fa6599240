"""What the keys of a pause do to a shell, without a terminal: on a virtual clock."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.traced_iteration import SOURCES

from asyncrepl.engine.loop.interrupts import Interrupter

if TYPE_CHECKING:
    from support.shells import Typed


def press(type_in: Typed, at: float, *words: str | tuple[str, str]) -> None:
    """Press keys so many seconds after now, all in one go."""
    loop, stepping = type_in.shell.loop, type_in.shell.debug_commands

    def pressed() -> None:
        for word in words:
            stepping.press(*([word] if isinstance(word, str) else word))

    loop.call_soon(lambda: loop.call_later(at, pressed))


def test_a_pause_tells_the_iterations_of_the_statement(type_in: Typed) -> None:
    """From there on, and no others afterwards; what is not looked at is not recorded."""
    type_in(SOURCES)
    press(type_in, 0.7, "pause", "resume_all")
    told = type_in("async for n in naps(3): n")
    assert "  0.700  2-5          naps(3) is under way: counted from here on\n" in told
    if sys.version_info >= (3, 12):  # before, it costs too much when nobody steps any more
        assert "  1.500  6 stop       StopAsyncIteration\n" in told
    assert type_in("async for n in naps(1): n") == "0\n"
    assert type_in.shell.observing.timeline is None
    assert type_in.shell.debug_commands.mode == "off"


def test_an_iteration_that_begins_after_the_pause_is_told(type_in: Typed) -> None:
    """On every Python."""
    type_in(SOURCES)
    press(type_in, 0.5, "pause", "resume_all")
    told = type_in("await asyncio.sleep(1); [n async for n in naps(1)]")
    assert "  1.000  1 __aiter__  naps(1) in a comprehension" in told


def test_steps_go_on_and_end_with_the_statement(type_in: Typed) -> None:
    """Its end leaves time as it was, whatever was asked for."""
    type_in(SOURCES)
    press(type_in, 0.7, "timer", "timer", "timer")
    assert "2\n" in type_in("async for n in naps(3): n")
    assert not type_in.shell.loop.live.clock.frozen


def test_each_round_is_told_in_full_while_it_is_stepped(type_in: Typed) -> None:
    """Nothing is summed up: the fifth round is told as the first."""
    type_in(SOURCES)
    press(type_in, 0.1, "pause", *["timer"] * 9)
    told = type_in("await asyncio.sleep(1); [n async for n in naps(5)]")
    assert "  3.000  2 __anext__  round 5: an async_generator_asend\n" in told
    assert "2-5" not in told


def test_values_and_expressions_are_shown(type_in: Typed) -> None:
    """Where the statement stands; what an expression raises is one line."""
    type_in(SOURCES)
    press(
        type_in, 0.7, "pause", "values", ("evaluate", "i + 1"), ("evaluate", "1/0"), "resume_all"
    )
    shown = type_in("async for n in naps(2): pass")
    assert "naps  <input 1>:3: await asyncio.sleep(seconds)\n  n = 2\n" in shown
    assert "  i = 1\n<input 2>:1: async for n in naps(2): pass\n  n = 0\n" in shown
    assert "value of i + 1\n2\nvalue of 1/0\nZeroDivisionError: division by zero\n" in shown


def test_leaving_as_an_expression_leaves_nothing(type_in: Typed) -> None:
    """It is an error like any other: the statement stands as before."""
    press(type_in, 0.7, "pause", ("evaluate", "exit()"), "resume_all")
    assert "SystemExit" in type_in("await asyncio.sleep(1); 'still here'")


def test_without_code_of_the_users_there_are_no_values(type_in: Typed) -> None:
    """A command that waits has none."""
    press(type_in, 0.5, "pause", "values", "resume_all")
    assert "no code of yours is suspended here\n" in type_in(":wait 1")


def test_keys_between_statements_do_nothing(type_in: Typed) -> None:
    """A key that comes too late is forgotten."""
    type_in.shell.debug_commands.press("pause")
    assert type_in("1 + 1") == "2\n"
    assert type_in.shell.debug_commands.mode == "off"


def test_where_nothing_is_iterated_over_n_says_so(type_in: Typed) -> None:
    """It waits for the next iteration; here none comes."""
    press(type_in, 0.5, "anext")
    assert type_in("await asyncio.sleep(1)").startswith("no async for is under way")


def test_a_ctrl_c_during_a_look_reaches_the_statement(type_in: Typed) -> None:
    """Where it stands at a step, also one that never suspends: no further value is bound."""
    interrupter = Interrupter(type_in.shell.loop, type_in.shell, lambda: None)
    type_in(SOURCES + "\nimport signal\n")
    interrupter.install()
    try:
        stepping, look = type_in.shell.debug_commands, "signal.raise_signal(signal.SIGINT)"
        type_in.shell.session.namespace["look"] = lambda: stepping.press("evaluate", look)
        press(type_in, 0.5, "anext", "anext")
        walk = "async for n in eager(9): print('got', n); look()"
        shown = type_in(f"await asyncio.sleep(1)\n{walk}\n")
    finally:
        interrupter.uninstall()
    assert "KeyboardInterrupt at <input 2>:2" in shown
    assert "got 1" not in shown


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (":walk", ":walk takes a statement: try :walk async for n in …\n"),
        (":walk 1", ":walk needs a terminal for its keys; :trace tells all steps\n"),
    ],
)
def test_walk_needs_a_statement_and_a_terminal(type_in: Typed, typed: str, told: str) -> None:
    """Each mistake is one line."""
    assert type_in(typed) == told

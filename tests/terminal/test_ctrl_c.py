"""Ctrl-C: what it ends, and that none is lost."""

from __future__ import annotations

import time
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal


def test_ctrl_c_at_the_prompt_drops_the_line_only(terminal: Terminal) -> None:
    """Twenty times Ctrl-C: each drops the typed line, the ticker never misses a beat."""
    terminal.enter(":ticker tick 0.01")
    for number in range(20):
        terminal.send(f"junk{number}")
        terminal.wait(lambda n=number: terminal.cursor_line == f">>> junk{n}")
        terminal.send("\x03")
        terminal.wait_for(f"junk{number}^C")
        terminal.wait_for_prompt()
    terminal.enter(":stop all")
    ticks = [line for line in terminal.scrollback if line.startswith("tick │")]
    assert ticks == [f"tick │ {n + 1}" for n in range(len(ticks))]
    assert ticks


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "statement",
    [
        "await asyncio.sleep(60)",
        "import time; time.sleep(60)",
        "while True: pass",
        "import threading; threading.Event().wait()",
        "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')",
        "import subprocess; subprocess.run(['sh', '-c', 'read line'])",
        "input('? ')",
        "await asyncio.gather(*(asyncio.sleep(60) for _ in range(50)))",
    ],
)
def test_ctrl_c_ends_what_runs(start: Callable[..., Terminal], statement: str) -> None:
    """Whatever a statement waits for, one Ctrl-C brings the prompt back; tasks live on."""
    terminal = start()
    terminal.begin(statement)
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.wait_for_prompt()
    terminal.enter("'alive'")
    assert terminal.scrollback[-2] == "'alive'"


def test_ctrl_c_right_after_enter_is_not_lost(terminal: Terminal) -> None:
    """Enter and Ctrl-C in one go: the statement is interrupted."""
    for _ in range(10):
        before = terminal.prompts
        terminal.begin("await asyncio.sleep(60)")
        terminal.send("\x03")
        terminal.wait(lambda n=before: terminal.prompts > n and terminal.at_prompt)


def test_ctrl_c_together_with_enter_is_not_lost(terminal: Terminal) -> None:
    """A Ctrl-C that is read in one go with Enter interrupts the statement."""
    for _ in range(10):
        before = terminal.prompts
        terminal.send("await asyncio.sleep(60)\r\x03")
        terminal.wait(lambda n=before: terminal.prompts > n and terminal.at_prompt)


def test_ctrl_c_at_the_prompt_ends_a_hog(terminal: Terminal) -> None:
    """A background task that blocks the loop is interrupted and named; the line stays."""
    terminal.enter("import time")
    terminal.enter("async def hog():\rawait asyncio.sleep(0.05)\rtime.sleep(60)\r")
    terminal.send("t = asyncio.create_task(hog(), name='hog')\rkeep")
    terminal.wait_for("loop blocked")
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt: task 'hog'")
    terminal.wait(lambda: terminal.cursor_line == ">>> keep")


def test_ctrl_c_sent_with_enter_reaches_code_that_keeps_the_interpreter(
    terminal: Terminal,
) -> None:
    """In one piece with Enter, Ctrl-C is seen before a regular expression takes over."""
    for _ in range(5):
        before = terminal.prompts
        terminal.send("import re; re.match('(a+)+$', 'a' * 40 + 'b')\r\x03")
        terminal.wait(lambda n=before: terminal.prompts > n and terminal.at_prompt, "the prompt")
        assert any("KeyboardInterrupt" in line for line in terminal.lines)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("then", ["time.sleep(60)", "await asyncio.sleep(60)"])
@pytest.mark.parametrize(
    "made",
    [
        ["class D:\rdef __del__(self): time.sleep(60)\r"],
        [
            "import weakref; refs = []",
            (
                "class D:\rdef __new__(c):\ro = object.__new__(c); "
                "refs.append(weakref.ref(o, lambda _: time.sleep(60))); return o\r\r"
            ),
        ],
    ],
    ids=["__del__", "a weak reference"],
)
def test_ctrl_c_is_not_lost_where_python_ignores_exceptions(
    terminal: Terminal, made: list[str], then: str
) -> None:
    """In a finalizer or a callback of one: what it was in ends, and then the statement."""
    for text in ("import time", *made):
        terminal.enter(text)
    before, since = terminal.prompts, len(terminal.scrollback)
    terminal.begin(f"D(); {then}")
    terminal.send("\x03")
    terminal.wait(lambda: terminal.prompts > before and terminal.at_prompt, "the prompt")
    told = terminal.scrollback[since:]
    assert any(row.startswith("KeyboardInterrupt") for row in told), told
    assert not any("ignored" in row or "weakref" in row for row in told), told


def test_ctrl_c_that_another_thread_has_taken_is_not_lost(terminal: Terminal) -> None:
    """The system may give it to an idle thread while the main one sleeps."""
    terminal.enter("import signal, threading, time")
    terminal.enter("idle = threading.Thread(target=time.sleep, args=(99,), daemon=True)")
    terminal.enter("idle.start()")
    press = "threading.Timer(0.2, signal.pthread_kill, (idle.ident, 2)).start()"
    terminal.enter(f"{press}; time.sleep(60)")
    assert any(row.startswith("KeyboardInterrupt at") for row in terminal.scrollback)


GREEDY = {
    "a handler": "while True:\n    try: time.sleep(9)\n    except BaseException: pass\n",
    "suppress": "while True:\n    with suppress(BaseException): time.sleep(9)\n",
    "no wait": "while True:\n    try:\n        while True: pass\n    except BaseException: continue\n",
    "a finally": "while True:\n    for _ in [1]:\n        try: time.sleep(9)\n        finally: continue\n",
    "a call": "def f():\n    try: time.sleep(9)\n    except BaseException: g()\n"
    "def g(): pass\nwhile True: f()\n",
}


def pressing(terminal: Terminal, over: Callable[[], bool]) -> Callable[[], bool]:
    """Press Ctrl-C five times a second, as somebody does who has lost patience, until `over`."""
    last = time.monotonic()

    def look() -> bool:
        nonlocal last
        if not over() and time.monotonic() - last > 0.2:
            last = time.monotonic()
            terminal.send("\x03")
        return over()

    return look


@pytest.mark.slow
@pytest.mark.parametrize("kind", GREEDY)
def test_the_third_ctrl_c_ends_code_that_swallows_them(
    start: Callable[..., Terminal], kind: str
) -> None:
    """Synchronous code that catches every KeyboardInterrupt: three within a second end it."""
    terminal = start()
    terminal.enter("import time; from contextlib import suppress")
    terminal.paste(f"def greedy():\n{indent(GREEDY[kind], '    ')}")
    terminal.enter("\r")
    terminal.begin("greedy()")
    terminal.wait(pressing(terminal, lambda: terminal.at_prompt), "a prompt")
    terminal.enter("'alive'")
    assert terminal.scrollback[-2] == "'alive'"


@pytest.mark.slow
def test_code_that_cannot_be_interrupted_ends_the_session(terminal: Terminal) -> None:
    """Handlers within handlers: the process ends, says so, and the terminal is restored."""
    terminal.enter("import time")
    greedy = "while True:\n    try: {}\n    except BaseException: pass\n"
    for name, body in (("inner", "time.sleep(9)"), ("outer", "inner()")):
        terminal.paste(f"def {name}():\n{indent(greedy.format(body), '    ')}")
        terminal.enter("\r")
    terminal.begin("outer()")
    terminal.wait(pressing(terminal, lambda: terminal.ended), "the end")
    assert terminal.exit_status() == 130
    assert terminal.attributes() == terminal.found
    terminal.wait_for("what runs cannot be interrupted: the session ends without it")

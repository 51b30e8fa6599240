"""Pausing a statement in the terminal, stepping it, looking into it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

#: No timer of a source fires by itself while a test looks.
SOURCE = "async def slow(n):\rfor i in range(n):\rawait asyncio.sleep(60)\ryield i * 10\r"
CTRL_S = "\x13"


def has(terminal: Terminal, pattern: str) -> bool:
    """Whether a row of the screen matches `pattern`."""
    return any(re.search(pattern, line) for line in terminal.lines)


def row(terminal: Terminal, pattern: str) -> None:
    """Wait for a row that matches `pattern`."""
    terminal.wait(lambda: has(terminal, pattern), pattern)


def pause(terminal: Terminal, statement: str) -> None:
    """Begin `statement` and pause it."""
    terminal.begin(statement)
    terminal.send(CTRL_S)
    row(terminal, r"^paused, \d+\.\d{3} s")


def pause_under_way(terminal: Terminal, statement: str) -> None:
    """Begin `statement`, whose source prints "up", and pause it when it has.

    A pause that comes earlier has the iteration told, and stepped, from its start.
    """
    terminal.begin(statement)
    terminal.wait(lambda: "up" in terminal.lines, "an iteration that is under way")
    terminal.send(CTRL_S)
    row(terminal, r"^paused, \d+\.\d{3} s")


@pytest.fixture
def slow(terminal: Terminal) -> Terminal:
    """A session that knows a source whose values take a minute each."""
    terminal.enter(SOURCE)
    return terminal


def test_a_pause_is_shown_with_its_keys(slow: Terminal) -> None:
    """One calm row under the output; Ctrl-C cancels the statement, and the row goes."""
    pause(slow, "async for r in slow(3): r")
    row(slow, r"^paused, \d\.\d+ s  t timer  n __anext__  v values  e evaluate  c go on$")
    slow.send("\x03")
    slow.wait_for("KeyboardInterrupt at <input 1>:3: await asyncio.sleep(60)")
    slow.wait_for_prompt()
    assert not has(slow, "^paused")
    slow.enter("await asyncio.sleep(0.01); 'time goes on'")


def test_t_goes_from_timer_to_timer(slow: Terminal) -> None:
    """Each press is a timer, also of several at once: hours in no time."""
    pause(slow, "async for r in slow(4): r")
    slow.send("t")
    slow.wait(lambda: "0" in slow.scrollback, "the first value")
    row(slow, r"^paused, 60\.\d+ s")
    slow.send("tt")
    slow.wait(lambda: "20" in slow.scrollback, "two more")
    row(slow, r"^paused, 180\.\d+ s")
    assert "30" not in slow.scrollback
    slow.send("t")
    slow.wait_for_prompt()


#: Whenever it is paused, one timer later a quarter of a second is left.
WAIT = "await asyncio.sleep(3600); await asyncio.sleep(0.25)"


def test_n_goes_to_the_next_anext(slow: Terminal) -> None:
    """Of an iteration that is told from its start: it stands right after step 2, then goes on."""
    slow.enter(SOURCE.replace("slow", "quick").replace("60", "0.01"))
    pause(slow, f"{WAIT}; [r async for r in quick(3)]")
    slow.send("tn")
    slow.wait_for("no async for is under way: the next one that begins is waited for")
    for number in (1, 2):
        slow.wait_for(f"2 __anext__  round {number}: an async_generator_asend")
        row(slow, r"^at __anext__, 36\d\d\.\d+ s  t timer")
        assert not has(slow, rf"bind +r = {(number - 1) * 10}")
        slow.send("n")
    slow.wait_for("round 3: an async_generator_asend")
    slow.send("c")
    slow.wait(lambda: "[0, 10, 20]" in slow.scrollback and slow.at_prompt, "the end")


def test_a_source_that_never_suspends_is_iterated_over_by_steps(terminal: Terminal) -> None:
    """It stands in the middle of a slice, where no await is."""
    terminal.enter("async def eager(n):\rfor i in range(n):\ryield i\r")
    pause(terminal, f"{WAIT}\x1b\rasync for x in eager(3): print('got', x)\r")
    terminal.send("tnn")
    terminal.wait_for("2 __anext__  round 2: an async_generator_asend")
    row(terminal, "^at __anext__")
    assert "got 0" in terminal.scrollback
    assert "got 1" not in terminal.scrollback
    terminal.send("v")
    terminal.wait(lambda: "  x = 0" in terminal.scrollback, "the value")
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt at <input 2>:2: async for x in eager(3)")
    terminal.wait_for_prompt()
    assert "got 1" not in terminal.scrollback


def test_an_iteration_under_way_can_be_stepped(slow: Terminal) -> None:
    """On every Python, round by round; nothing runs on meanwhile."""
    slow.enter(SOURCE.replace("slow", "quick").replace("60", "0.3 if i else print('up') or 3600"))
    pause_under_way(slow, "async for r in quick(9): r")
    slow.send("t")
    row(slow, r"^paused, 3600")
    slow.send("n")
    slow.wait_for("quick(9) is under way: counted from here on")
    slow.wait_for("2 __anext__  round 3")
    row(slow, "^at __anext__")
    slow.send("nn")
    slow.wait_for("2 __anext__  round 5")
    row(slow, "^at __anext__")
    slow.send("v")
    slow.wait(lambda: "  r = 30" in slow.scrollback, "the value")
    assert "40" not in slow.scrollback
    slow.send("c")
    slow.wait(lambda: "80" in slow.scrollback and slow.at_prompt, "the end")
    slow.enter("__import__('sys').gettrace() is None")
    assert "True" in slow.scrollback


OTHERS = (
    "import sys; _ = sys.settrace(lambda *_: None)"
    if sys.version_info < (3, 12)
    else "import sys; [sys.monitoring.use_tool_id(n, 'other') for n in (3, 4)]"
)


def test_where_somebody_else_traces_it_stays_paused(slow: Terminal) -> None:
    """The step is not offered; whoever asks for it is told why, and nothing runs on."""
    slow.enter(SOURCE.replace("60", "print('up') or 60"))
    slow.enter(OTHERS)
    pause_under_way(slow, "async for r in slow(9): r")
    row(slow, r"^paused, \d+\.\d+ s  t timer  v values  e evaluate  c go on")
    slow.send("n")
    slow.wait_for("this async for cannot be stepped: a debugger or another tool traces")
    row(slow, r"^paused, \d+\.\d+ s  t timer  v values")
    assert "0" not in slow.scrollback
    slow.send("v")
    slow.wait_for("  i = 0")
    slow.send("\x03")
    slow.wait_for("KeyboardInterrupt")
    slow.wait_for_prompt()


def test_walk_begins_at_the_first_anext(slow: Terminal) -> None:
    """:walk STATEMENT stands there, on every Python; from there keys step."""
    slow.send(":walk async for r in slow(2): r\r")
    slow.wait_for("2 __anext__  round 1: an async_generator_asend")
    row(slow, r"^at __anext__, \d\.\d+ s  t timer  n __anext__")
    slow.send("t")
    slow.wait_for("2 __anext__  round 2: an async_generator_asend")
    row(slow, r"^paused, 60\.")
    slow.send("c\x03")
    slow.wait_for_prompt()


def test_values_in_scope_are_shown(slow: Terminal) -> None:
    """The names of each frame in which the statement stands, innermost first."""
    pause(slow, "word = 'here'; [r async for r in slow(3) if word]")
    slow.send("v")
    slow.wait_for("  word = 'here'")
    at = slow.scrollback.index("slow  <input 1>:3: await asyncio.sleep(60)")
    assert slow.scrollback[at + 1 : at + 3] == ["  n = 3", "  i = 0"]


def test_an_expression_is_evaluated_in_scope(slow: Terminal) -> None:
    """Typed in a line of its own; its value, or what it raises, and the pause goes on."""
    pause(slow, "async for r in slow(3): r")
    slow.send("e")
    slow.wait(lambda: slow.cursor_line == "value of")
    slow.send("n * 100 + i")
    slow.wait(lambda: slow.cursor_line == "value of n * 100 + i")
    slow.send("\r")
    slow.wait(lambda: slow.scrollback[-2:] == ["value of n * 100 + i", "300"], "300")
    row(slow, "^paused")
    slow.send("ei.nothing\r")
    slow.wait_for("AttributeError: 'int' object has no attribute 'nothing'")
    slow.send("e")
    slow.wait(lambda: slow.cursor_line == "value of")
    slow.send("\x07t")
    row(slow, r"^paused, 60\.")


def test_going_on_runs_at_the_rate_before(terminal: Terminal) -> None:
    """C and Ctrl-Q end the pause; the statement comes to its end by itself."""
    for key in ("c", "\x11"):
        before = terminal.prompts
        pause(terminal, f"{WAIT}; 'done'")
        terminal.send("t")
        row(terminal, r"^paused, 3600\.\d+ s")
        terminal.send(key)
        terminal.wait(lambda n=before: terminal.prompts > n and terminal.at_prompt, "the end")
        assert terminal.scrollback[-2] == "'done'"


def test_what_hogs_the_loop_is_paused_when_it_suspends(terminal: Terminal, tmp_path: Path) -> None:
    """Until then it is said; then time stands still."""
    terminal.enter(f"import os, time; path = {str(tmp_path / 'go')!r}")
    terminal.enter("def hog():\rwhile not os.path.exists(path): time.sleep(0.01)\r")
    terminal.begin("hog(); await asyncio.sleep(60)")
    terminal.send(CTRL_S)
    row(terminal, "^pauses when the statement suspends")
    (tmp_path / "go").touch()
    terminal.wait(lambda: has(terminal, "^paused, ") and not has(terminal, "^pauses when"))
    terminal.send("\x03")
    terminal.wait_for_prompt()


def test_what_was_typed_ahead_waits(slow: Terminal) -> None:
    """Before a pause keys are for the next prompt, in it for the pause, and then again."""
    slow.begin(WAIT)
    slow.send("'ahe" + CTRL_S)
    row(slow, "^paused")
    slow.send("xyzt")
    row(slow, r"^paused, 3600")
    slow.send("cad'")
    slow.wait(lambda: slow.cursor_line == ">>> 'ahead'")


def test_the_end_of_the_statement_ends_the_pause(terminal: Terminal) -> None:
    """The prompt comes back, time goes on, keys are typed."""
    pause(terminal, "await asyncio.sleep(60)")
    terminal.send("t")
    terminal.wait_for_prompt()
    terminal.enter("await asyncio.sleep(0.01); 'on'")
    assert terminal.scrollback[-2] == "'on'"


def test_a_narrow_screen_has_two_rows(start: Callable[..., Terminal]) -> None:
    """What is, and below it all keys."""
    terminal = start(columns=40, rows=15)
    pause(terminal, "await asyncio.sleep(60)")
    at = next(n for n, line in enumerate(terminal.lines) if line.startswith("paused, "))
    assert terminal.lines[at + 1] == "t timer n anext v values e eval c go on"


def test_the_session_can_be_ended_while_it_stands(terminal: Terminal) -> None:
    """SIGTERM at a step ends it at once, as anywhere."""
    import signal

    terminal.enter("async def eager(n):\rfor i in range(n):\ryield i\r")
    pause(terminal, f"{WAIT}; [x async for x in eager(3)]")
    terminal.send("tn")
    row(terminal, "^at __anext__")
    terminal.kill(signal.SIGTERM)
    assert terminal.exit_status() == 143

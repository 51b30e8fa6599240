from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])
def test_background_output_leaves_the_typed_line_intact(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Background prints appear above the line being typed, whole and in order."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter(
        "async def work():\rfor i in range(20): print('tick', i); await asyncio.sleep(0.02)\r"
    )
    terminal.send("task = asyncio.create_task(work())\rhalf a 日本 line")
    terminal.wait(lambda: "tick 19" in terminal.scrollback)
    terminal.wait(lambda: terminal.cursor_line == ">>> half a 日本 line")
    ticks = [line for line in terminal.scrollback if line.startswith("tick")]
    assert ticks == [f"tick {i}" for i in range(20)]
    assert terminal.screen.cursor.x == len(">>> half a ") + 4 + len(" line")


def test_prints_50_ms_apart_arrive_one_by_one(terminal: Terminal) -> None:
    """Nothing is gathered that is not written at the same time."""
    terminal.enter(
        "async def work():\rfor i in range(20): print('tick', i); await asyncio.sleep(0.05)\r"
    )
    terminal.enter("await work()")
    # Each update of the screen is a block of its own, however the reader's pieces fall.
    updates = b"".join(data for _, data in terminal.chunks).split(b"\x1b[?2026h")
    assert (
        sum(bool(re.search(rb"(?m)^(.*\x1b8.*)?tick \d+\r?$", update)) for update in updates) == 20
    )


def test_output_of_children_and_descriptors_is_in_order(terminal: Terminal) -> None:
    """What a child or os.write puts on descriptor 1 stands where it was written."""
    terminal.enter("import os, subprocess, time")
    terminal.enter(
        "print('a'); p = subprocess.Popen(['sh', '-c', 'echo b']); p.wait(); time.sleep(.01); print('c')"
    )
    assert [line for line in terminal.scrollback if line in {"a", "b", "c"}] == ["a", "b", "c"]


def test_a_forked_child_can_print(terminal: Terminal) -> None:
    """What a child of os.fork prints is shown, and it does not hang."""
    terminal.enter("import os")
    terminal.enter("pid = os.fork() or (print('child'), os._exit(0)); _ = os.waitpid(pid, 0)")
    # From Python 3.12 on a warning about forking may follow in the same row.
    terminal.wait(lambda: any(line.startswith("child") for line in terminal.scrollback))


def test_threads_print_whole_writes(terminal: Terminal) -> None:
    """Text of several threads is never mixed within one write."""
    terminal.enter("import threading, sys")
    terminal.enter(
        "ts = [threading.Thread(target=lambda n=n: [sys.stdout.write(f'{n}' * 30 + '\\n') "
        "for _ in range(20)]) for n in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; None"
    )
    rows = [line for line in terminal.scrollback if len(line) == 30 and line[0] in "0123"]
    assert sorted(rows) == sorted(f"{n}" * 30 for n in range(4) for _ in range(20))


def test_an_unfinished_line_is_a_row_above_the_prompt(terminal: Terminal) -> None:
    """Text without a newline stays visible above the prompt, and goes on there."""
    terminal.enter("print('half', end='')")
    assert terminal.scrollback[-2:] == ["half", ">>>"]
    terminal.enter("1 + 1")
    assert terminal.scrollback[-4:] == ["half", ">>> 1 + 1", "2", ">>>"]


def test_a_progress_bar_overwrites_its_row(terminal: Terminal) -> None:
    """A carriage return goes back in the row; only its last state is kept."""
    terminal.enter("for i in range(3): print(f'{i} of 2', end='\\r')\r")
    terminal.enter("print('done  ')")
    assert [line for line in terminal.scrollback if " of 2" in line and "print" not in line] == [
        "2 of 2"
    ]


CLOCK = r"""
async def clock(clear):
    for number in range(30):
        print(f"{clear}hour {number}\nminute {number}\x1b[5;3Hsecond {number}\n", end="")
        await asyncio.sleep(0.02)
"""


@pytest.mark.sampled(5)
@pytest.mark.parametrize("clear", [r"\x1b[2J\x1b[H", r"\x1b[H\x1b[J", r"\x1b[H\x1b[2J\x1b[3J"])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 8)])
def test_a_program_that_clears_the_screen_clears_its_own_rows(
    start: Callable[..., Terminal], clear: str, columns: int, rows: int
) -> None:
    """What was there before stays, and so does the input line; frames stand where the first did."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("'before'")
    terminal.paste(CLOCK.strip())
    terminal.send("\r\r")
    terminal.wait(lambda: terminal.at_prompt and terminal.prompts == 3)
    terminal.enter(f"await clock('{clear}')")
    shown = terminal.scrollback
    assert shown.count("'before'") == 1
    first = shown.index("hour 29")
    assert shown[first:] == ["hour 29", "minute 29", "", "", "  second 29", ">>>"]
    assert not any("hour 2" in line for line in [*shown[:first], *shown[first + 1 :]])


def test_a_task_may_clear_its_rows_while_a_line_is_typed(terminal: Terminal) -> None:
    """The line stays whole."""
    terminal.paste(CLOCK.strip())
    terminal.send("\r\r")
    terminal.wait(lambda: terminal.at_prompt and terminal.prompts == 2)
    terminal.enter(r":spawn await clock('\x1b[2J\x1b[H')")
    terminal.send("'typed meanwhile'")
    terminal.wait_for("  second 29")
    assert terminal.cursor_line == ">>> 'typed meanwhile'"
    assert sum("hour" in line for line in terminal.scrollback[-8:]) == 1


def test_escapes_other_than_colour_are_shown_not_obeyed(terminal: Terminal) -> None:
    """A program cannot scroll the screen, leave its rows or switch modes."""
    terminal.enter(r"print('\x1b[31mred\x1b[0m \x1b[2S\x1b[?1000h\x1b]0;title\x07 \x00 \x9b1A')")
    assert terminal.scrollback[0].startswith(">>> print(")
    assert r"red \x1b[2S\x1b[?1000h\x1b]0;title\x07 \x00 \x9b1A" in terminal.scrollback
    row = next(y for y, line in enumerate(terminal.lines) if line.startswith("red"))
    assert terminal.screen.buffer[row][0].fg == "red"


def test_a_lone_surrogate_is_spelled_out(terminal: Terminal) -> None:
    """Text that has no encoding is shown as an escape."""
    terminal.enter("print('\\ud800')")
    assert r"\ud800" in terminal.scrollback[1]


def test_closing_or_replacing_stdout_does_not_silence_the_session(terminal: Terminal) -> None:
    """Results are shown whatever user code does to sys.stdout."""
    terminal.enter("import sys; sys.stdout.close(); sys.stdout = None; sys.stderr = None")
    terminal.enter("6 * 7")
    assert terminal.scrollback[-2:] == ["42", ">>>"]


def test_a_flood_can_be_interrupted(terminal: Terminal) -> None:
    """Endless output is held back to what the terminal takes, and Ctrl-C ends it."""
    terminal.send("while True: print('x' * 80)\r\r")
    terminal.wait(lambda: len(terminal.scrollback) > 300)
    terminal.send("\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.wait_for_prompt()
    torn = [line for line in terminal.scrollback if "x" * 5 in line and line != "x" * 80]
    assert torn == []


def test_no_color_means_no_colour(start: Callable[..., Terminal]) -> None:
    """With NO_COLOR nothing of ours is coloured, neither input nor results."""
    terminal = start(env={"NO_COLOR": "1"})
    terminal.enter("def f(): return 'x'\r")
    terminal.enter("1/0")
    data = b"".join(data for _, data in terminal.chunks)
    assert not re.search(rb"\x1b\[(?:\d+;)*(?:3[0-7]|38|9[0-7])[;m]", data)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("_ = os.write(1, b'raw'); nap(); 5", ["raw", "5"]),
        ("n = os.write(1, b'one\\ntwo'); nap(); n", ["one", "two", "7"]),
        ("_ = os.write(1, b'raw'); nap(); print('more'); 5", ["rawmore", "5"]),
        ("_ = sys.__stdout__.write('a'); nap(); _ = os.write(2, b'b'); nap()", ["ab"]),
    ],
)
def test_what_goes_to_a_descriptor_without_a_newline_is_in_order(
    terminal: Terminal, text: str, shown: list[str]
) -> None:
    """On rows of its own above the value and the next prompt, if no child could go on with it."""
    terminal.enter("import os, sys, time")
    terminal.enter("nap = lambda: time.sleep(0.05)")
    terminal.enter("_ = sys.__stdout__.reconfigure(write_through=True)")
    terminal.send(text + "\r")
    terminal.wait(lambda: terminal.at_prompt and shown[-1] in terminal.lines, "its output")
    terminal.enter("'next'")
    assert terminal.scrollback[3:] == [f">>> {text}", *shown, ">>> 'next'", "'next'", ">>>"]

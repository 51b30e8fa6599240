"""Lines stay whole, whoever writes them, and nothing a text holds reaches the terminal raw."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.pty import Terminal

from asyncrepl.terminal.terminal_background import BACKGROUND_QUESTION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREADS = """
import subprocess, sys, threading
LINE = "".join
def work(n):
    for i in range(150): print("T%d" % n * 9, i, "end")
def child():
    subprocess.run([sys.executable, "-c", "for i in range(150): print('TC' * 9, i, 'end', flush=True)"])
async def task(n):
    for i in range(150): print("T%d" % n * 9, i, "end"); await asyncio.sleep(0)
async def both():
    names = "\\N{SUPERSCRIPT ONE}"
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)] + [threading.Thread(target=child)]
    for each in threads: each.start()
    await asyncio.gather(*map(task, range(4, 8)))
    for each in threads: await asyncio.to_thread(each.join)
"""
#: What a terminal would obey: a title, the clipboard, CSI and OSC in one character, SO, BEL.
EVIL = "\x1b]0;owned\x07\x1b]52;c;eA==\x07\x9b2J\x9d0;owned\x9c\x0e\x07\x1b[2S\x00\x7f"
RAW = re.compile(rb"\x1b\]|\x1b\[2[JS]|\xc2[\x80-\x9f]|[\x00\x07\x0e\x7f]")


def sent(terminal: Terminal) -> bytes:
    """All that the terminal got, but for what it is asked at the start."""
    got = b"".join(data for _, data in terminal.chunks)
    return got.replace(BACKGROUND_QUESTION.encode(), b"")


def test_lines_of_threads_tasks_and_children_stay_whole(
    terminal: Terminal, tmp_path: Path
) -> None:
    """`print` writes a line and its end apart; nobody comes between."""
    (tmp_path / "threads.py").write_text(THREADS)
    terminal.enter(f"exec(open({str(tmp_path / 'threads.py')!r}).read())")
    terminal.send("await both()\r")
    terminal.wait(lambda: terminal.prompts == 3 and terminal.at_prompt, "the end", 60)
    rows = [row for row in terminal.scrollback if "end" in row and "T" in row]
    assert [row for row in rows if not re.fullmatch(r"(T[\dC])\1{8} \d+ end", row)] == []
    assert len(rows) == 9 * 150


CROWD = """
import threading
def row(who, at): print(who, at, "=" * 20, "end")
def work(n):
    for at in range(60): row(f"thread-{n}", at)
async def task(n):
    for at in range(60): row(f"task-{n}", at); await asyncio.sleep(0)
async def crowd():
    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for each in threads: each.start()
    await asyncio.gather(*map(task, range(10)))
    for each in threads: await asyncio.to_thread(each.join)
"""


def test_rows_and_what_is_typed_stay_whole(terminal: Terminal, tmp_path: Path) -> None:
    """Ten threads and ten tasks print in the background while somebody types."""
    (tmp_path / "crowd.py").write_text(CROWD)
    terminal.enter(f"exec(open({str(tmp_path / 'crowd.py')!r}).read())")
    terminal.send("begun = asyncio.create_task(crowd())\r")
    typed = "'ty' + 'ped', begun.done()"
    for end in range(1, len(typed) + 1):
        terminal.send(typed[end - 1])
        terminal.wait(lambda end=end: terminal.cursor_line == (">>> " + typed[:end]).rstrip())
    terminal.wait(lambda: sum(row.endswith(" end") for row in terminal.scrollback) == 1200, "rows")
    terminal.send("\r")
    terminal.wait_for("('typed', True)")
    rows = [row for row in terminal.scrollback if row.startswith(("thread-", "task-"))]
    due: Counter[str] = Counter()
    for row in rows:
        who, at = re.fullmatch(r"((?:thread|task)-\d) (\d+) ={20} end", row).groups()
        assert int(at) == due[who]
        due[who] += 1
    assert len(rows) == 1200


def test_after_an_interrupted_flood_ours_begins_a_row(terminal: Terminal) -> None:
    """Of the line that was being printed, all is shown or nothing."""
    terminal.send("while True: print('E' * 70)\r\r")
    terminal.wait(lambda: len(terminal.scrollback) > 200)
    terminal.send("\x03")
    terminal.wait_for_prompt()
    rows = terminal.scrollback[2:]
    said = next(at for at, row in enumerate(rows) if "KeyboardInterrupt" in row)
    assert rows[said].startswith("KeyboardInterrupt")
    assert {row for row in rows[:said] if row} == {"E" * 70}


@pytest.mark.parametrize("times", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_ctrl_c_tears_no_row_that_is_being_printed(terminal: Terminal, times: int) -> None:
    """`print` writes its arguments, and what is between them, apart; so at some moments of it."""
    row = " ".join("abcdefghijklm")
    printing = "while True: print(*'abcdefghijklm')"
    caught = f"try:\n {printing}\nexcept: print('caught')"
    shown = set()
    for code, told in ((printing, "KeyboardInterrupt at"), (caught, "caught")) * times:
        terminal.screen.history.top.clear()
        terminal.send(f"exec({code!r})\r")
        terminal.wait(lambda: len(terminal.screen.history.top) > 40)
        terminal.send("\x03")
        terminal.wait(
            lambda told=told: terminal.at_prompt and any(told in row for row in terminal.lines),
            told,
        )
        shown.update(terminal.scrollback[5:])  # below what was typed
    ours = ("KeyboardInterrupt at", "loop was blocked", "  at ", ">>>")
    assert {each for each in shown if not each.startswith(ours)} == {row, "caught"}


def test_what_is_pasted_and_shown_again_is_not_obeyed(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """In the input line, in its echo, in values, names, messages, and in the history."""
    terminal = start(env={"ASYNCREPL_HISTORY": str(tmp_path / "history")})
    pasted = EVIL.replace("\x1b", "").replace("\x00", "").replace("\x7f", "")
    terminal.paste(f"evil = '{pasted}'")
    terminal.wait_for("owned")
    terminal.send("\r")
    terminal.wait(lambda: terminal.prompts == 2 and terminal.at_prompt)
    terminal.enter(f"evil = {EVIL!r}")
    for line in (
        "evil",
        "print(evil)",
        "raise ValueError(evil)",
        "type(evil, (), {})()",
        "_ = asyncio.create_task(asyncio.sleep(1), name=evil)",
        ":tasks",
        ":history",
        ":load no\x9b2J",
        "import warnings; warnings.warn(evil)",
    ):
        terminal.enter(line)
    terminal.send("\x1b[A\x1b[A")  # what was typed comes back
    terminal.wait(lambda: "no" in terminal.cursor_line)
    assert RAW.findall(re.sub(rb"\x1b\[J", b"", sent(terminal))) == []
    other = start(env={"ASYNCREPL_HISTORY": str(tmp_path / "history")})
    other.enter(":history")
    assert RAW.findall(re.sub(rb"\x1b\[J", b"", sent(other))) == []


@pytest.mark.sampled(3)
@pytest.mark.parametrize("control", ["\u202e", "\u2066", "\u2028"])
def test_a_name_does_not_turn_the_rest_of_its_row_around(terminal: Terminal, control: str) -> None:
    """Neither a task's in tables and lanes, nor a message, nor code in its echo; letters stay."""
    name, spelled = f"{control}abc", ascii(control)[1:-1] + "abc"
    terminal.enter(f"t = asyncio.create_task(asyncio.sleep(9), name='{name} שלום')")
    assert terminal.lines[0].endswith(f"name='{spelled} שלום')")
    for line in (":tasks", ":tree", f"raise ValueError('{name}')", "type(t.get_name(), (), {})()"):
        terminal.enter(line)
    assert sum(line.startswith(f"{spelled} שלום") for line in terminal.scrollback) == 2
    assert f"ValueError: {spelled}" in terminal.scrollback
    assert control.encode() not in sent(terminal)


def test_a_stranger_s_transcript_is_not_obeyed(tmp_path: Path) -> None:
    """Its title, what it tells, types and prints."""
    path = tmp_path / "strange.pycon"
    evil = EVIL.replace("\0", "")  # such a file is refused
    typed = f"'{evil[:2]}\x9b2J\x9d0;x\x0e'; print('over')"
    path.write_text(f"#: title {evil}\n\n# {evil}\n>>> {typed}\n")
    command = [sys.executable, "-m", "asyncrepl", "replay", "--speed", "50", str(path)]
    terminal = Terminal(command)
    try:
        assert terminal.exit_status() == 0
    finally:
        terminal.close()
    assert "over" in terminal.scrollback
    assert RAW.findall(sent(terminal)) == []


@pytest.mark.slow
def test_an_endless_row_does_not_fill_the_memory(terminal: Terminal) -> None:
    """Neither one row of characters nor one of escapes, each of megabytes."""
    terminal.enter("import resource, sys; write = lambda text: [sys.stdout.write(text), None][1]")
    terminal.enter("peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024")
    terminal.enter("before = peak()")
    terminal.enter(r"write('\x1b[31m' * 400_000)")
    terminal.enter(r"write('half' * 60_000 + '\r')")
    terminal.enter("peak() - before < 60 or peak() - before")
    assert "True" in terminal.scrollback[-3:]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", ["\\x1b[2S", "\\x1b]52;c;eA==\\x07", "\\x9b2J"])
def test_what_a_program_prints_beyond_its_rows_is_spelled(terminal: Terminal, text: str) -> None:
    """In whatever pieces it is written."""
    terminal.enter(
        f"import sys; _ = [sys.stdout.write(char) and sys.stdout.flush() for char in '{text}!']"
    )
    assert f"{text}!" in terminal.scrollback

"""``!COMMAND``, ``:run`` and ``:time`` at the prompt, on wide and narrow screens."""

from __future__ import annotations

import re
import sys
import termios
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.pty import Terminal

pytestmark = pytest.mark.sampled(2)

SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15)])


@SIZES
def test_a_program_has_a_sane_terminal_and_gives_it_back(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """It is a terminal, in the modes it had before us, of its size; then the prompt is back."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter("!test -t 0 -a -t 1 && stty -a | grep -ow -e icanon -e echo && stty size")
    assert terminal.scrollback[-4:] == ["icanon", "echo", f"{rows} {columns}", ">>>"]
    terminal.enter("!exit 7")
    assert terminal.scrollback[-2:] == ["exit status 7", ">>>"]
    assert not terminal.attributes()[3] & termios.ICANON


@SIZES
def test_a_program_reads_keys(start: Callable[..., Terminal], columns: int, rows: int) -> None:
    """What is typed while it runs is for it, edited by the terminal itself."""
    terminal = start(columns=columns, rows=rows)
    terminal.send("!echo ready; read x; echo got $x\r")
    terminal.wait(lambda: "ready" in terminal.lines)
    terminal.send("abX\x7fc\r")
    terminal.wait_for("got abc")
    terminal.wait_for_prompt()


@pytest.mark.parametrize(
    "run", ["!{}", "await (await asyncio.create_subprocess_exec({!r})).wait()"]
)
def test_what_is_printed_beside_a_program_that_draws_waits(
    terminal: Terminal, tmp_path: Path, run: str
) -> None:
    """It would stand in the midst of what an editor shows; beside one that reads lines it comes."""
    editor = tmp_path / "vim"
    drawing = "stty -icanon; echo draws; sleep 0.5; echo drawn; head -c 1; stty icanon"
    editor.write_text(f"#!/bin/sh\n{drawing}; read x\n")
    editor.chmod(0o755)
    terminal.enter(":ticker tick 0.05")
    terminal.send(f"{run.format(str(editor))}\r")
    terminal.wait_for("drawn")
    rows = terminal.scrollback
    assert rows[rows.index("draws") + 1] == "drawn"
    terminal.send("k")
    terminal.wait(lambda: any("tick │ 9" in line for line in terminal.scrollback))
    assert not terminal.at_prompt
    terminal.send("\r")
    terminal.wait(lambda: terminal.at_prompt)
    terminal.enter(":stop tick")
    ticks = re.findall(r"tick │ (\d+)", "\n".join(terminal.scrollback))
    assert [*map(int, ticks)] == [*range(1, len(ticks) + 1)]


def test_ctrl_c_is_the_programs(terminal: Terminal) -> None:
    """It may make something else of it than to end; the session waits on."""
    terminal.send("!trap 'echo caught' INT; echo on; cat; read x; echo done\r")
    wait_for_cat(terminal, "on")
    terminal.send("\x03")
    terminal.wait(lambda: any(line.removeprefix("^C") == "caught" for line in terminal.lines))
    terminal.send("one\r")
    terminal.wait(lambda: "done" in terminal.lines)
    terminal.wait_for_prompt()
    terminal.send("!echo on2; exec cat\r")
    wait_for_cat(terminal, "on2")
    terminal.send("\x03")
    terminal.wait_for_prompt()
    assert any("SIGINT" in line or "130" in line for line in terminal.lines)
    terminal.enter("1 + 1")


def wait_for_cat(terminal: Terminal, begun: str) -> None:
    """After `begun`, type a line and wait until ``cat`` repeats it: now a Ctrl-C ends it.

    A shell may be about to start its program when the Ctrl-C comes: dash then waits for the
    program, which never got it.
    """
    terminal.wait(lambda: begun in terminal.lines)
    terminal.send(f"is {begun}\r")
    terminal.wait(lambda: terminal.lines.count(f"is {begun}") == 2, "cat")


def test_ctrl_c_while_a_program_is_being_started_is_the_programs(terminal: Terminal) -> None:
    """On a busy machine the program may run before we know of it."""
    terminal.enter("import subprocess, time; fork = subprocess._fork_exec")
    terminal.enter("subprocess._fork_exec = lambda *all: (fork(*all), time.sleep(0.3))[0]")
    terminal.send("!trap 'echo caught' INT; echo on; read x; read x; echo done\r")
    terminal.wait(lambda: "on" in terminal.lines)
    terminal.send("\x03")
    terminal.wait(lambda: any(line.removeprefix("^C") == "caught" for line in terminal.lines))
    terminal.send("one\rtwo\r")
    terminal.wait(lambda: "done" in terminal.lines)
    terminal.wait_for_prompt()
    assert not any("KeyboardInterrupt" in line for line in terminal.scrollback)


def test_what_a_program_leaves_of_its_modes_is_undone(terminal: Terminal) -> None:
    """It died with the mouse on, other characters, on a screen of its own: ours is as before."""
    terminal.enter("print('seen before')")
    terminal.enter(r"!stty raw -echo; printf '\033[?1049h\033[?1000h\033[?25l\033(0'; kill -9 $$")
    assert terminal.lines[1] == "seen before"
    assert "ended by SIGKILL" in terminal.lines
    assert not terminal.modes[1049]
    assert not terminal.modes[1000]
    assert terminal.modes[25]
    terminal.enter("'lqqk'")
    assert terminal.scrollback[-2] == "'lqqk'"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("length", [1, 2, 79, 80])
def test_a_row_that_a_program_has_not_ended_stays(terminal: Terminal, length: int) -> None:
    """However short or long it is: what comes next begins a row below it."""
    row = "x" * length
    terminal.enter("from subprocess import run")
    terminal.enter(f"_ = run(['printf', 'x' * {length}]); print('next')")
    assert terminal.scrollback[2:4] == [row, "next"]
    terminal.enter(f"!printf {row}")
    assert terminal.scrollback[-2:] == [row, ">>>"]


def test_background_tasks_go_on(terminal: Terminal) -> None:
    """They print while the program runs, and it ends when it wants to."""
    terminal.enter(":ticker tick 0.05")
    terminal.send("!echo begun; read x\r")
    terminal.wait(lambda: "begun" in terminal.lines)
    at = len(terminal.scrollback)
    terminal.wait(lambda: sum("tick │" in line for line in terminal.scrollback[at:]) > 2)
    terminal.send("\r")
    terminal.wait(lambda: terminal.cursor_line.startswith(">>>"))


@SIZES
def test_a_file_runs_and_its_error_is_explained(
    start: Callable[..., Terminal], tmp_path: Path, columns: int, rows: int
) -> None:
    """With the names of the session; nothing is lost by the error."""
    (tmp_path / "f.py").write_text("print(mine)\nits = [1]\nasync for x in its: pass\n")
    terminal = start(columns=columns, rows=rows)
    terminal.enter("mine = 'seen'")
    terminal.enter(f":run {tmp_path}/f.py")
    assert "seen" in terminal.scrollback
    assert any(line.startswith("why ") for line in terminal.scrollback)
    terminal.enter("its")
    assert terminal.scrollback[-2:] == ["[1]", ">>>"]


@SIZES
def test_awaits_are_measured_apart(
    start: Callable[..., Terminal], columns: int, rows: int
) -> None:
    """Whole on a narrow screen, too."""
    terminal = start(columns=columns, rows=rows)
    terminal.enter(":time await asyncio.sleep(0.02)")
    shown = " ".join(line.strip() for line in terminal.lines)
    assert re.search(r"suspended (19|2\d)", shown)
    assert "times 1 run" in shown or "times 2 runs" in shown
    assert not any("blocked" in line for line in terminal.scrollback)


@pytest.mark.parametrize("statement", ["show()", "await asyncio.to_thread(show)"])
def test_answers_that_come_at_once_are_for_one_question_after_the_other(
    terminal: Terminal, statement: str
) -> None:
    """A paste of several lines is read line by line, as under ``python``; none is lost."""
    terminal.paste("def show():\n    for n in range(3): print('got', input(f'{n}? '))\n")
    terminal.enter("")
    terminal.begin(statement)
    terminal.wait(lambda: terminal.cursor_line == "0?")
    terminal.send("one\ntwo\nthree\n")
    terminal.wait_for_prompt()
    got = [line for line in terminal.scrollback if line.startswith("got ")]
    assert got == ["got one", "got two", "got three"]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    "ask",
    [
        "answer = await PromptSession().prompt_async('who? ')",
        "answer = await asyncio.to_thread(prompt, 'who? ')",
    ],
)
def test_a_prompt_of_prompt_toolkit_is_one(
    terminal: Terminal, tmp_path: Path, ask: str, alone: bool
) -> None:
    """In a statement, in its thread, and in a program: as under ``python``."""
    terminal.enter("from prompt_toolkit import PromptSession, prompt")
    if alone:
        path = tmp_path / "ask.py"
        path.write_text(
            "import asyncio\nfrom prompt_toolkit import PromptSession, prompt\n"
            "async def main():\n    global answer\n"
            f"    {ask}\n    print('caf\\udce9')\nasyncio.run(main())\n"
        )
        ask = f":run {path}"
    terminal.type(f"{ask}\r", "who?")
    terminal.type("b", "who? b")
    terminal.type("\x1b[Do\x1b[C!", "who? ob!")
    terminal.enter("")
    terminal.enter("answer")
    assert terminal.scrollback[-2] == "'ob!'"
    assert [line for line in terminal.scrollback if "x1b" in line] == []


BLOCKING = """\
import asyncio, time
for _ in range(6):
    time.sleep(0.3)
    await asyncio.sleep(0)
await asyncio.Event().wait()
"""


def test_the_task_of_a_file_is_called_as_the_file_is(terminal: Terminal, tmp_path: Path) -> None:
    """In the lanes, in the timeline, and where it is interrupted; a typed one as its input."""
    (tmp_path / "slow jobs.py").write_text(BLOCKING.replace("0.3", "0.001"))
    terminal.enter(":lanes on")
    terminal.begin(f":run '{tmp_path}/slow jobs.py'")
    terminal.wait(lambda: any(line.startswith("slow jobs.py  ") for line in terminal.lines))
    terminal.send("\x03")
    terminal.wait_for_prompt()
    terminal.enter(":timeline")
    assert any(line.startswith("slow jobs.py  ") for line in terminal.scrollback)
    terminal.enter("print('named', asyncio.current_task().get_name())")
    terminal.wait_for("named input 1")
    assert not any("input 0" in line for line in terminal.scrollback)


def test_what_has_blocked_in_a_file_is_told_when_it_ends(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    """What was gathered of the file's task comes before the next prompt, not long after it."""
    (tmp_path / "slow.py").write_text(BLOCKING.replace("Event().wait()", "sleep(0)"))
    options = ["-q", "--no-startup", "--clock", "virtual"]
    terminal = start([sys.executable, "-m", "asyncrepl", *options])
    terminal.enter(f":run {tmp_path}/slow.py")
    terminal.wait_for("loop was blocked 3 more times, 0.9 s in all")
